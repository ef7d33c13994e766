//! One batch of one partition, from its first record until its records' fate is known.
//!
//! Modelled: room by exact sizes, or by estimates where batches are compressed; closing, attempts,
//! the leader epoch of the attempt (KIP-951), rewriting of sequence numbers, splitting. Left out:
//! headers.
//! Source: ProducerBatch, MemoryRecordsBuilder, DefaultRecord.
//!
//! The records of a batch that takes more lie in its partition's [`Builder`], so that appending
//! touches little memory; when it is closed they become its content.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::delivery::{Parcel, Record};
use crate::kafka::compression::{Codec, Packing};
use crate::kafka::encoding;
use crate::kafka::ids::{LeaderEpoch, ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::{Batch, BatchTimes, ProducerStamp};
use crate::sim::clock::WallTime;
use crate::sim::ratio::Ratio;
use crate::sim::time::{SimDuration, SimTime};
use crate::workload::generator::Draft;

/// A batch of this producer: an index into [`Batches`], used again when the batch is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchId(u32);

/// A partition of this producer, numbered densely over its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) u32);

/// How a producer's batches are compressed, and what that makes of its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packer {
    /// compression.type
    pub(super) codec: Codec,
    /// What is left of the records' bytes.
    pub(super) ratio: Ratio,
}

/// How small a topic's batches are expected to become, in millionths (CompressionRatioEstimator).
///
/// Deviation: the estimated compression ratio is a whole number of millionths; Java's is a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Estimate(u32);

impl Estimate {
    /// Before any batch was closed.
    pub(super) const INITIAL: Self = Self(1_000_000);
    /// So many millionths.
    #[cfg(test)]
    pub(super) const fn of_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    /// By which an estimate improves at most with each batch.
    const IMPROVING: u32 = 5_000;
    /// By which it deteriorates at least.
    const DETERIORATING: u32 = 50_000;

    /// After a batch that came out so small.
    pub(super) fn after(self, observed: Packing) -> Self {
        let observed = observed.parts_per_million();
        match observed.cmp(&self.0) {
            Ordering::Greater => Self((self.0 + Self::DETERIORATING).max(observed)),
            Ordering::Less => Self(self.0.saturating_sub(Self::IMPROVING).max(observed)),
            Ordering::Equal => self,
        }
    }

    /// After a batch that the broker found too large: never too hopeful again.
    pub(super) fn after_split(observed: Packing) -> Self {
        Self(observed.parts_per_million()).max(Self::INITIAL)
    }

    /// Bytes of a batch with so many bytes of records, 5% on the safe side.
    fn of(self, records: u32) -> u32 {
        let packed = u64::from(records) * u64::from(self.0) * 105 / 100_000_000;
        encoding::BATCH_OVERHEAD.saturating_add(u32::try_from(packed).unwrap_or(u32::MAX))
    }
}

/// The open batch of a partition, if there is one. Its store of records is used for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Builder {
    records: Vec<Record>,
    base: WallTime,
    max: WallTime,
    /// Bytes without compression.
    raw: u32,
    /// Bytes as far as they can be known; without compression they are known.
    size: u32,
    /// Bytes that fit; 0 while no batch is open.
    limit: u32,
    /// What the records are expected to shrink to, if they are to be compressed.
    estimate: Option<Estimate>,
}

impl Builder {
    /// Opens a batch with room for `limit` bytes; its first record fits in any case.
    pub(super) fn open(
        &mut self,
        draft: Draft,
        timestamp: WallTime,
        limit: u32,
        estimate: Option<Estimate>,
    ) {
        assert!(self.records.is_empty(), "the last batch was closed");
        self.base = timestamp;
        self.max = timestamp;
        self.size = encoding::BATCH_OVERHEAD;
        self.raw = encoding::BATCH_OVERHEAD;
        self.estimate = estimate;
        self.limit = u32::MAX;
        let appended = self.try_append(draft, timestamp);
        assert!(appended.is_some(), "the first record fits");
        self.limit = limit;
    }

    /// Appends a record to the open batch if there is one and it has room. Returns the bytes that
    /// the batch grew by.
    #[inline]
    pub(super) fn try_append(&mut self, draft: Draft, timestamp: WallTime) -> Option<u32> {
        let record = draft.at((timestamp.0 - self.base.0) as i32);
        let bytes = encoding::record_size(&record, self.records.len() as u32);
        if self.size + bytes > self.limit {
            return None;
        }
        self.records.push(record);
        self.max = self.max.max(timestamp);
        self.raw += bytes;
        let Some(estimate) = self.estimate else {
            self.size += bytes;
            return Some(bytes);
        };
        let before = self.size;
        self.size = estimate.of(self.raw - encoding::BATCH_OVERHEAD);
        Some(self.size - before)
    }

    /// True when no further record fits, also when no batch is open.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.size >= self.limit
    }

    /// Bytes of the open batch as if encoded, as far as they can be known.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// Closes the open batch.
    pub(super) fn close(&mut self, packer: Packer) -> Content {
        let parcel = self.records.as_slice().into();
        self.records.clear();
        self.limit = 0;
        Content::Closed {
            parcel,
            times: BatchTimes {
                base: self.base,
                max: self.max,
            },
            packing: Packing::new(packer.codec, self.raw, packer.ratio),
        }
    }
}

/// What a batch holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// It takes records; they lie in the partition's [`Builder`].
    Open,
    /// It takes no more records.
    Closed {
        /// The records.
        parcel: Parcel,
        /// Their times.
        times: BatchTimes,
        /// Bytes as if encoded.
        packing: Packing,
    },
    /// It was sent at least once, in this form.
    Built(Arc<Batch>),
}

/// A batch and what the sender remembers of it.
#[derive(Clone, Debug)]
pub(super) struct ProducerBatch {
    pub(super) slot: Slot,
    pub(super) created: SimTime,
    pub(super) content: Content,
    /// The producer's stamp, given when the batch is drained for the first time.
    pub(super) stamp: Option<ProducerStamp>,
    /// Times that it was sent and has to be sent again.
    pub(super) attempts: u32,
    /// Bytes of buffer.memory that it holds.
    pub(super) buffer: u32,
    /// True when the application was told its fate.
    pub(super) done: bool,
    /// In the order of creation; a piece of a batch has the number of the batch.
    number: Option<u64>,
    is_split: bool,
    waiting_since: SimTime,
    retry_after: SimDuration,
    leader_epoch: Option<LeaderEpoch>,
    attempts_at_leader_change: u32,
}

impl ProducerBatch {
    /// A batch whose first record goes into the partition's builder now.
    pub(super) fn new(slot: Slot, now: SimTime, buffer: u32) -> Self {
        Self {
            slot,
            created: now,
            content: Content::Open,
            stamp: None,
            attempts: 0,
            buffer,
            done: false,
            number: None,
            is_split: false,
            waiting_since: now,
            retry_after: SimDuration::ZERO,
            leader_epoch: None,
            attempts_at_leader_change: 0,
        }
    }

    /// True while it takes records.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.content, Content::Open)
    }

    /// The records; the batch is closed.
    pub(super) fn parcel(&self) -> &Parcel {
        match &self.content {
            Content::Open => panic!("the records of an open batch are in its builder"),
            Content::Closed { parcel, .. } => parcel,
            Content::Built(batch) => &batch.records,
        }
    }

    /// How many records it holds; it is closed.
    pub(super) fn count(&self) -> u32 {
        self.parcel().len() as u32
    }

    /// Bytes as if encoded; the batch is closed.
    pub(super) fn size(&self) -> u32 {
        self.packing().size_bytes()
    }

    /// Its bytes with and without compression; the batch is closed.
    pub(super) fn packing(&self) -> Packing {
        match &self.content {
            Content::Open => panic!("the size of an open batch is in its builder"),
            Content::Closed { packing, .. } => *packing,
            Content::Built(batch) => batch.packing,
        }
    }

    fn times(&self) -> BatchTimes {
        match &self.content {
            Content::Open => panic!("the times of an open batch are in its builder"),
            Content::Closed { times, .. } => *times,
            Content::Built(batch) => batch.times,
        }
    }

    /// The closed batch as it travels, encoded when `keep_payload`.
    pub(super) fn build(&mut self, keep_payload: bool) -> Arc<Batch> {
        let batch = match &self.content {
            Content::Open => panic!("an open batch is not sent"),
            Content::Built(batch) if batch.producer == self.stamp => return Arc::clone(batch),
            Content::Built(batch) => batch.restamped(self.stamp),
            Content::Closed {
                parcel,
                times,
                packing,
            } => {
                let batch = Batch::sized(Arc::clone(parcel), self.stamp, *times, *packing);
                if keep_payload { batch.encoded() } else { batch }
            }
        };
        let batch = Arc::new(batch);
        self.content = Content::Built(Arc::clone(&batch));
        batch
    }

    /// True when it was given another stamp since it was last sent.
    pub(super) fn is_rewritten(&self) -> bool {
        matches!(&self.content, Content::Built(batch) if batch.producer != self.stamp)
    }

    /// The first sequence number, if it has one.
    pub(super) fn base_sequence(&self) -> Option<Sequence> {
        self.stamp.map(|stamp| stamp.base_sequence)
    }

    /// The last sequence number, if it has one.
    pub(super) fn last_sequence(&self) -> Option<Sequence> {
        let base = self.base_sequence()?;
        Some(base.plus(self.count() - 1))
    }

    /// Producer id, epoch and first sequence, the order of batches in flight.
    pub(super) fn order(&self) -> Option<(ProducerId, ProducerEpoch, Sequence)> {
        self.stamp
            .map(|stamp| (stamp.id, stamp.epoch, stamp.base_sequence))
    }

    /// It goes back into the queue; the back-off is drawn once per attempt.
    ///
    /// Deviation: Java draws the jitter again at every look at the batch.
    pub(super) fn reenqueued(&mut self, now: SimTime, retry_after: SimDuration) {
        self.attempts += 1;
        self.waiting_since = now;
        self.retry_after = retry_after;
    }

    /// Notes the leader that the attempt goes to.
    pub(super) fn note_leader_epoch(&mut self, latest: Option<LeaderEpoch>) {
        if latest.is_some() && self.leader_epoch < latest {
            self.attempts_at_leader_change = self.attempts;
            self.leader_epoch = latest;
        }
    }

    /// When the retry back-off ends; it is skipped when the leader changed since the last attempt
    /// (KIP-951).
    pub(super) fn backs_off_until(&self, now: SimTime) -> Option<SimTime> {
        let leader_changed = self.attempts > 0 && self.attempts == self.attempts_at_leader_change;
        let end = self.waiting_since + self.retry_after;
        (self.attempts > 0 && !leader_changed && now < end).then_some(end)
    }

    /// Since when it has waited: its creation, or its last attempt.
    pub(super) fn waiting_since(&self) -> SimTime {
        self.waiting_since
    }

    /// The records in pieces of at most `batch_size` bytes, each at least one record, in order. A
    /// piece that came out of a split is split in halves.
    pub(super) fn split(
        &self,
        batch_size: u32,
        packer: Packer,
        estimate: Option<Estimate>,
    ) -> Vec<Self> {
        let base = self.times().base.0;
        let parcel = self.parcel();
        let bounds = parcel.iter().map(encoding::batch_size_upper_bound);
        let target = if self.is_split {
            (self.size() / 2).max(bounds.max().unwrap_or(0))
        } else {
            batch_size
        };
        let mut builder = Builder::default();
        let mut contents = Vec::new();
        for record in parcel.iter() {
            let draft = Draft {
                id: record.id,
                key: record.key,
                value_size: record.value_size,
            };
            let timestamp = WallTime(base + i64::from(record.timestamp_delta));
            if builder.try_append(draft, timestamp).is_none() {
                if !builder.records.is_empty() {
                    contents.push(builder.close(packer));
                }
                let bound = encoding::batch_size_upper_bound(record);
                builder.open(draft, timestamp, target.max(bound), estimate);
            }
        }
        contents.push(builder.close(packer));
        let mut stamp = self.stamp;
        let pieces = contents.into_iter().map(|content| {
            let mut piece = Self::new(self.slot, self.created, 0);
            piece.content = content;
            piece.is_split = true;
            piece.number = self.number;
            piece.stamp = stamp;
            if let Some(stamp) = &mut stamp {
                stamp.base_sequence = stamp.base_sequence.plus(piece.count());
            }
            piece
        });
        pieces.collect()
    }
}

/// All batches that are not gone, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Batches {
    all: Vec<Option<ProducerBatch>>,
    free: Vec<BatchId>,
    made: u64,
}

impl Batches {
    /// Keeps a batch and says its id.
    pub(super) fn insert(&mut self, mut batch: ProducerBatch) -> BatchId {
        batch.number.get_or_insert(self.made);
        self.made += 1;
        if let Some(id) = self.free.pop() {
            self.all[id.0 as usize] = Some(batch);
            return id;
        }
        self.all.push(Some(batch));
        BatchId(self.all.len() as u32 - 1)
    }

    /// The number of the next batch that is made.
    pub(super) fn next_number(&self) -> u64 {
        self.made
    }

    /// True when the fate of all batches with numbers below `mark` is known.
    pub(super) fn are_complete_before(&self, mark: u64) -> bool {
        let early = |batch: &&ProducerBatch| batch.number.is_some_and(|number| number < mark);
        let mut waited = self.all.iter().flatten().filter(early);
        waited.all(|batch| batch.done)
    }

    /// Forgets a batch.
    pub(super) fn remove(&mut self, id: BatchId) {
        self.all[id.0 as usize] = None;
        self.free.push(id);
    }

    /// The batch.
    pub(super) fn get(&self, id: BatchId) -> &ProducerBatch {
        let batch = self.all[id.0 as usize].as_ref();
        batch.expect("a batch is forgotten only when nothing refers to it")
    }

    /// The batch, to change it.
    pub(super) fn get_mut(&mut self, id: BatchId) -> &mut ProducerBatch {
        let batch = self.all[id.0 as usize].as_mut();
        batch.expect("a batch is forgotten only when nothing refers to it")
    }
}
