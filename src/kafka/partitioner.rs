//! Kafka's hash of keys. Interim form; the log's file replaces it.

/// murmur2 as in org.apache.kafka.common.utils.Utils.
pub fn murmur2(data: &[u8]) -> i32 {
    let m = 0x5bd1_e995_u32;
    let mut h = 0x9747_b28c_u32 ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(m);
        k ^= k >> 24;
        h = h.wrapping_mul(m) ^ k.wrapping_mul(m);
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            h ^= u32::from(*byte) << (8 * i);
        }
        h = h.wrapping_mul(m);
    }
    h ^= h >> 13;
    h = h.wrapping_mul(m);
    (h ^ (h >> 15)) as i32
}
