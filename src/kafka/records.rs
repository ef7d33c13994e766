//! Record batches as the log and the wire see them.
//!
//! Modelled: batch format v2: exact sizes, idempotent producer fields, leader epoch outside the
//! checksum, payload by descriptor or by bytes. Left out for now: compression, control batches.
//! Source: DefaultRecordBatch, DefaultRecord; KIP-98.

use std::sync::Arc;

use crate::delivery::Parcel;
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

/// The immutable content of a record batch: one copy, shared by all that hold it.
#[derive(Debug)]
pub struct Batch {
    /// The records, in order.
    pub records: Parcel,
    /// The producer's stamp, when it is idempotent.
    pub producer: Option<ProducerStamp>,
    /// The timestamps.
    pub times: BatchTimes,
    /// Bytes of the encoded batch, its header included.
    pub size_bytes: u32,
    /// The payload where a run keeps it.
    pub payload: Payload,
}

/// What the values of a batch say.
#[derive(Debug)]
pub enum Payload {
    /// Only sizes are known.
    Descriptor,
    /// The encoded records and their CRC-32C.
    Bytes {
        /// The records as they are encoded.
        bytes: Box<[u8]>,
        /// The checksum that the producer computed.
        crc: u32,
    },
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
    /// How many records it holds; at least one.
    pub fn count(&self) -> u32 {
        self.records.len() as u32
    }
}

impl StoredBatch {
    /// The offset after the last record.
    pub fn next_offset(&self) -> Offset {
        self.base_offset.plus(self.batch.records.len() as u64)
    }
}
