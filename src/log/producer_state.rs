//! What a log knows of the idempotent producers that wrote to it.
//!
//! Modelled: the last five batches of each producer, epochs, sequence wrap-around, duplicates,
//! acceptance of unknown producers (KIP-360), snapshots that keep one batch each, expiry.
//! Left out for now: transactions (open transaction, coordinator epoch, verification).
//! Source: ProducerStateManager, ProducerAppendInfo, ProducerStateEntry, UnifiedLog (4.2); KIP-98.

use std::sync::Arc;

use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{Offset, ProducerEpoch, ProducerId, Sequence};
use crate::kafka::records::{Batch, ProducerStamp, StoredBatch};
use crate::sim::clock::WallTime;
use crate::sim::time::SimDuration;

/// How many batches of a producer are remembered; a client may have as many in flight.
const BATCHES: usize = 5;

/// The producers of one log.
#[derive(Clone, Debug, Default)]
pub struct ProducerState {
    /// Sorted by producer id.
    producers: Vec<Producer>,
    /// Index of the producer that wrote last: most writes come in runs.
    recent: usize,
    /// On disk, in offset order: what a restart and a truncation start from.
    snapshots: Vec<Snapshot>,
}

/// One producer, as far as this log has seen it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Producer {
    id: ProducerId,
    /// The largest timestamp of its last batch: expiry counts from here.
    last_timestamp: WallTime,
    epoch: ProducerEpoch,
    /// How many of `batches` are in use.
    len: u8,
    /// Where the oldest of them lies.
    oldest: u8,
    /// A ring of its last batches of this epoch.
    batches: [Seen; BATCHES],
}

/// One batch that was appended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    base_offset: Offset,
    base_sequence: Sequence,
    /// Number of records.
    count: u32,
}

/// The producers at one offset, each with its last batch only.
#[derive(Clone, Debug)]
struct Snapshot {
    offset: Offset,
    producers: Arc<[Producer]>,
}

/// What the sequence check finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The batch is the next one, or the first that this log sees.
    New,
    /// The log already has this very batch.
    Duplicate {
        /// Its first record's offset.
        base_offset: Offset,
        /// Its last record's offset.
        last_offset: Offset,
    },
}

impl Producer {
    fn new(stamp: ProducerStamp) -> Self {
        Self {
            id: stamp.id,
            last_timestamp: WallTime(0),
            epoch: stamp.epoch,
            len: 0,
            oldest: 0,
            batches: [Seen::default(); BATCHES],
        }
    }

    /// The remembered batches, oldest first.
    fn seen(&self) -> impl Iterator<Item = &Seen> {
        let slots = (0..usize::from(self.len)).map(|i| (usize::from(self.oldest) + i) % BATCHES);
        slots.map(|slot| &self.batches[slot])
    }

    fn last(&self) -> Option<&Seen> {
        let newest = usize::from(self.len).checked_sub(1)?;
        Some(&self.batches[(usize::from(self.oldest) + newest) % BATCHES])
    }

    /// The sequence that must come next in this epoch.
    fn next_sequence(&self) -> Sequence {
        let last = self.last();
        last.map_or(Sequence(0), |seen| seen.base_sequence.plus(seen.count))
    }

    fn check(&self, stamp: ProducerStamp, count: u32) -> Result<Verdict, ErrorCode> {
        if stamp.epoch == self.epoch {
            // The common case first: what continues the sequence is no duplicate.
            if stamp.base_sequence == self.next_sequence() {
                return Ok(Verdict::New);
            }
            let same = |s: &&Seen| s.base_sequence == stamp.base_sequence && s.count == count;
            let Some(seen) = self.seen().find(same) else {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            };
            return Ok(Verdict::Duplicate {
                base_offset: seen.base_offset,
                last_offset: seen.base_offset.plus(u64::from(count) - 1),
            });
        }
        if stamp.epoch < self.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if stamp.base_sequence != Sequence(0) {
            return Err(ErrorCode::OutOfOrderSequenceNumber);
        }
        Ok(Verdict::New)
    }

    fn record(&mut self, stamp: ProducerStamp, batch: &Batch, base_offset: Offset) {
        if stamp.epoch != self.epoch {
            self.epoch = stamp.epoch;
            self.len = 0;
        }
        let seen = Seen {
            base_offset,
            base_sequence: stamp.base_sequence,
            count: batch.count(),
        };
        if usize::from(self.len) < BATCHES {
            let slot = (usize::from(self.oldest) + usize::from(self.len)) % BATCHES;
            self.batches[slot] = seen;
            self.len += 1;
        } else {
            self.batches[usize::from(self.oldest)] = seen;
            self.oldest = (self.oldest + 1) % BATCHES as u8;
        }
        self.last_timestamp = batch.times.max;
    }

    /// What a snapshot keeps of it.
    fn last_only(&self) -> Self {
        let mut kept = *self;
        kept.oldest = 0;
        kept.len = self.len.min(1);
        kept.batches = [Seen::default(); BATCHES];
        if let Some(last) = self.last() {
            kept.batches[0] = *last;
        }
        kept
    }
}

impl ProducerState {
    /// How many producers are remembered.
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// True when no producer is remembered.
    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// A leader's check of a client's batch.
    pub fn check(&self, batch: &Batch) -> Result<Verdict, ErrorCode> {
        let Some(stamp) = batch.producer else {
            return Ok(Verdict::New);
        };
        match self.find(stamp.id) {
            Ok(index) => self.producers[index].check(stamp, batch.count()),
            // KIP-360: of an unknown producer any sequence is taken.
            Err(_) => Ok(Verdict::New),
        }
    }

    /// Notes an appended batch; nothing is checked, as the leader did that.
    pub fn record(&mut self, batch: &Batch, base_offset: Offset) {
        let Some(stamp) = batch.producer else {
            return;
        };
        let index = match self.find(stamp.id) {
            Ok(index) => index,
            Err(index) => {
                self.producers.insert(index, Producer::new(stamp));
                index
            }
        };
        self.recent = index;
        self.producers[index].record(stamp, batch, base_offset);
    }

    fn find(&self, id: ProducerId) -> Result<usize, usize> {
        match self.producers.get(self.recent) {
            Some(producer) if producer.id == id => Ok(self.recent),
            _ => self.producers.binary_search_by_key(&id, |p| p.id),
        }
    }

    /// Writes a snapshot of a log that ends at `end`: at shutdown and after a truncation.
    pub fn take_snapshot(&mut self, log_start: Offset, end: Offset) {
        let newest = self.snapshots.last().map_or(log_start, |s| s.offset);
        if end > newest {
            let producers = self.producers.iter().map(Producer::last_only).collect();
            self.snapshots.push(Snapshot {
                offset: end,
                producers,
            });
        }
    }

    /// The log was cut to `start..end`: loads the newest snapshot in range. Returns from which
    /// offset the batches have to be replayed, or none when that would bring back nothing.
    pub fn truncate(&mut self, start: Offset, end: Offset) -> Option<Offset> {
        self.snapshots
            .retain(|s| s.offset > start && s.offset <= end);
        // Kafka skips the reload then: what is not remembered has expired or never was.
        if self.producers.is_empty() {
            return None;
        }
        Some(self.load(start))
    }

    /// Loads the newest snapshot; returns the offset that it covers.
    fn load(&mut self, start: Offset) -> Offset {
        self.producers.clear();
        let Some(snapshot) = self.snapshots.last() else {
            return start;
        };
        self.producers.extend_from_slice(&snapshot.producers);
        snapshot.offset
    }

    /// Replays batches on top of what was loaded.
    pub fn replay<'a>(&mut self, batches: impl Iterator<Item = &'a StoredBatch>) {
        for stored in batches {
            self.record(&stored.batch, stored.base_offset);
        }
    }

    /// A restart after a clean shutdown: the snapshot written then is what is known, and the only
    /// one that is kept.
    pub fn reload(&mut self, start: Offset) {
        let stray = self.snapshots.len().saturating_sub(1);
        self.snapshots.drain(..stray);
        self.load(start);
    }

    /// Loads the newest snapshot above `start` and up to `base`, where the last segment begins, and
    /// forgets all others; returns from where the batches have to be replayed.
    pub fn newest_snapshot(&mut self, (start, base): (Offset, Offset)) -> Offset {
        self.snapshots
            .retain(|s| s.offset > start && s.offset <= base);
        self.load(start)
    }

    /// The segments below `base` are gone, and their snapshots with them.
    pub fn forget_snapshots_below(&mut self, base: Offset) {
        self.snapshots.retain(|s| s.offset >= base);
    }

    /// A restart after a crash, when [`Self::newest_snapshot`] is loaded: Kafka replays the last
    /// segment into a snapshot and then loads that, so that one batch of each producer is known
    /// afterwards here too.
    pub fn rebuild<'a>(
        &mut self,
        (start, end): (Offset, Offset),
        batches: impl Iterator<Item = &'a StoredBatch>,
    ) {
        self.replay(batches);
        self.take_snapshot(start, end);
        self.load(start);
    }

    /// Forgets everything, the snapshots too.
    pub fn clear(&mut self) {
        self.producers.clear();
        self.snapshots.clear();
    }

    /// Forgets producers whose last batch is older than `expiration` by the broker's clock.
    pub fn expire(&mut self, now: WallTime, expiration: SimDuration) {
        let limit = i64::try_from(expiration.as_millis()).unwrap_or(i64::MAX);
        self.producers
            .retain(|p| now.0.saturating_sub(p.last_timestamp.0) < limit);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::kafka::compression::Packing;
    use crate::kafka::records::{BatchTimes, Payload, TimestampType};
    use proptest::prelude::*;

    fn batch(stamp: ProducerStamp, count: u32) -> Batch {
        let record = crate::delivery::Record {
            id: crate::delivery::RecordId(0),
            key: None,
            value_size: 0,
            timestamp_delta: 0,
        };
        Batch {
            records: vec![record; count as usize].into(),
            producer: Some(stamp),
            times: BatchTimes {
                base: WallTime(0),
                max: WallTime(0),
            },
            timestamp_type: TimestampType::CreateTime,
            size_bytes: 68,
            packing: Packing::plain(68),
            payload: Payload::Descriptor,
        }
    }

    /// All batches that count, in full; the rules are read off them anew for each question.
    #[derive(Default)]
    struct Naive {
        history: BTreeMap<ProducerId, Vec<(ProducerStamp, u32, Offset)>>,
    }

    impl Naive {
        fn check(&self, stamp: ProducerStamp, count: u32) -> Result<Verdict, ErrorCode> {
            let Some(all) = self.history.get(&stamp.id) else {
                return Ok(Verdict::New);
            };
            let (last, last_count, _) = all[all.len() - 1];
            let epoch = last.epoch;
            let same_epoch = |(s, _, _): &&(ProducerStamp, u32, Offset)| s.epoch == epoch;
            let run: Vec<_> = all.iter().rev().take_while(same_epoch).take(5).collect();
            if let Some((_, _, at)) = run
                .iter()
                .rev()
                .find(|(s, c, _)| (*s, *c) == (stamp, count))
            {
                return Ok(Verdict::Duplicate {
                    base_offset: *at,
                    last_offset: at.plus(u64::from(count) - 1),
                });
            }
            if stamp.epoch < epoch {
                return Err(ErrorCode::InvalidProducerEpoch);
            }
            let expected = if stamp.epoch == epoch {
                (u64::from(last.base_sequence.0) + u64::from(last_count)) % (1 << 31)
            } else {
                0
            };
            if u64::from(stamp.base_sequence.0) == expected {
                Ok(Verdict::New)
            } else {
                Err(ErrorCode::OutOfOrderSequenceNumber)
            }
        }

        fn restart(&mut self) {
            for all in self.history.values_mut() {
                all.drain(..all.len() - 1);
            }
        }
    }

    proptest! {
        #[test]
        fn a_verdict_is_what_the_whole_history_says(
            steps in prop::collection::vec(
                (0_u64..4, 0_u16..3, 0_u32..8, 1_u32..4, 0_u8..40, prop::bool::weighted(0.7)),
                1..200,
            )
        ) {
            let mut state = ProducerState::default();
            let mut naive = Naive::default();
            let mut end = Offset(0);
            for (id, epoch, back, count, kind, expected) in steps {
                if kind == 0 {
                    state.take_snapshot(Offset(0), end);
                    state.reload(Offset(0));
                    naive.restart();
                    continue;
                }
                let id = ProducerId(id * 1_000);
                // Near the end of the sequence range, so that wrap-around is met often.
                let mut stamp = ProducerStamp {
                    id,
                    epoch: ProducerEpoch(epoch),
                    base_sequence: Sequence::MAX.plus(back).plus((1_u32 << 31) - 4),
                };
                if kind < 3 {
                    stamp.base_sequence = Sequence(0);
                } else if expected && let Some(all) = naive.history.get(&id) {
                    // The next in sequence, or one of the last ones again.
                    let back = (back as usize).min(all.len());
                    let (last, last_count, _) = all[all.len() - back.max(1)];
                    stamp = last;
                    if back == 0 {
                        stamp.base_sequence = last.base_sequence.plus(last_count);
                    }
                }
                let batch = batch(stamp, count);
                let verdict = state.check(&batch);
                prop_assert_eq!(verdict, naive.check(stamp, count));
                if verdict == Ok(Verdict::New) {
                    state.record(&batch, end);
                    let all = naive.history.entry(id).or_default();
                    all.push((stamp, count, end));
                    end = end.plus(u64::from(count));
                }
            }
        }
    }
}
