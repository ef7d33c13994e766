//! From buffered answers to records for the application.
//!
//! Modelled: max.poll.records over all partitions, one answer drained before the next; an answer
//! for another position is dropped; paused partitions keep their records; positions move over gaps
//! and never back; errors of a fetch, thrown only when no records go before them; checksums.
//! Left out: transactions (read_committed), deserialization errors, authorization.
//! Source: FetchCollector, CompletedFetch (4.2).

use std::sync::Arc;

use crate::client::consumer::fetcher::Fetcher;
use crate::client::consumer::subscription::{PartitionIndex, SubscriptionState};
use crate::client::consumer::{Failure, Polled};
use crate::client::metadata::ClientMetadata;
use crate::delivery::Part;
use crate::kafka::api::fetch::FetchedPartition;
use crate::kafka::api::produce::LeaderHint;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::ConsumerFailure;
use crate::kafka::ids::{LeaderEpoch, Offset};
use crate::kafka::records::StoredBatch;

/// One partition's part of an answer, until all of it is handed over.
#[derive(Clone, Debug)]
pub struct CompletedFetch {
    index: PartitionIndex,
    error: Option<ErrorCode>,
    high_watermark: Offset,
    log_start: Offset,
    batches: Vec<StoredBatch>,
    /// The batch that was damaged on the wire.
    corrupt: Option<usize>,
    /// The batch that is being read.
    at: usize,
    /// True when that batch's epoch and checksum were looked at.
    opened: bool,
    /// The offset of the next record to hand over.
    next_offset: Offset,
    /// The epoch of the batch that was opened last.
    last_epoch: Option<LeaderEpoch>,
    /// True when it was compared with the position and may be read.
    initialized: bool,
    /// True when it brought the application a record.
    read: bool,
}

/// A leader that an answer named (KIP-951).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The partition.
    pub index: PartitionIndex,
    /// Its leader.
    pub hint: LeaderHint,
}

/// How far an answer was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// As many records as were wanted; there may be more.
    Stopped,
    /// To its end, or it was of no use.
    Drained,
    /// To a batch whose checksum is wrong.
    Corrupt,
}

impl Redirect {
    /// The leader that an answer names, where its error says that the asked broker is not it.
    pub fn from(index: PartitionIndex, fetched: &FetchedPartition) -> Option<Self> {
        let error = fetched.error?;
        let elsewhere = matches!(
            error,
            ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
        );
        let hint = fetched.current_leader.filter(|_| elsewhere)?;
        Some(Self { index, hint })
    }
}

impl CompletedFetch {
    /// What came for a fetch from `offset` on.
    pub fn new(index: PartitionIndex, offset: Offset, fetched: FetchedPartition) -> Self {
        Self {
            index,
            error: fetched.error,
            high_watermark: fetched.high_watermark,
            log_start: fetched.log_start_offset,
            batches: fetched.batches,
            corrupt: fetched.corrupt.map(|index| index as usize),
            at: 0,
            opened: false,
            next_offset: offset,
            last_epoch: None,
            initialized: false,
            read: false,
        }
    }

    /// Hands over at most `room` records from the position on.
    fn read(
        &mut self,
        subscription: &mut SubscriptionState,
        config: &ConsumerConfig,
        room: &mut u32,
        out: &mut Vec<Polled>,
    ) -> Progress {
        let partition = subscription.get(self.index);
        let Some(position) = partition.valid_position() else {
            return Progress::Drained;
        };
        if position.offset != self.next_offset {
            // Records for another position: the request is obsolete.
            return Progress::Drained;
        }
        let tp = partition.tp;
        let progress = loop {
            if *room == 0 {
                break Progress::Stopped;
            }
            let Some(stored) = self.batches.get(self.at) else {
                // The end of the last batch, also where its last records are gone (compaction).
                if let Some(last) = self.batches.last() {
                    self.next_offset = self.next_offset.max(last.next_offset());
                }
                break Progress::Drained;
            };
            if !self.opened {
                self.last_epoch = Some(stored.leader_epoch);
                // Deviation: with check.crcs=false a batch that was damaged on the wire is read as if it
                // were whole; Kafka hands over what the damaged bytes say.
                let is_damaged = self.corrupt == Some(self.at);
                if config.check_crcs && (is_damaged || !stored.batch.verify()) {
                    break Progress::Corrupt;
                }
                self.opened = true;
            }
            // The first batch may begin before the offset that was asked for.
            let from = self.next_offset.0.saturating_sub(stored.base_offset.0);
            let count = stored.batch.count();
            let from = u32::try_from(from).map_or(count, |from| from.min(count));
            let to = count.min(from.saturating_add(*room));
            if to > from {
                out.push(Polled {
                    tp,
                    base_offset: stored.base_offset,
                    parcel: Arc::clone(&stored.batch.records),
                    part: Part { from, to },
                    codec: stored.batch.packing.codec,
                });
                self.next_offset = stored.base_offset.plus(u64::from(to));
                *room -= to - from;
                self.read = true;
            }
            if to == count {
                self.at += 1;
                self.opened = false;
            }
        };
        if self.next_offset > position.offset {
            subscription.advance(self.index, self.next_offset, self.last_epoch);
        }
        progress
    }
}

impl Fetcher {
    /// Takes at most max.poll.records from the buffer. An error is thrown only when there are no
    /// records to return before it; else it waits for the next call.
    pub fn collect(
        &mut self,
        subscription: &mut SubscriptionState,
        metadata: &mut ClientMetadata,
        config: &ConsumerConfig,
        out: &mut Vec<Polled>,
    ) -> Result<(), Failure> {
        let mut room = config.max_poll_records;
        let mut paused = Vec::new();
        let mut result = Ok(());
        while room > 0 {
            let Some(mut fetch) = self.next_in_line.take() else {
                let Some(fetch) = self.buffer.pop_front() else {
                    break;
                };
                result = self.initialize(fetch, subscription, metadata, out.is_empty());
                if result.is_err() {
                    break;
                }
                continue;
            };
            if subscription.get(fetch.index).is_paused() {
                paused.push(fetch);
                continue;
            }
            match fetch.read(subscription, config, &mut room, out) {
                Progress::Drained => {
                    self.release(fetch.index);
                    if fetch.read {
                        self.move_to_end(fetch.index);
                    }
                }
                Progress::Stopped => self.next_in_line = Some(fetch),
                Progress::Corrupt => {
                    result = Err(Failure {
                        tp: subscription.get(fetch.index).tp,
                        offset: Some(fetch.next_offset),
                        why: ConsumerFailure::CorruptRecord,
                    });
                    // It stays: a consumer can't get past it but by a seek.
                    self.next_in_line = Some(fetch);
                    break;
                }
            }
        }
        self.buffer.extend(paused);
        if out.is_empty() { result } else { Ok(()) }
    }

    /// Makes an answer the next in line if it is for the current position; handles its error.
    fn initialize(
        &mut self,
        mut fetch: CompletedFetch,
        subscription: &mut SubscriptionState,
        metadata: &mut ClientMetadata,
        may_throw: bool,
    ) -> Result<(), Failure> {
        let index = fetch.index;
        let partition = subscription.get(index);
        if fetch.initialized {
            self.next_in_line = Some(fetch);
            return Ok(());
        }
        if let Some(error) = fetch.error {
            // Whatever a follower refuses, the leader is asked next; only its word counts.
            let by_follower = error != ErrorCode::UnknownLeaderEpoch
                && error != ErrorCode::CorruptMessage
                && subscription.prefer_leader(index);
            if by_follower {
                self.place(index, subscription.read_from(index));
            }
            let partition = subscription.get(index);
            let is_settled = by_follower && error == ErrorCode::OffsetOutOfRange;
            // A position that is being reset or validated makes the error obsolete.
            let thrown = match partition.valid_position() {
                Some(_) if is_settled => Ok(()),
                Some(_) => fetch_error(error, &fetch, subscription, metadata),
                None => Ok(()),
            };
            self.move_to_end(index);
            if thrown.is_err() && !may_throw {
                self.buffer.push_front(fetch);
            } else {
                self.release(index);
            }
            return thrown;
        }
        let position = partition.valid_position();
        if position.is_none_or(|position| position.offset != fetch.next_offset) {
            self.release(index);
            return Ok(());
        }
        subscription.learn(index, fetch.high_watermark, fetch.log_start);
        fetch.initialized = true;
        self.next_in_line = Some(fetch);
        Ok(())
    }
}

/// What a consumer does about an error in a fetch answer. It does not back off: the next fetch goes
/// out at once, only the metadata refresh waits.
fn fetch_error(
    error: ErrorCode,
    fetch: &CompletedFetch,
    subscription: &mut SubscriptionState,
    metadata: &mut ClientMetadata,
) -> Result<(), Failure> {
    let partition = subscription.get(fetch.index);
    let failure = |why| Failure {
        tp: partition.tp,
        offset: Some(fetch.next_offset),
        why,
    };
    if error == ErrorCode::OffsetOutOfRange {
        let position = partition.position().map(|position| position.offset);
        if position != Some(fetch.next_offset) {
            return Ok(());
        }
        let Some(spec) = subscription.reset_policy() else {
            return Err(failure(ConsumerFailure::OffsetOutOfRange));
        };
        subscription.request_reset(fetch.index, spec);
    } else if error == ErrorCode::CorruptMessage {
        return Err(failure(ConsumerFailure::CorruptRecord));
    } else if error != ErrorCode::UnknownLeaderEpoch {
        // UNKNOWN_LEADER_EPOCH is the broker's ignorance, all others are ours.
        metadata.request_update();
    }
    Ok(())
}
