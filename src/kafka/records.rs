//! Record batches as the log and the wire see them.
//!
//! Modelled: batch format v2: exact sizes, idempotent producer fields, leader epoch outside the
//! checksum, payload by descriptor or by bytes (see `encoding`), compression as a size. Left out for now:
//! control batches.
//! Source: DefaultRecordBatch, DefaultRecord; KIP-98.

use std::sync::Arc;

// Deviation: the bytes of a compressed batch are kept as they were before: compression changes its
// size and costs CPU time.

use crate::delivery::Parcel;
use crate::kafka::compression::{Codec, Packing};
use crate::kafka::encoding;
use crate::kafka::ids::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Sequence};
use crate::sim::clock::WallTime;

/// Who produced a batch, for idempotence: producer id, its epoch, the first record's sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer id.
    pub id: ProducerId,
    /// Its epoch.
    pub epoch: ProducerEpoch,
    /// The sequence of the first record.
    pub base_sequence: Sequence,
}

/// When the records of a batch were made, by the producer's clock or the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchTimes {
    /// The first record's timestamp.
    pub base: WallTime,
    /// The largest timestamp.
    pub max: WallTime,
}

/// message.timestamp.type: whose clock the timestamps of a batch are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's, when it made each record.
    #[default]
    CreateTime,
    /// The leader's, when it appended the batch: the same for all its records.
    LogAppendTime,
}

/// The immutable content of a record batch: one copy, shared by all that hold it.
///
/// Control batches (transaction markers) will stand where the records do.
#[derive(Debug)]
pub struct Batch {
    /// The records, in order.
    pub records: Parcel,
    /// The producer's stamp, when it is idempotent.
    pub producer: Option<ProducerStamp>,
    /// The timestamps.
    pub times: BatchTimes,
    /// Whose clock they are of.
    pub timestamp_type: TimestampType,
    /// Bytes of the encoded batch, its header included.
    pub size_bytes: u32,
    /// How it is compressed.
    pub packing: Packing,
    /// The payload where a run keeps it.
    pub payload: Payload,
}

/// What the values of a batch say.
#[derive(Debug)]
pub enum Payload {
    /// Only sizes are known.
    Descriptor,
    /// The bytes too.
    Bytes(Box<Encoded>),
}

/// The bytes of a batch's records and their checksum.
#[derive(Debug)]
pub struct Encoded {
    /// The records as they are encoded; a new stamp on the batch leaves them alone.
    pub records: Arc<Vec<u8>>,
    /// The CRC-32C that the producer computed over its part of the header and the records.
    pub crc: u32,
}

/// A batch at its place in a log: what the leader adds to the content.
#[derive(Clone, Debug)]
pub struct StoredBatch {
    /// The offset of the first record.
    pub base_offset: Offset,
    /// The epoch of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
    /// The content.
    pub batch: Arc<Batch>,
}

impl Batch {
    /// A batch of these records (at least one), encoded when `keep_payload`.
    pub fn new(
        records: Parcel,
        producer: Option<ProducerStamp>,
        times: BatchTimes,
        keep_payload: bool,
    ) -> Self {
        let packing = Packing::plain(encoding::batch_size(&records));
        let batch = Self::sized(records, producer, times, packing);
        if keep_payload { batch.encoded() } else { batch }
    }

    /// A batch without payload whose maker has added up its sizes.
    pub fn sized(
        records: Parcel,
        producer: Option<ProducerStamp>,
        times: BatchTimes,
        packing: Packing,
    ) -> Self {
        assert!(!records.is_empty(), "a batch has a record");
        debug_assert_eq!(packing.raw_bytes, encoding::batch_size(&records));
        Self {
            records,
            producer,
            times,
            timestamp_type: TimestampType::CreateTime,
            size_bytes: packing.size_bytes(),
            packing,
            payload: Payload::Descriptor,
        }
    }

    /// The same batch with the bytes of its records.
    pub fn encoded(mut self) -> Self {
        self.encode(Arc::new(encoding::encode_records(&self.records)));
        self
    }

    /// The same records compressed otherwise, as a broker does it.
    pub fn recompressed(&self, codec: Codec) -> Self {
        let packing = Packing {
            codec,
            ..self.packing
        };
        let mut batch = self.remade(self.producer, self.times, packing);
        batch.timestamp_type = self.timestamp_type;
        batch
    }

    /// The same records under another stamp, as after a bump of the producer's epoch.
    pub fn restamped(&self, producer: Option<ProducerStamp>) -> Self {
        self.remade(producer, self.times, self.packing)
    }

    fn remade(&self, producer: Option<ProducerStamp>, times: BatchTimes, packing: Packing) -> Self {
        let mut batch = Self {
            records: Arc::clone(&self.records),
            producer,
            times,
            timestamp_type: TimestampType::CreateTime,
            size_bytes: packing.size_bytes(),
            packing,
            payload: Payload::Descriptor,
        };
        if let Payload::Bytes(encoded) = &self.payload {
            batch.encode(Arc::clone(&encoded.records));
        }
        batch
    }

    /// The same records with a leader's time of append, as LogAppendTime asks for.
    pub fn appended_at(&self, now: WallTime) -> Self {
        let times = BatchTimes {
            max: now,
            ..self.times
        };
        let mut batch = self.remade(self.producer, times, self.packing);
        batch.timestamp_type = TimestampType::LogAppendTime;
        batch
    }

    /// The timestamp of each record.
    pub fn timestamps(&self) -> impl Iterator<Item = WallTime> {
        self.records.iter().map(|record| match self.timestamp_type {
            TimestampType::CreateTime => {
                WallTime(self.times.base.0 + i64::from(record.timestamp_delta))
            }
            TimestampType::LogAppendTime => self.times.max,
        })
    }

    fn encode(&mut self, records: Arc<Vec<u8>>) {
        let crc = encoding::checksum(self.producer, self.times, self.count(), &records);
        self.payload = Payload::Bytes(Box::new(Encoded { records, crc }));
    }

    /// How many records it holds; at least one.
    pub fn count(&self) -> u32 {
        self.records.len() as u32
    }

    /// True when the payload, if it is kept, has its checksum: what a broker checks.
    pub fn checksum_holds(&self) -> bool {
        match &self.payload {
            Payload::Descriptor => true,
            Payload::Bytes(encoded) => {
                let Self {
                    producer, times, ..
                } = *self;
                encoding::checksum(producer, times, self.count(), &encoded.records) == encoded.crc
            }
        }
    }

    /// True when the payload, if it is kept, has its checksum and says what the records say: what a
    /// consumer checks.
    pub fn verify(&self) -> bool {
        match &self.payload {
            Payload::Descriptor => true,
            Payload::Bytes(encoded) => {
                let mut found = encoding::Records::new(&encoded.records);
                let mut sent = (0..).zip(self.records.iter());
                let same = sent.all(|(delta, record)| {
                    let raw = found.next();
                    raw.is_some_and(|raw| {
                        raw.is_ok_and(|raw| raw.offset_delta == delta && raw.is_of(record))
                    })
                });
                same && found.next().is_none() && self.checksum_holds()
            }
        }
    }
}

impl StoredBatch {
    /// The offset after the last record.
    pub fn next_offset(&self) -> Offset {
        self.base_offset.plus(self.batch.records.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{KeyId, Record, RecordId};

    fn batch(keep_payload: bool) -> Batch {
        let record = |id| Record {
            id: RecordId(id),
            key: Some(KeyId(id * 7)),
            value_size: 20 + id,
            timestamp_delta: id as i32,
        };
        let times = BatchTimes {
            base: WallTime(1_000),
            max: WallTime(1_002),
        };
        Batch::new(
            (0..3).map(record).collect(),
            Some(stamp(4)),
            times,
            keep_payload,
        )
    }

    fn stamp(sequence: u32) -> ProducerStamp {
        ProducerStamp {
            id: ProducerId(1_000),
            epoch: ProducerEpoch(0),
            base_sequence: Sequence(sequence),
        }
    }

    fn encoded(batch: &mut Batch) -> &mut Encoded {
        match &mut batch.payload {
            Payload::Bytes(encoded) => encoded,
            Payload::Descriptor => panic!("this batch keeps its payload"),
        }
    }

    #[test]
    fn a_batch_has_one_size_with_and_without_its_payload() {
        let mut kept = batch(true);
        assert_eq!(kept.size_bytes, batch(false).size_bytes);
        let records = encoded(&mut kept).records.len() as u32;
        assert_eq!(kept.size_bytes, encoding::BATCH_OVERHEAD + records);
    }

    #[test]
    fn a_payload_verifies_until_a_bit_of_it_is_damaged() {
        assert!(batch(false).verify());
        let mut kept = batch(true);
        assert!(kept.verify());
        let mut damaged = encoded(&mut kept).records.to_vec();
        damaged[20] ^= 1;
        encoded(&mut kept).records = Arc::new(damaged);
        assert!(!kept.checksum_holds());
        assert!(!kept.verify());
    }

    #[test]
    fn bytes_of_other_records_do_not_verify_though_their_checksum_holds() {
        let mut kept = batch(true);
        let mut other: Vec<Record> = kept.records.to_vec();
        other[1].id = RecordId(99);
        kept.encode(Arc::new(encoding::encode_records(&other)));
        assert!(kept.checksum_holds());
        assert!(!kept.verify());
    }

    #[test]
    fn a_restamped_batch_shares_its_records_and_has_a_new_checksum() {
        let mut first = batch(true);
        let mut again = first.restamped(Some(stamp(0)));
        assert!(again.verify());
        assert!(Arc::ptr_eq(&first.records, &again.records));
        let (first, again) = (encoded(&mut first), encoded(&mut again));
        assert!(Arc::ptr_eq(&first.records, &again.records));
        assert_ne!(first.crc, again.crc);
    }

    #[test]
    fn a_batch_and_its_place_in_a_log_stay_small() {
        assert!(size_of::<Batch>() <= 88);
        assert!(size_of::<StoredBatch>() <= 24);
    }
}
