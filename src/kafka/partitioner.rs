//! Where a keyed record goes: Kafka's own hash of the key's bytes.
//!
//! Modelled: murmur2 as the Java client computes it. Left out for now: other clients' hashes
//! (librdkafka's CRC-32, kafkajs before 2.0). Keyless records are the producer's matter.
//! Source: Utils.murmur2, BuiltInPartitioner.partitionForKey (4.2).

use crate::delivery::KeyId;

/// The 32-bit murmur2 hash with Kafka's seed.
pub const fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ data.len() as u32;
    let mut rest = data;
    while let Some((word, after)) = rest.split_first_chunk::<4>() {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
        rest = after;
    }
    let tail = match *rest {
        [] => 0,
        [a] => u32::from_le_bytes([a, 0, 0, 0]),
        [a, b] => u32::from_le_bytes([a, b, 0, 0]),
        [a, b, c, ..] => u32::from_le_bytes([a, b, c, 0]),
    };
    if !rest.is_empty() {
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// The partition of a record whose key has these bytes, of `partitions`; available or not.
pub const fn partition_for_bytes(key: &[u8], partitions: u32) -> u32 {
    // Java masks the sign; it does not take the absolute value.
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// The partition of a record with this key, of `partitions`.
pub fn partition_for_key(key: KeyId, partitions: u32) -> u32 {
    let mut buffer = [0; 12];
    let size = key.write(&mut buffer);
    partition_for_bytes(&buffer[..size], partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_and_partitions_are_those_of_the_java_client() {
        for (key, hash, of_3, of_6, of_12) in [
            ("21", -973_932_308, 0, 0, 0),
            ("foobar", -790_332_482, 0, 0, 6),
            ("a-little-bit-long-string", -985_981_536, 2, 2, 8),
            ("a-little-bit-longer-string", -1_486_304_829, 2, 5, 11),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
                2,
                5,
                5,
            ),
            ("abc", 479_470_107, 0, 3, 3),
            ("", 275_646_681, 0, 3, 9),
            ("0", 971_027_396, 2, 2, 8),
            ("1", -1_993_445_489, 0, 3, 3),
            ("user-1", 1_404_122_828, 2, 2, 8),
            ("kafka", -798_503_068, 1, 4, 4),
        ] {
            let bytes = key.as_bytes();
            assert_eq!(murmur2(bytes) as i32, hash, "{key}");
            let partitions = [3, 6, 12].map(|n| partition_for_bytes(bytes, n));
            assert_eq!(partitions, [of_3, of_6, of_12], "{key}");
        }
    }

    /// Java's SplittableRandom, seeded with 0.
    struct SplittableRandom(u64);

    impl SplittableRandom {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn fill(&mut self, bytes: &mut [u8]) {
            for chunk in bytes.chunks_mut(8) {
                chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
            }
        }
    }

    #[test]
    fn a_hundred_random_arrays_of_each_length_sum_to_kafkas_checksum() {
        let mut random = SplittableRandom(0);
        let mut sum = 0_u64;
        for length in 0..=1_000 {
            let mut data = vec![0; length];
            for _ in 0..100 {
                random.fill(&mut data);
                sum += u64::from(murmur2(&data));
            }
        }
        assert_eq!(sum, 0xc3b8_cf7c_99fc);
    }

    #[test]
    fn a_keys_partition_is_that_of_its_bytes() {
        assert_eq!(
            partition_for_key(KeyId(42), 7),
            partition_for_bytes(b"k42", 7)
        );
    }

    #[test]
    fn more_partitions_move_most_keys() {
        let keys: Vec<String> = (0..10_000).map(|i| format!("key-{i}")).collect();
        let moved = [(3, 4), (6, 8), (6, 12)].map(|(from, to)| {
            let is_moved = |key: &&String| {
                let bytes = key.as_bytes();
                partition_for_bytes(bytes, from) != partition_for_bytes(bytes, to)
            };
            keys.iter().filter(is_moved).count()
        });
        // About 3/4, 3/4 and 1/2: a key stays where its hash has the same remainder by both.
        assert_eq!(moved, [7_467, 7_615, 5_017]);
    }
}
