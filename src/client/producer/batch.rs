//! One batch of one partition, from its first record until its records' fate is known.
//!
//! Modelled: room by exact sizes, closing, attempts, the leader epoch of the attempt (KIP-951),
//! rewriting of sequence numbers, splitting. Left out: compression and its estimates, headers.
//! Source: ProducerBatch, MemoryRecordsBuilder, DefaultRecord.

use std::sync::Arc;

use crate::client::producer::size;
use crate::delivery::{Parcel, Record};
use crate::kafka::ids::{LeaderEpoch, ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::{Batch, BatchTimes, Payload, ProducerStamp};
use crate::sim::clock::WallTime;
use crate::sim::time::{SimDuration, SimTime};
use crate::workload::generator::Draft;

/// A batch of this producer: an index into [`Batches`], used again when the batch is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BatchId(u32);

/// A partition of this producer, numbered densely over its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) u32);

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Takes records.
    Open,
    /// Takes no more records, and was not made into its final form yet.
    Closed,
    /// Its final form was made. After [`ProducerBatch::rewrite`] it is made again.
    Built,
    /// Its stamp was changed after it had been built.
    Reopened,
}

/// A batch and what the sender remembers of it.
#[derive(Clone, Debug)]
pub(super) struct ProducerBatch {
    pub(super) slot: Slot,
    pub(super) created: SimTime,
    /// Times that it was sent and has to be sent again.
    pub(super) attempts: u32,
    /// The producer's stamp, given when the batch is drained for the first time.
    pub(super) stamp: Option<ProducerStamp>,
    /// Bytes of buffer.memory that it holds.
    pub(super) buffer: u32,
    /// True while a request with it has no answer.
    pub(super) in_flight: bool,
    /// True when the application was told its fate.
    pub(super) done: bool,
    /// True when it came out of a batch that was too large.
    pub(super) is_split: bool,
    /// True when it was put back to be sent again.
    pub(super) in_retry: bool,
    stage: Stage,
    records: Vec<Record>,
    parcel: Option<Parcel>,
    built: Option<Arc<Batch>>,
    base: WallTime,
    max: WallTime,
    size: u32,
    limit: u32,
    largest_record: u32,
    waiting_since: SimTime,
    retry_after: SimDuration,
    leader_epoch: Option<LeaderEpoch>,
    attempts_at_leader_change: u32,
}

impl ProducerBatch {
    /// An empty batch with room for `limit` bytes; the first record fits in any case.
    pub(super) fn new(slot: Slot, now: SimTime, limit: u32, records: Vec<Record>) -> Self {
        Self {
            slot,
            created: now,
            attempts: 0,
            stamp: None,
            buffer: 0,
            in_flight: false,
            done: false,
            is_split: false,
            in_retry: false,
            stage: Stage::Open,
            records,
            parcel: None,
            built: None,
            base: WallTime::default(),
            max: WallTime::default(),
            size: size::BATCH_OVERHEAD,
            limit,
            largest_record: 0,
            waiting_since: now,
            retry_after: SimDuration::ZERO,
            leader_epoch: None,
            attempts_at_leader_change: 0,
        }
    }

    /// Appends a record if there is room. Returns the bytes that the batch grew by.
    #[inline]
    pub(super) fn try_append(
        &mut self,
        draft: Draft,
        content: u32,
        timestamp: WallTime,
    ) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let count = self.records.len() as u32;
        if count == 0 {
            self.base = timestamp;
            self.max = timestamp;
        }
        let delta = timestamp.0 - self.base.0;
        let bytes = size::record_size(count, delta, content);
        if count > 0 && self.size + bytes > self.limit {
            return None;
        }
        self.records.push(Record {
            id: draft.id,
            key: draft.key,
            value_size: draft.value_size,
            timestamp_delta: delta as i32,
        });
        self.max = self.max.max(timestamp);
        self.size += bytes;
        self.largest_record = self.largest_record.max(size::upper_bound(content));
        Some(bytes)
    }

    /// True when no further record fits.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.stage != Stage::Open || (self.size >= self.limit && !self.records.is_empty())
    }

    /// How many records it holds.
    pub(super) fn count(&self) -> u32 {
        match &self.parcel {
            Some(parcel) => parcel.len() as u32,
            None => self.records.len() as u32,
        }
    }

    /// Bytes as if encoded now.
    pub(super) fn size(&self) -> u32 {
        self.size
    }

    /// No more records, since one did not fit.
    pub(super) fn close_for_appends(&mut self) {
        if self.stage == Stage::Open {
            self.stage = Stage::Closed;
        }
    }

    /// The batch as it travels.
    pub(super) fn build(&mut self) -> Arc<Batch> {
        let parcel = self.parcel();
        if self.stage != Stage::Built {
            self.stage = Stage::Built;
            self.built = None;
        }
        let built = self.built.get_or_insert_with(|| {
            Arc::new(Batch {
                records: parcel,
                producer: self.stamp,
                times: BatchTimes {
                    base: self.base,
                    max: self.max,
                },
                size_bytes: self.size,
                payload: Payload::Descriptor,
            })
        });
        Arc::clone(built)
    }

    /// The records; none can be added any more.
    pub(super) fn parcel(&mut self) -> Parcel {
        self.close_for_appends();
        let records = &self.records;
        Arc::clone(self.parcel.get_or_insert_with(|| records.as_slice().into()))
    }

    /// The emptied store of the records, for another batch.
    fn take_store(&mut self) -> Vec<Record> {
        let mut store = std::mem::take(&mut self.records);
        store.clear();
        store
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

    /// Gives it another stamp after it has been built.
    pub(super) fn rewrite(&mut self, stamp: ProducerStamp) {
        self.stamp = Some(stamp);
        self.stage = Stage::Reopened;
    }

    /// True when its stamp was changed since it was last built.
    pub(super) fn is_reopened(&self) -> bool {
        self.stage == Stage::Reopened
    }

    /// It goes back into the queue; the back-off is drawn once per attempt.
    ///
    /// Deviation: Java draws the jitter again at every look at the batch.
    pub(super) fn reenqueued(&mut self, now: SimTime, retry_after: SimDuration) {
        self.attempts += 1;
        self.waiting_since = now;
        self.retry_after = retry_after;
        self.in_retry = true;
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

    /// The records in pieces of at most `target` bytes, each at least one record, in order. A piece
    /// that came out of a split is split in halves.
    pub(super) fn split(&mut self, batch_size: u32) -> Vec<Self> {
        let target = if self.is_split {
            self.largest_record.max(self.size / 2)
        } else {
            batch_size
        };
        let mut stamp = self.stamp;
        let mut pieces: Vec<Self> = Vec::new();
        for record in self.parcel().iter() {
            let draft = Draft {
                id: record.id,
                key: record.key,
                value_size: record.value_size,
            };
            let content = size::content_size(draft.key, draft.value_size);
            let timestamp = WallTime(self.base.0 + i64::from(record.timestamp_delta));
            if let Some(piece) = pieces.last_mut()
                && piece.try_append(draft, content, timestamp).is_some()
            {
                continue;
            }
            let limit = target.max(size::upper_bound(content));
            let mut piece = Self::new(self.slot, self.created, limit, Vec::new());
            piece.is_split = true;
            let appended = piece.try_append(draft, content, timestamp);
            assert!(appended.is_some(), "the first record fits");
            pieces.push(piece);
        }
        for piece in &mut pieces {
            piece.close_for_appends();
            piece.stamp = stamp;
            if let Some(stamp) = &mut stamp {
                stamp.base_sequence = stamp.base_sequence.plus(piece.count());
            }
        }
        pieces
    }
}

/// All batches that are not gone, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Batches {
    all: Vec<Option<ProducerBatch>>,
    free: Vec<BatchId>,
    /// Emptied stores of records, so that a new batch does not grow one from nothing.
    stores: Vec<Vec<Record>>,
}

impl Batches {
    /// Keeps a batch and says its id.
    pub(super) fn insert(&mut self, batch: ProducerBatch) -> BatchId {
        if let Some(id) = self.free.pop() {
            self.all[id.0 as usize] = Some(batch);
            return id;
        }
        self.all.push(Some(batch));
        BatchId(self.all.len() as u32 - 1)
    }

    /// Forgets a batch.
    pub(super) fn remove(&mut self, id: BatchId) {
        self.reclaim_store(id);
        self.all[id.0 as usize] = None;
        self.free.push(id);
    }

    /// An empty store for the records of a new batch.
    pub(super) fn store(&mut self) -> Vec<Record> {
        self.stores.pop().unwrap_or_default()
    }

    /// Takes the store of a batch that is closed.
    pub(super) fn reclaim_store(&mut self, id: BatchId) {
        let batch = self.get_mut(id);
        batch.parcel();
        let store = batch.take_store();
        if store.capacity() > 0 {
            self.stores.push(store);
        }
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
