//! The leader-epoch cache: at which offset each leader epoch begins in this log.
//!
//! Modelled: assignment, truncation from both ends, the end offset of an epoch.
//! Left out: the checkpoint file; every change counts as durable, as a log's load repairs the rest.
//! Source: LeaderEpochFileCache (4.2); KIP-101, KIP-279.

use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::ids::{LeaderEpoch, Offset};

/// Where one epoch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The offset of its first record, or the log end when it has none yet.
    pub start: Offset,
}

/// The epochs of one log, strictly increasing in epoch and in start offset.
#[derive(Clone, Debug, Default)]
pub struct EpochCache {
    entries: Vec<EpochStart>,
}

impl EpochCache {
    /// The epochs, oldest first.
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    /// The newest epoch.
    pub fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// Notes that `epoch` begins at `start`, unless it is the newest one and began before.
    pub fn assign(&mut self, epoch: LeaderEpoch, start: Offset) {
        if let Some(last) = self.entries.last()
            && last.epoch == epoch
            && last.start <= start
        {
            return;
        }
        // Entries that contradict the new one hold no record that is still in the log.
        while let Some(last) = self.entries.last()
            && (last.epoch >= epoch || last.start >= start)
        {
            self.entries.pop();
        }
        self.entries.push(EpochStart { epoch, start });
    }

    /// The epoch that covers `offset`.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        if let Some(last) = self.entries.last()
            && last.start <= offset
        {
            return Some(last.epoch);
        }
        let later = self.entries.partition_point(|e| e.start <= offset);
        self.entries[..later].last().map(|entry| entry.epoch)
    }

    /// The largest epoch that is not above `epoch`, and where it ends in a log that ends at
    /// `log_end`; none when this log can't know.
    pub fn end_offset_for(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<EpochEnd> {
        if self.latest() == Some(epoch) {
            return Some(EpochEnd {
                epoch,
                end_offset: log_end,
            });
        }
        let above = self.entries.partition_point(|e| e.epoch <= epoch);
        let next = self.entries.get(above)?;
        // Below the first epoch the question's own epoch comes back: what it covered is gone.
        let found = self.entries[..above].last().map_or(epoch, |e| e.epoch);
        Some(EpochEnd {
            epoch: found,
            end_offset: next.start,
        })
    }

    /// Forgets the epochs that begin at `end` or later.
    pub fn truncate_from_end(&mut self, end: Offset) {
        while self.entries.last().is_some_and(|e| e.start >= end) {
            self.entries.pop();
        }
    }

    /// Forgets the epochs that end at `start` or before; the one that covers it now begins there.
    pub fn truncate_from_start(&mut self, start: Offset) {
        let covered = self.entries.partition_point(|e| e.start <= start);
        if covered > 0 {
            self.entries.drain(..covered - 1);
            self.entries[0].start = start;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cache(entries: &[(u32, u64)]) -> EpochCache {
        let mut cache = EpochCache::default();
        for (epoch, start) in entries {
            cache.assign(LeaderEpoch(*epoch), Offset(*start));
        }
        cache
    }

    fn pairs(cache: &EpochCache) -> Vec<(u32, u64)> {
        let pair = |e: &EpochStart| (e.epoch.0, e.start.0);
        cache.entries().iter().map(pair).collect()
    }

    fn end(cache: &EpochCache, epoch: u32) -> Option<(u32, u64)> {
        let answer = cache.end_offset_for(LeaderEpoch(epoch), Offset(100));
        answer.map(|e| (e.epoch.0, e.end_offset.0))
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let cache = cache(&[(2, 5), (4, 20), (7, 60)]);
        assert_eq!(end(&cache, 2), Some((2, 20)));
        assert_eq!(end(&cache, 3), Some((2, 20)));
        assert_eq!(end(&cache, 4), Some((4, 60)));
    }

    #[test]
    fn the_latest_epoch_ends_at_the_log_end() {
        assert_eq!(end(&cache(&[(2, 5), (7, 60)]), 7), Some((7, 100)));
    }

    #[test]
    fn an_epoch_above_the_latest_is_undefined() {
        assert_eq!(end(&cache(&[(2, 5)]), 3), None);
        assert_eq!(end(&cache(&[]), 0), None);
    }

    #[test]
    fn an_epoch_below_the_first_ends_where_the_first_begins() {
        assert_eq!(end(&cache(&[(2, 5), (7, 60)]), 1), Some((1, 5)));
    }

    #[test]
    fn a_leader_without_records_gives_way_to_the_next_epoch_at_the_same_offset() {
        assert_eq!(pairs(&cache(&[(1, 0), (2, 9), (3, 9)])), [(1, 0), (3, 9)]);
    }

    #[test]
    fn assigning_the_latest_epoch_again_changes_nothing() {
        assert_eq!(pairs(&cache(&[(1, 0), (2, 9), (2, 12)])), [(1, 0), (2, 9)]);
    }

    #[test]
    fn truncation_from_the_start_keeps_the_covering_epoch() {
        let mut cache = cache(&[(1, 0), (2, 9), (5, 30)]);
        cache.truncate_from_start(Offset(12));
        assert_eq!(pairs(&cache), [(2, 12), (5, 30)]);
        cache.truncate_from_start(Offset(30));
        assert_eq!(pairs(&cache), [(5, 30)]);
        cache.truncate_from_end(Offset(30));
        assert_eq!(pairs(&cache), []);
    }

    proptest! {
        #[test]
        fn epochs_and_starts_stay_strictly_increasing(
            steps in prop::collection::vec((0_u8..4, 0_u32..12, 0_u64..50), 0..40)
        ) {
            let mut cache = EpochCache::default();
            for (kind, epoch, offset) in steps {
                match kind {
                    0 => cache.truncate_from_end(Offset(offset)),
                    1 => cache.truncate_from_start(Offset(offset)),
                    _ => cache.assign(LeaderEpoch(epoch), Offset(offset)),
                }
                for pair in cache.entries().windows(2) {
                    prop_assert!(pair[0].epoch < pair[1].epoch && pair[0].start < pair[1].start);
                }
                for at in 0..50 {
                    let scan = cache.entries().iter().rev().find(|e| e.start.0 <= at);
                    prop_assert_eq!(cache.epoch_at(Offset(at)), scan.map(|e| e.epoch));
                }
                for asked in 0..12 {
                    if let Some(end) = cache.end_offset_for(LeaderEpoch(asked), Offset(60)) {
                        prop_assert!(end.epoch.0 <= asked);
                    }
                }
            }
        }
    }
}
