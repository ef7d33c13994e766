//! Compression as sizes and CPU time: codecs, what a topic does about them, declared costs.
//!
//! Modelled: the codecs of a batch, a topic that keeps the producer's codec or asks for one of its
//! own, sizes by a declared ratio. Left out: the compressors themselves, so no byte is compressed.
//! Source: CompressionType, BrokerCompressionType (4.2); KIP-390.

// Deviation: a batch shrinks by the ratio that the scenario declares, however few records it holds
// and whatever the level; levels are checked, and what a level costs is for the scenario to declare.

use crate::kafka::encoding::BATCH_OVERHEAD;
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// Not at all.
    #[default]
    None,
    /// gzip
    Gzip,
    /// snappy
    Snappy,
    /// lz4
    Lz4,
    /// zstd
    Zstd,
}

/// compression.type of a topic or a broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TopicCompression {
    /// Batches stay as the producer made them.
    #[default]
    Producer,
    /// The broker makes them so.
    To(Codec),
}

/// How large a batch is, and would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// How it is compressed.
    pub codec: Codec,
    /// Its bytes without compression.
    pub raw_bytes: u32,
    /// Its bytes with compression, by whichever codec.
    pub packed_bytes: u32,
}

/// What compression costs per KiB of uncompressed records. A declared assumption.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodecCosts {
    /// To compress, in the order of [`Codec::COMPRESSING`].
    pub compress: [SimDuration; 4],
    /// To decompress.
    pub decompress: [SimDuration; 4],
}

impl Codec {
    /// All but none.
    pub const COMPRESSING: [Self; 4] = [Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// Kafka's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl TopicCompression {
    /// The codec of a batch in the log that its producer made with `codec`.
    pub const fn codec_for(self, codec: Codec) -> Codec {
        match self {
            Self::Producer => codec,
            Self::To(wanted) => wanted,
        }
    }
}

impl Packing {
    /// A batch that is not compressed and would not shrink.
    pub const fn plain(raw_bytes: u32) -> Self {
        Self {
            codec: Codec::None,
            raw_bytes,
            packed_bytes: raw_bytes,
        }
    }

    /// A batch whose records shrink to `ratio`.
    pub fn new(codec: Codec, raw_bytes: u32, ratio: Ratio) -> Self {
        let packed = ratio.of(u64::from(raw_bytes - BATCH_OVERHEAD));
        let packed = u32::try_from(packed).unwrap_or(u32::MAX - BATCH_OVERHEAD);
        Self {
            codec,
            raw_bytes,
            packed_bytes: BATCH_OVERHEAD + packed,
        }
    }

    /// Its bytes as it is.
    pub const fn size_bytes(self) -> u32 {
        match self.codec {
            Codec::None => self.raw_bytes,
            Codec::Gzip | Codec::Snappy | Codec::Lz4 | Codec::Zstd => self.packed_bytes,
        }
    }

    /// Its compressed bytes per million of its uncompressed ones, without the header.
    pub const fn parts_per_million(self) -> u32 {
        let raw = (self.raw_bytes - BATCH_OVERHEAD) as u64;
        let now = (self.size_bytes() - BATCH_OVERHEAD) as u64;
        (now * 1_000_000 / raw) as u32
    }
}

impl CodecCosts {
    /// CPU time to compress so many bytes.
    pub fn compress(&self, codec: Codec, bytes: u32) -> SimDuration {
        cost(&self.compress, codec, bytes)
    }

    /// CPU time to get so many bytes back.
    pub fn decompress(&self, codec: Codec, bytes: u32) -> SimDuration {
        cost(&self.decompress, codec, bytes)
    }
}

fn cost(per_kib: &[SimDuration; 4], codec: Codec, bytes: u32) -> SimDuration {
    let per_kib = match codec {
        Codec::None => return SimDuration::ZERO,
        Codec::Gzip => per_kib[0],
        Codec::Snappy => per_kib[1],
        Codec::Lz4 => per_kib[2],
        Codec::Zstd => per_kib[3],
    };
    let nanos = (u128::from(per_kib.as_nanos()) * u128::from(bytes)) >> 10;
    SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_shrink_and_the_header_does_not() {
        let ratio = Ratio::parse("25%").unwrap();
        let packing = Packing::new(Codec::Lz4, 61 + 1_000, ratio);
        assert_eq!(packing.size_bytes(), 61 + 250);
        assert_eq!(packing.parts_per_million(), 250_000);
        let plain = Packing::new(Codec::None, 61 + 1_000, ratio);
        assert_eq!((plain.size_bytes(), plain.packed_bytes), (1_061, 311));
    }

    #[test]
    fn a_topic_keeps_the_producers_codec_or_has_its_own() {
        let keep = TopicCompression::Producer;
        assert_eq!(keep.codec_for(Codec::Zstd), Codec::Zstd);
        let none = TopicCompression::To(Codec::None);
        assert_eq!(none.codec_for(Codec::Zstd), Codec::None);
    }

    #[test]
    fn each_codec_has_its_own_cost_per_kib() {
        let micros = |n| SimDuration::from_micros(n);
        let costs = CodecCosts {
            compress: [micros(20), micros(2), micros(1), micros(4)],
            decompress: [micros(3), micros(1), micros(0), micros(2)],
        };
        assert_eq!(costs.compress(Codec::Gzip, 2_048), micros(40));
        assert_eq!(costs.compress(Codec::Zstd, 512), micros(2));
        assert_eq!(costs.decompress(Codec::Snappy, 1_024), micros(1));
        assert_eq!(costs.compress(Codec::None, 1_024), SimDuration::ZERO);
    }
}
