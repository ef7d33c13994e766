//! Records as Kafka encodes them, written by hand.

/// Bytes of a value: twelve words, and four bytes more.
const VALUE: usize = 100;
/// Words of a value: the record's number, and so on.
pub(crate) const WORDS: u64 = 12;

/// Records as Kafka encodes them: length, attributes, deltas, no key, a value, no headers.
pub(crate) fn encode(first: u32, count: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count as usize * (VALUE + 11));
    for delta in 0..count {
        let deltas = if delta < 64 {
            1
        } else {
            2 + u32::from(delta >= 8_192)
        };
        varint(&mut bytes, (VALUE as u32 + 6 + deltas) << 1);
        bytes.extend([0, 0]);
        varint(&mut bytes, delta << 1);
        bytes.push(1);
        varint(&mut bytes, (VALUE as u32) << 1);
        for word in 0..WORDS {
            bytes.extend((u64::from(first + delta) + word).to_le_bytes());
        }
        bytes.extend([0; VALUE - 8 * WORDS as usize + 1]);
    }
    bytes
}

/// The sum of the words of all values.
pub(crate) fn decode(bytes: &[u8]) -> u64 {
    let (mut rest, mut sum) = (bytes, 0);
    while !rest.is_empty() {
        let length = read_varint(&mut rest) as usize >> 1;
        let (mut record, after) = rest.split_at(length);
        rest = after;
        record = &record[2..];
        read_varint(&mut record);
        assert_eq!(record[0], 1, "there is no key");
        record = &record[1..];
        let size = read_varint(&mut record) as usize >> 1;
        let (words, _) = record[..size].as_chunks::<8>();
        sum += words
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .sum::<u64>();
    }
    sum
}

fn varint(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_varint(bytes: &mut &[u8]) -> u32 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}
