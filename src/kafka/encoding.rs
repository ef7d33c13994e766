//! Record batches in bytes: sizes, encoding, decoding and the checksum of batch format v2.
//!
//! Modelled: the batch header, records with keys and values, CRC-32C. A value's bytes follow from
//! the record's id, so that a reader can tell whether it got what was sent.
//! Left out for now: compression, record headers, null values, the attributes of transactions and
//! control batches (they are 0).
//! Source: DefaultRecordBatch, DefaultRecord, ByteUtils (4.2); KIP-98.

use crate::delivery::{KeyId, Record, RecordId};
use crate::kafka::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::{BatchTimes, ProducerStamp};
use crate::sim::clock::WallTime;

/// Bytes of a batch beside its records.
pub const BATCH_OVERHEAD: u32 = 61;
/// Bytes of a batch before those that its length field counts: base offset and length.
const LOG_OVERHEAD: u32 = 12;
/// Where the bytes begin that the checksum covers; the leader's epoch lies before it.
const CHECKED_FROM: usize = 21;
/// Kafka's bound for a record's bytes beside key, value and their lengths.
const MAX_RECORD_OVERHEAD: u32 = 21;
/// The version of the batch format.
const MAGIC: u8 = 2;

/// Bytes of a varint of a number whose zigzag form is `zigzag`: seven bits each.
const fn varint_size(zigzag: u32) -> u32 {
    // The sizes of one stream of records are nearly always the same, so these branches are cheap.
    if zigzag < 1 << 7 {
        1
    } else if zigzag < 1 << 14 {
        2
    } else if zigzag < 1 << 21 {
        3
    } else if zigzag < 1 << 28 {
        4
    } else {
        5
    }
}

const fn zigzag(number: i32) -> u32 {
    ((number << 1) ^ (number >> 31)) as u32
}

/// Bytes of a length, and of what has it.
const fn field_size(length: u32) -> u32 {
    varint_size(length << 1) + length
}

/// Bytes of a key with its length; a record without a key has a length of -1.
fn key_size(key: Option<KeyId>) -> u32 {
    // A key's length fits into one byte.
    1 + key.map_or(0, KeyId::size)
}

/// Bytes of a record after its length.
fn body_size(record: &Record, offset_delta: u32) -> u32 {
    let deltas = varint_size(zigzag(record.timestamp_delta)) + varint_size(offset_delta << 1);
    // Attributes and the number of headers take a byte each.
    2 + deltas + key_size(record.key) + field_size(record.value_size)
}

/// Bytes of a record that is the `offset_delta`th of its batch.
#[inline]
pub fn record_size(record: &Record, offset_delta: u32) -> u32 {
    let body = body_size(record, offset_delta);
    varint_size(body << 1) + body
}

/// Bytes of a batch of these records.
pub fn batch_size(records: &[Record]) -> u32 {
    let sizes = (0..).zip(records).map(|(delta, r)| record_size(r, delta));
    BATCH_OVERHEAD + sizes.sum::<u32>()
}

/// The estimate that a producer holds against max.request.size and allocates for a new batch.
pub fn batch_size_upper_bound(record: &Record) -> u32 {
    let fields = key_size(record.key) + field_size(record.value_size) + 1;
    BATCH_OVERHEAD + MAX_RECORD_OVERHEAD + fields
}

/// What each eight bytes of a value have more than the eight before.
const VALUE_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first eight bytes of the value of the record `id`.
const fn value_seed(id: RecordId) -> u64 {
    let mixed = (id.0 as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 31)
}

/// Writes the value of the record `id`.
pub fn write_value(id: RecordId, value: &mut [u8]) {
    let mut next = value_seed(id);
    let (words, rest) = value.as_chunks_mut::<8>();
    for word in words {
        *word = next.to_le_bytes();
        next = next.wrapping_add(VALUE_STEP);
    }
    rest.copy_from_slice(&next.to_le_bytes()[..rest.len()]);
}

/// True when `value` is the value of the record `id`.
pub fn is_value(id: RecordId, value: &[u8]) -> bool {
    let mut next = value_seed(id);
    let mut difference = 0;
    let (words, rest) = value.as_chunks::<8>();
    for word in words {
        difference |= u64::from_le_bytes(*word) ^ next;
        next = next.wrapping_add(VALUE_STEP);
    }
    difference == 0 && *rest == next.to_le_bytes()[..rest.len()]
}

/// Fills a buffer from its begin.
struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    /// The next `length` bytes, to be filled.
    fn take(&mut self, length: usize) -> &'a mut [u8] {
        let rest = std::mem::take(&mut self.rest);
        let (taken, rest) = rest.split_at_mut(length);
        self.rest = rest;
        taken
    }

    fn byte(&mut self, byte: u8) {
        self.take(1)[0] = byte;
    }

    fn varint(&mut self, mut zigzag: u32) {
        while zigzag >= 0x80 {
            self.byte(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        self.byte(zigzag as u8);
    }
}

/// The records as they lie in a batch, after its header.
pub fn encode_records(records: &[Record]) -> Vec<u8> {
    let size = batch_size(records) - BATCH_OVERHEAD;
    let mut bytes = vec![0; size as usize];
    let mut out = Writer { rest: &mut bytes };
    for (delta, record) in (0..).zip(records) {
        out.varint(body_size(record, delta) << 1);
        // No attributes.
        out.byte(0);
        out.varint(zigzag(record.timestamp_delta));
        out.varint(delta << 1);
        match record.key {
            Some(key) => {
                let mut buffer = [0; 12];
                let length = key.write(&mut buffer);
                out.varint((length as u32) << 1);
                out.take(length).copy_from_slice(&buffer[..length]);
            }
            None => out.varint(zigzag(-1)),
        }
        out.varint(record.value_size << 1);
        write_value(record.id, out.take(record.value_size as usize));
        // No headers.
        out.byte(0);
    }
    assert!(out.rest.is_empty(), "sizes are those of the encoding");
    bytes
}

/// A record as it is found in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRecord<'a> {
    /// Milliseconds after the batch's base timestamp.
    pub timestamp_delta: i32,
    /// Its place in the batch.
    pub offset_delta: i32,
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value.
    pub value: Option<&'a [u8]>,
}

impl RawRecord<'_> {
    /// True when key, value and timestamp are those of `record`.
    pub fn is_of(&self, record: &Record) -> bool {
        let mut buffer = [0; 12];
        let key = record.key.map(|key| key.write(&mut buffer));
        self.key == key.map(|size| &buffer[..size])
            && self.timestamp_delta == record.timestamp_delta
            && self.value.is_some_and(|value| {
                value.len() == record.value_size as usize && is_value(record.id, value)
            })
    }
}

/// The bytes are no records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed record batch")]
pub struct Malformed;

/// Reads one record after the other.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// The records in `bytes`, which begin after a batch's header.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn read(&mut self) -> Result<RawRecord<'a>, Malformed> {
        let length = read_varint(&mut self.rest)?;
        let mut body = take(&mut self.rest, length)?;
        take(&mut body, 1)?;
        let record = RawRecord {
            timestamp_delta: read_varint(&mut body)?,
            offset_delta: read_varint(&mut body)?,
            key: read_field(&mut body)?,
            value: read_field(&mut body)?,
        };
        let headers = read_varint(&mut body)?;
        if headers == 0 && body.is_empty() {
            Ok(record)
        } else {
            Err(Malformed)
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RawRecord<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.rest = &[];
        }
        Some(record)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: i32) -> Result<&'a [u8], Malformed> {
    let length = usize::try_from(length).map_err(|_| Malformed)?;
    let (taken, left) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = left;
    Ok(taken)
}

fn read_varint(rest: &mut &[u8]) -> Result<i32, Malformed> {
    let mut zigzag = 0_u32;
    for shift in (0..35).step_by(7) {
        let (byte, left) = rest.split_first().ok_or(Malformed)?;
        *rest = left;
        zigzag |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((zigzag >> 1) as i32 ^ -((zigzag & 1) as i32));
        }
    }
    Err(Malformed)
}

fn read_field<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    match read_varint(rest)? {
        -1 => Ok(None),
        length => take(rest, length).map(Some),
    }
}

/// A batch's header: all but its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record.
    pub base_offset: Offset,
    /// The epoch of the leader that appended it; outside the checksum.
    pub leader_epoch: LeaderEpoch,
    /// The producer's stamp, when it is idempotent.
    pub producer: Option<ProducerStamp>,
    /// The timestamps.
    pub times: BatchTimes,
    /// How many records.
    pub count: u32,
}

/// The part of a header that the checksum covers.
fn checked_header(producer: Option<ProducerStamp>, times: BatchTimes, count: u32) -> [u8; 40] {
    let (id, epoch, sequence) = producer.map_or((-1, -1, -1), |stamp| {
        let (epoch, sequence) = (stamp.epoch.0 as i16, stamp.base_sequence.0 as i32);
        (stamp.id.0 as i64, epoch, sequence)
    });
    let mut bytes = [0; 40];
    // The first two bytes are the attributes.
    bytes[2..6].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[6..14].copy_from_slice(&times.base.0.to_be_bytes());
    bytes[14..22].copy_from_slice(&times.max.0.to_be_bytes());
    bytes[22..30].copy_from_slice(&id.to_be_bytes());
    bytes[30..32].copy_from_slice(&epoch.to_be_bytes());
    bytes[32..36].copy_from_slice(&sequence.to_be_bytes());
    bytes[36..].copy_from_slice(&count.to_be_bytes());
    bytes
}

/// The checksum that a producer puts into the batch of these encoded `records`.
pub fn checksum(
    producer: Option<ProducerStamp>,
    times: BatchTimes,
    count: u32,
    records: &[u8],
) -> u32 {
    let header = crc32c::crc32c(&checked_header(producer, times, count));
    crc32c::crc32c_append(header, records)
}

/// A whole batch as it lies in a log and travels on the wire.
pub fn encode_batch(header: &BatchHeader, records: &[u8]) -> Vec<u8> {
    let BatchHeader {
        producer,
        times,
        count,
        ..
    } = *header;
    let size = BATCH_OVERHEAD + records.len() as u32;
    let mut out = Vec::with_capacity(size as usize);
    out.extend_from_slice(&header.base_offset.0.to_be_bytes());
    out.extend_from_slice(&(size - LOG_OVERHEAD).to_be_bytes());
    out.extend_from_slice(&header.leader_epoch.0.to_be_bytes());
    out.push(MAGIC);
    out.extend_from_slice(&checksum(producer, times, count, records).to_be_bytes());
    out.extend_from_slice(&checked_header(producer, times, count));
    out.extend_from_slice(records);
    out
}

/// Reads a whole batch and checks its checksum; returns the header and the bytes of the records.
pub fn decode_batch(bytes: &[u8]) -> Result<(BatchHeader, &[u8]), Malformed> {
    let header = bytes.get(..BATCH_OVERHEAD as usize).ok_or(Malformed)?;
    let length = u32::from_be_bytes(array(header, 8)) + LOG_OVERHEAD;
    let crc = u32::from_be_bytes(array(header, 17));
    let plain = header[16] == MAGIC && header[CHECKED_FROM..CHECKED_FROM + 2] == [0, 0];
    if length as usize != bytes.len() || !plain || crc32c::crc32c(&bytes[CHECKED_FROM..]) != crc {
        return Err(Malformed);
    }
    let id = i64::from_be_bytes(array(header, 43));
    let header = BatchHeader {
        base_offset: Offset(u64::from_be_bytes(array(header, 0))),
        leader_epoch: LeaderEpoch(u32::from_be_bytes(array(header, 12))),
        producer: u64::try_from(id).ok().map(|id| ProducerStamp {
            id: ProducerId(id),
            epoch: ProducerEpoch(u16::from_be_bytes(array(header, 51))),
            base_sequence: Sequence(u32::from_be_bytes(array(header, 53))),
        }),
        times: BatchTimes {
            base: WallTime(i64::from_be_bytes(array(header, 27))),
            max: WallTime(i64::from_be_bytes(array(header, 35))),
        },
        count: u32::from_be_bytes(array(header, 57)),
    };
    Ok((header, &bytes[BATCH_OVERHEAD as usize..]))
}

fn array<const N: usize>(bytes: &[u8], from: usize) -> [u8; N] {
    let part = bytes[from..from + N].try_into();
    part.expect("a slice of N bytes becomes an array of N bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(id: u32, key: Option<u32>, value_size: u32, timestamp_delta: i32) -> Record {
        Record {
            id: RecordId(id),
            key: key.map(KeyId),
            value_size,
            timestamp_delta,
        }
    }

    #[test]
    fn a_record_without_key_of_100_bytes_makes_a_batch_of_170() {
        assert_eq!(batch_size(&[record(0, None, 100, 0)]), 170);
    }

    #[test]
    fn the_smallest_record_has_7_bytes() {
        assert_eq!(record_size(&record(0, None, 0, 0), 0), 7);
    }

    #[test]
    fn a_varint_takes_a_byte_for_every_seven_bits() {
        for bits in 0..32_u32 {
            for zigzag in [1 << bits, (1_u32 << bits) - 1, (1 << bits) | 1] {
                let mut bytes = [0; 5];
                let mut out = Writer { rest: &mut bytes };
                out.varint(zigzag);
                assert_eq!(varint_size(zigzag) as usize, 5 - out.rest.len());
            }
        }
        assert_eq!(varint_size(u32::MAX), 5);
    }

    #[test]
    fn a_producers_estimate_is_above_every_real_size() {
        let long = record(7, Some(u32::MAX), 1_000_000, i32::MIN);
        assert!(batch_size_upper_bound(&long) >= batch_size(&[long]));
        // 61 + 21 + 1 (no key) + 2 + 100 (value) + 1 (headers).
        assert_eq!(batch_size_upper_bound(&record(0, None, 100, 0)), 186);
    }

    #[test]
    fn a_batch_that_kafka_wrote_is_read_and_written_byte_by_byte() {
        // Offset 0, leader epoch 1, no producer, one record "123" without a key.
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3b, 0, 0, 0, 1, 2];
        bytes.extend([0x03, 0x18, 0xa2, 0x70, 0, 0, 0, 0, 0, 0]);
        let time = [0, 0, 0x01, 0x5d, 0xff, 0x7b, 0x06, 0x3c];
        bytes.extend(time);
        bytes.extend(time);
        bytes.extend([0xff; 14]);
        bytes.extend([0, 0, 0, 1]);
        bytes.extend([0x12, 0, 0, 0, 1, 0x06, b'1', b'2', b'3', 0]);
        let (header, records) = decode_batch(&bytes).unwrap();
        let expected = BatchHeader {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch(1),
            producer: None,
            times: BatchTimes {
                base: WallTime(1_503_229_838_908),
                max: WallTime(1_503_229_838_908),
            },
            count: 1,
        };
        assert_eq!(header, expected);
        let found: Vec<_> = Records::new(records).collect();
        let only = RawRecord {
            timestamp_delta: 0,
            offset_delta: 0,
            key: None,
            value: Some(b"123"),
        };
        assert_eq!(found, [Ok(only)]);
        assert_eq!(encode_batch(&header, records), bytes);
    }

    #[test]
    fn any_damaged_bit_after_the_checksum_is_noticed() {
        let records = encode_records(&[record(3, Some(12), 9, 4)]);
        let header = BatchHeader {
            base_offset: Offset(77),
            leader_epoch: LeaderEpoch(2),
            producer: None,
            times: BatchTimes {
                base: WallTime(-5),
                max: WallTime(-1),
            },
            count: 1,
        };
        let bytes = encode_batch(&header, &records);
        for bit in 8 * 17..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_batch(&damaged), Err(Malformed));
        }
        // The leader's epoch is outside, so that a leader can set it without a new checksum.
        let mut other = bytes;
        other[15] ^= 1;
        let (found, _) = decode_batch(&other).unwrap();
        assert_eq!(found.leader_epoch, LeaderEpoch(3));
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let deltas = prop_oneof![Just(0), -100_i32..10_000, any::<i32>()];
        let keys = prop::option::of(prop_oneof![0_u32..200, any::<u32>()]);
        let sizes = prop_oneof![0_u32..300, Just(20_000)];
        let one = (any::<u32>(), keys, sizes, deltas);
        let one = one.prop_map(|(id, key, size, delta)| record(id, key, size, delta));
        prop::collection::vec(one, 1..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn encoded_records_have_the_computed_size_and_read_back(records in records()) {
            let bytes = encode_records(&records);
            prop_assert_eq!(bytes.len() as u32 + BATCH_OVERHEAD, batch_size(&records));
            let mut count = 0;
            for (delta, (raw, record)) in (0..).zip(Records::new(&bytes).zip(&records)) {
                let raw = raw.unwrap();
                prop_assert_eq!(raw.offset_delta, delta);
                prop_assert!(raw.is_of(record));
                count += 1;
            }
            prop_assert_eq!(count, records.len());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_batch(&bytes);
            prop_assert!(Records::new(&bytes).count() <= bytes.len());
        }
    }
}
