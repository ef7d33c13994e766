//! Where a record goes: the hashes of keys, and the partitioners by name.
//!
//! Modelled: murmur2 as the Java client and kafkajs compute it, CRC-32 as librdkafka does.
//! Left out: the hash of kafkajs before 2.0, FNV-1a. The choice itself is the producer's matter.
//! Source: Utils.murmur2, BuiltInPartitioner.partitionForKey (4.2); rdcrc32.c of librdkafka.

use crate::delivery::KeyId;

/// What `partitioner.class` can name. A class that Kafka has removed, and another client's
/// partitioner, stand for what they do.
pub const PARTITIONERS: &[&str] = &[
    "null",
    "org.apache.kafka.clients.producer.RoundRobinPartitioner",
    "RoundRobinPartitioner",
    "RoundRobinPartitioner 2.4",
    "org.apache.kafka.clients.producer.internals.DefaultPartitioner",
    "DefaultPartitioner 2.4",
    "org.apache.kafka.clients.producer.UniformStickyPartitioner",
    "UniformStickyPartitioner",
    "DefaultPartitioner 2.3",
    "kafkajs DefaultPartitioner",
    "librdkafka consistent_random",
    "librdkafka murmur2_random",
    "librdkafka random",
];

/// Who places records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartitionerClass {
    /// Keys by murmur2, the others sticky by bytes (KIP-794): Java since 3.3.
    #[default]
    BuiltIn,
    /// In turn, whatever the key.
    RoundRobin,
    /// The same in 2.4 to 3.x, which ask it once more whenever a record begins a batch and so skip
    /// a partition (KAFKA-9965).
    RoundRobinAskedTwice,
    /// Keys by murmur2, the others sticky until a new batch begins (KIP-480): Java 2.4 to 3.2.
    StickyByBatch,
    /// Sticky until a new batch begins, whatever the key (KIP-480).
    UniformSticky,
    /// Keys by murmur2, the others in turn: Java up to 2.3.
    Default23,
    /// Keys by murmur2, the others in turn from a random number on.
    KafkaJs,
    /// Keys by CRC-32, the others at random, the same partition for some milliseconds.
    ConsistentRandom,
    /// Keys by murmur2, the others as with `consistent_random`.
    Murmur2Random,
    /// At random, whatever the key.
    Random,
}

/// How keys are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHash {
    /// By murmur2, without its sign.
    Murmur2,
    /// By CRC-32.
    Crc32,
}

impl PartitionerClass {
    /// The partitioner of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::BuiltIn,
            "RoundRobinPartitioner" | "org.apache.kafka.clients.producer.RoundRobinPartitioner" => {
                Self::RoundRobin
            }
            "RoundRobinPartitioner 2.4" => Self::RoundRobinAskedTwice,
            "DefaultPartitioner 2.4"
            | "org.apache.kafka.clients.producer.internals.DefaultPartitioner" => {
                Self::StickyByBatch
            }
            "UniformStickyPartitioner"
            | "org.apache.kafka.clients.producer.UniformStickyPartitioner" => Self::UniformSticky,
            "DefaultPartitioner 2.3" => Self::Default23,
            "kafkajs DefaultPartitioner" => Self::KafkaJs,
            "librdkafka consistent_random" => Self::ConsistentRandom,
            "librdkafka murmur2_random" => Self::Murmur2Random,
            "librdkafka random" => Self::Random,
            _ => return None,
        })
    }

    /// Its name, as short as it is.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "null",
            Self::RoundRobin => "RoundRobinPartitioner",
            Self::RoundRobinAskedTwice => "RoundRobinPartitioner 2.4",
            Self::StickyByBatch => "DefaultPartitioner 2.4",
            Self::UniformSticky => "UniformStickyPartitioner",
            Self::Default23 => "DefaultPartitioner 2.3",
            Self::KafkaJs => "kafkajs DefaultPartitioner",
            Self::ConsistentRandom => "librdkafka consistent_random",
            Self::Murmur2Random => "librdkafka murmur2_random",
            Self::Random => "librdkafka random",
        }
    }

    /// How it places keys; none where it does not look at them.
    pub const fn key_hash(self) -> Option<KeyHash> {
        match self {
            Self::BuiltIn
            | Self::StickyByBatch
            | Self::Default23
            | Self::KafkaJs
            | Self::Murmur2Random => Some(KeyHash::Murmur2),
            Self::ConsistentRandom => Some(KeyHash::Crc32),
            Self::RoundRobin | Self::RoundRobinAskedTwice | Self::UniformSticky | Self::Random => {
                None
            }
        }
    }
}

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
    partition_by(KeyHash::Murmur2, key, partitions)
}

/// The partition of a record with this key by one of the hashes.
pub fn partition_by(hash: KeyHash, key: KeyId, partitions: u32) -> u32 {
    let mut buffer = [0; 12];
    let size = key.write(&mut buffer);
    match hash {
        KeyHash::Murmur2 => partition_for_bytes(&buffer[..size], partitions),
        KeyHash::Crc32 => crc32(&buffer[..size]) % partitions,
    }
}

/// The CRC-32 of zlib.
pub fn crc32(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut crc = u32::MAX;
    for byte in data {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let odd = crc & 1;
            crc = (crc >> 1) ^ (POLYNOMIAL * odd);
        }
    }
    !crc
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

    #[test]
    fn crc32_places_keys_as_librdkafka_does() {
        for (key, hash, of_12) in [
            ("21", 4_252_452_532, 4),
            ("foobar", 2_666_930_069, 5),
            ("a-little-bit-long-string", 4_000_435_554, 6),
            ("a-little-bit-longer-string", 2_277_486_890, 2),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                3_769_350_433,
                1,
            ),
            ("abc", 891_568_578, 6),
            ("1", 2_212_294_583, 11),
            ("kafka", 1_539_077_399, 11),
        ] {
            let crc = crc32(key.as_bytes());
            assert_eq!((crc, crc % 12), (hash, of_12), "{key}");
        }
    }

    #[test]
    fn most_keys_lie_elsewhere_by_another_hash() {
        let both =
            |key| [KeyHash::Murmur2, KeyHash::Crc32].map(|hash| partition_by(hash, KeyId(key), 6));
        let moved = (0..1_000).map(both).filter(|[java, other]| java != other);
        let moved = moved.count();
        assert!((780..880).contains(&moved), "{moved}");
    }

    #[test]
    fn every_name_of_a_partitioner_is_known_and_has_a_short_form() {
        for name in PARTITIONERS {
            let class = PartitionerClass::of_name(name).unwrap();
            assert_eq!(PartitionerClass::of_name(class.name()), Some(class));
            assert!(PARTITIONERS.contains(&class.name()));
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
