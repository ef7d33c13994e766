//! Producer id, epoch and sequence numbers: what makes a retried batch recognisable.
//!
//! Modelled: InitProducerId; sequences given at drain, one row for each partition; one batch of a
//! partition at a time while it is retried; local epoch bump after a gap (KIP-360); partitions
//! whose last sequence is unknown because a batch expired.
//! Left out: transactions; fatal errors of InitProducerId, which come from authorization.
//! Source: TransactionManager, TxnPartitionEntry, RecordAccumulator.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::producer::batch::{BatchId, Batches, Slot};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::ProducerStamp;
use crate::sim::time::SimTime;

/// After this epoch a new producer id is needed (Short.MAX_VALUE).
const LAST_EPOCH: ProducerEpoch = ProducerEpoch(i16::MAX as u16);

/// A producer id with its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Identity {
    /// The producer id.
    pub(super) id: ProducerId,
    /// Its epoch.
    pub(super) epoch: ProducerEpoch,
}

/// How the next producer id is coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Initialization {
    /// There is one.
    Done,
    /// It is to be asked for, not before this time.
    Wanted(SimTime),
    /// The request is in flight.
    InFlight,
}

/// The producer's identity and its sequences.
#[derive(Clone, Debug)]
pub(super) struct Idempotence {
    identity: Option<Identity>,
    initialization: Initialization,
    bump_required: bool,
    partitions: Vec<Sequences>,
    /// Partitions whose batches in flight get new sequences with the next epoch.
    rewrite: BTreeSet<Slot>,
    /// Partitions with a batch that expired after it was sent again, and the sequence after it.
    unresolved: BTreeMap<Slot, i64>,
}

/// One partition's row of sequences.
#[derive(Clone, Debug, Default)]
struct Sequences {
    identity: Option<Identity>,
    next: Sequence,
    last_acked: Option<Sequence>,
    /// Batches with a sequence and without an answer that settles them, by id, epoch, sequence.
    in_flight: Vec<BatchId>,
}

impl Idempotence {
    /// Without an id yet.
    pub(super) fn new() -> Self {
        Self {
            identity: None,
            initialization: Initialization::Wanted(SimTime::ZERO),
            bump_required: false,
            partitions: Vec::new(),
            rewrite: BTreeSet::new(),
            unresolved: BTreeMap::new(),
        }
    }

    /// Makes rows for `slots` partitions.
    pub(super) fn grow(&mut self, slots: usize) {
        self.partitions.resize(slots, Sequences::default());
    }

    /// How the next producer id is coming.
    pub(super) fn initialization(&self) -> Initialization {
        self.initialization
    }

    /// The producer id was asked for.
    pub(super) fn asked(&mut self) {
        self.initialization = Initialization::InFlight;
    }

    /// The producer id has to be asked for, again, not before `time`.
    pub(super) fn ask_at(&mut self, time: SimTime) {
        self.initialization = Initialization::Wanted(time);
    }

    /// The producer id arrived.
    pub(super) fn initialized(&mut self, identity: Identity, batches: &mut Batches) {
        self.initialization = Initialization::Done;
        self.identity = Some(identity);
        self.rewrite_sequences(batches);
    }

    /// Settles partitions whose sequences were in doubt and bumps the epoch where one has a gap.
    /// Returns the new identity if there is one.
    pub(super) fn refresh(&mut self, batches: &mut Batches) -> Option<Identity> {
        self.resolve();
        let current = self.identity?;
        if !self.bump_required {
            return None;
        }
        if current.epoch == LAST_EPOCH {
            self.identity = None;
            self.initialization = Initialization::Wanted(SimTime::ZERO);
            return None;
        }
        let bumped = Identity {
            id: current.id,
            epoch: ProducerEpoch(current.epoch.0 + 1),
        };
        self.identity = Some(bumped);
        self.rewrite_sequences(batches);
        Some(bumped)
    }

    /// True when the partition's first batch must not be sent now.
    pub(super) fn stops_drain(&self, slot: Slot, first: BatchId, batches: &Batches) -> bool {
        let Some(identity) = self.identity else {
            return true;
        };
        let row = &self.partitions[slot.0 as usize];
        let Some(sequence) = batches.get(first).base_sequence() else {
            // A new batch waits for those in flight under another epoch, else its sequence 0 could
            // be written before them, and for the fate of expired ones.
            let is_stale = row.identity != Some(identity);
            return (is_stale && !row.in_flight.is_empty()) || self.unresolved.contains_key(&slot);
        };
        // A batch that is sent again goes alone: it waits until it is the oldest in flight.
        let oldest = row.in_flight.first();
        let oldest = oldest.and_then(|oldest| batches.get(*oldest).base_sequence());
        oldest.is_some_and(|oldest| oldest != sequence)
    }

    /// Gives a drained batch its sequence, unless it has one from an earlier attempt: that attempt
    /// may have been accepted.
    pub(super) fn assign(&mut self, slot: Slot, id: BatchId, batches: &mut Batches) {
        let identity = self.identity.expect("drained only with a producer id");
        let batch = batches.get_mut(id);
        if batch.stamp.is_some() {
            return;
        }
        let row = &mut self.partitions[slot.0 as usize];
        if row.identity != Some(identity) {
            assert!(
                row.in_flight.is_empty(),
                "an epoch starts when the last is done"
            );
            row.restart(identity, batches);
        }
        let batch = batches.get_mut(id);
        batch.stamp = Some(identity.stamp(row.next));
        row.next = row.next.plus(batch.count());
        self.track(slot, id, batches);
    }

    /// Counts a batch with a sequence among those in flight.
    pub(super) fn track(&mut self, slot: Slot, id: BatchId, batches: &Batches) {
        let row = &mut self.partitions[slot.0 as usize].in_flight;
        let order = batches.get(id).order();
        let place = row.partition_point(|other| batches.get(*other).order() < order);
        row.insert(place, id);
    }

    /// Forgets a batch in flight.
    pub(super) fn untrack(&mut self, slot: Slot, id: BatchId) {
        let row = &mut self.partitions[slot.0 as usize].in_flight;
        row.retain(|other| *other != id);
    }

    /// A batch was acknowledged.
    pub(super) fn completed(&mut self, slot: Slot, id: BatchId, batches: &Batches) {
        let row = &mut self.partitions[slot.0 as usize];
        row.last_acked = row.last_acked.max(batches.get(id).last_sequence());
        self.untrack(slot, id);
    }

    /// A batch failed for good. Where an answer said so, its sequences leave a gap: the epoch is
    /// bumped and those in flight behind it start anew.
    pub(super) fn failed(&mut self, slot: Slot, id: BatchId, failure: Failure) {
        self.untrack(slot, id);
        match failure {
            Failure::Answered(Some(ErrorCode::UnknownProducerId))
            | Failure::OutOfRetries(Some(ErrorCode::UnknownProducerId)) => {
                self.partitions[slot.0 as usize] = Sequences::default();
                self.unresolved.remove(&slot);
            }
            Failure::Answered(_)
            | Failure::OutOfRetries(Some(ErrorCode::OutOfOrderSequenceNumber)) => {
                self.request_bump(slot);
            }
            Failure::OutOfRetries(_) | Failure::Expired => {}
        }
    }

    /// A batch expired that had been sent before: whether the broker has it is not known.
    pub(super) fn mark_unresolved(&mut self, slot: Slot, id: BatchId, batches: &Batches) {
        let last = batches.get(id).last_sequence();
        let after = i64::from(last.expect("a batch that was sent has a sequence").0) + 1;
        let known = self.unresolved.entry(slot).or_insert(after);
        *known = after.max(*known);
    }

    /// True when a batch with this error is sent again; may ask for an epoch bump.
    pub(super) fn can_retry(&mut self, id: BatchId, error: ErrorCode, batches: &Batches) -> bool {
        let batch = batches.get(id);
        let slot = batch.slot;
        let sequence = batch.base_sequence().map(|sequence| i64::from(sequence.0));
        let sequence = sequence.expect("a batch that was sent has a sequence");
        if error == ErrorCode::UnknownProducerId {
            if !batch.is_rewritten() {
                self.request_bump(slot);
            }
            return true;
        }
        if error != ErrorCode::OutOfOrderSequenceNumber {
            return error.is_retriable();
        }
        match self.unresolved.get(&slot) {
            // Not the next one expected: an earlier one failed, this one waits for it.
            None if batch.is_rewritten() || !self.is_next(slot, sequence) => {}
            // The gap is real: nothing before this batch is under way any more.
            None => self.request_bump(slot),
            Some(after) if *after == sequence => self.request_bump(slot),
            Some(_) => {}
        }
        true
    }

    fn request_bump(&mut self, slot: Slot) {
        self.bump_required = true;
        self.rewrite.insert(slot);
    }

    fn is_next(&self, slot: Slot, sequence: i64) -> bool {
        let acked = self.partitions[slot.0 as usize].last_acked;
        sequence - acked.map_or(-1, |acked| i64::from(acked.0)) == 1
    }

    /// Once nothing is in flight in an unresolved partition, its sequences either join up or not.
    fn resolve(&mut self) {
        let unresolved = self.unresolved.keys().copied();
        let settled: Vec<Slot> = unresolved
            .filter(|slot| self.partitions[slot.0 as usize].in_flight.is_empty())
            .collect();
        for slot in settled {
            self.unresolved.remove(&slot);
            let next = i64::from(self.partitions[slot.0 as usize].next.0);
            if !self.is_next(slot, next) {
                self.request_bump(slot);
            }
        }
    }

    /// Starts the rows that asked for the new epoch from 0, those in flight first.
    fn rewrite_sequences(&mut self, batches: &mut Batches) {
        let identity = self.identity.expect("sequences belong to an identity");
        for slot in std::mem::take(&mut self.rewrite) {
            self.partitions[slot.0 as usize].restart(identity, batches);
            self.unresolved.remove(&slot);
        }
        self.bump_required = false;
    }
}

/// Why a batch failed; no error code is a lost connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// An attempt ended with an error that is not retried, or too late to retry it.
    Answered(Option<ErrorCode>),
    /// An attempt ended with an error, and `retries` allows no other: it may have been appended.
    OutOfRetries(Option<ErrorCode>),
    /// delivery.timeout.ms was over before an answer came.
    Expired,
}

impl Identity {
    fn stamp(self, base_sequence: Sequence) -> ProducerStamp {
        ProducerStamp {
            id: self.id,
            epoch: self.epoch,
            base_sequence,
        }
    }
}

impl Sequences {
    fn restart(&mut self, identity: Identity, batches: &mut Batches) {
        self.identity = Some(identity);
        self.last_acked = None;
        self.next = Sequence(0);
        for id in &self.in_flight {
            let batch = batches.get_mut(*id);
            batch.stamp = Some(identity.stamp(self.next));
            self.next = self.next.plus(batch.count());
        }
    }
}
