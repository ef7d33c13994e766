//! A host's page cache: which bytes of its files a read finds in memory.
//!
//! Modelled: what is appended and what is read from the device lies in memory, as much as fits;
//! what came first goes first. It goes in portions, so that a file needs a few ranges and nothing
//! for each append. The death of a process leaves the cache as it is, a power loss empties it.
//! Left out: read-ahead, files that nobody logs to, memory that processes take away.

// Deviation: the page cache drops what came first, a sixty-fourth of it at a time; Linux keeps
// what was used twice for longer and never drops what is not yet written.

use std::collections::VecDeque;

use crate::sim::process::FileId;

/// In how many portions the cache forgets.
const PORTIONS: u64 = 64;

/// A host's page cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageCache {
    /// Bytes that fit; `None` is without limit.
    capacity: Option<u64>,
    /// Bytes that came while each portion filled, the oldest first; the last one fills now.
    portions: VecDeque<u64>,
    /// The number of the oldest.
    oldest: u64,
    /// Bytes of all of them.
    held: u64,
    /// True once something may be on the device only.
    may_miss: bool,
    /// What is in memory of each file, in the order in which it came.
    files: Vec<VecDeque<Extent>>,
}

/// Bytes of a file that came one after the other, while one portion filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Extent {
    portion: u64,
    from: u64,
    to: u64,
}

/// What a read has to fetch from the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Bytes.
    pub(crate) bytes: u64,
    /// In how many pieces they lie.
    pub(crate) pieces: u64,
}

impl PageCache {
    /// Makes it larger or smaller.
    pub(crate) fn resize(&mut self, capacity: Option<u64>) {
        self.capacity = capacity;
    }

    /// True once something may be on the device only.
    pub(crate) const fn may_miss(&self) -> bool {
        self.may_miss
    }

    /// The bytes `from..to` of a file come into memory.
    #[inline]
    pub(crate) fn insert(&mut self, file: FileId, from: u64, to: u64) {
        let index = file.0 as usize;
        if self.files.len() <= index {
            self.files.resize(index + 1, VecDeque::new());
        }
        if self.portions.is_empty() {
            self.portions.push_back(0);
        }
        let portion = self.oldest + self.portions.len() as u64 - 1;
        let now = self.files[index].iter_mut().rev();
        let mut now = now.take_while(|extent| extent.portion == portion);
        match now.find(|extent| extent.to == from) {
            Some(extent) => extent.to = to,
            None => self.files[index].push_back(Extent { portion, from, to }),
        }
        self.held += to - from;
        let Some(filled) = self.portions.back_mut() else {
            return;
        };
        *filled += to - from;
        let Some(capacity) = self.capacity else {
            return;
        };
        if *filled * PORTIONS >= capacity {
            self.portions.push_back(0);
        }
        while self.held > capacity {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        self.held -= self.portions.pop_front().unwrap_or(0);
        self.oldest += 1;
        self.may_miss = true;
        for extents in &mut self.files {
            while (extents.front()).is_some_and(|first| first.portion < self.oldest) {
                extents.pop_front();
            }
        }
    }

    /// Brings the bytes `from..to` of a file into memory; says what was missing.
    pub(crate) fn read(&mut self, file: FileId, from: u64, to: u64) -> Missing {
        let mut missing = Missing::default();
        if !self.may_miss {
            return missing;
        }
        let mut absent = Vec::new();
        let mut at = from;
        while at < to {
            let held = self.held_from(file, at);
            if held > at {
                at = held;
                continue;
            }
            let end = self.next_held(file, at).unwrap_or(to).min(to);
            absent.push((at, end));
            at = end;
        }
        // What a read brings in may drive out its own rest, but only once that has been read.
        for (from, to) in absent {
            missing.bytes += to - from;
            missing.pieces += 1;
            self.insert(file, from, to);
        }
        missing
    }

    /// True when a read of the bytes `from..to` of a file needs no device.
    pub(crate) fn holds(&self, file: FileId, from: u64, to: u64) -> bool {
        let mut at = from;
        while self.may_miss && at < to {
            let held = self.held_from(file, at);
            if held == at {
                return false;
            }
            at = held;
        }
        true
    }

    /// Until where the bytes from `at` on are in memory.
    fn held_from(&self, file: FileId, at: u64) -> u64 {
        let around = |extent: &&Extent| extent.from <= at && at < extent.to;
        let held = self.extents(file).rev().filter(around);
        held.map(|extent| extent.to).max().unwrap_or(at)
    }

    /// The first byte above `at` that is in memory.
    fn next_held(&self, file: FileId, at: u64) -> Option<u64> {
        let begins = self.extents(file).map(|extent| extent.from);
        begins.filter(|from| *from > at).min()
    }

    fn extents(&self, file: FileId) -> impl DoubleEndedIterator<Item = &Extent> {
        self.files.get(file.0 as usize).into_iter().flatten()
    }

    /// The file ends at `to` now.
    pub(crate) fn truncate(&mut self, file: FileId, to: u64) {
        if let Some(extents) = self.files.get_mut(file.0 as usize) {
            for extent in &mut *extents {
                extent.to = extent.to.min(to);
            }
            extents.retain(|extent| extent.from < extent.to);
        }
    }

    /// The host lost its power: what is on the device is not in memory.
    pub(crate) fn clear(&mut self) {
        self.files.clear();
        self.portions.clear();
        self.held = 0;
        self.may_miss = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: FileId = FileId(0);
    const OTHER: FileId = FileId(1);

    /// A cache of 6,400 bytes into which `bytes` were appended, 10 at a time.
    fn filled(bytes: u64) -> PageCache {
        let mut cache = PageCache::default();
        cache.resize(Some(6_400));
        for at in (0..bytes).step_by(10) {
            cache.insert(LOG, at, at + 10);
        }
        cache
    }

    #[test]
    fn nothing_is_missing_while_everything_fits() {
        let mut cache = filled(6_390);
        assert!(!cache.may_miss());
        assert_eq!(cache.read(LOG, 0, 6_390), Missing::default());
    }

    #[test]
    fn what_came_first_goes_first() {
        let mut cache = filled(10_000);
        assert_eq!(cache.read(LOG, 3_700, 10_000).bytes, 0);
        let (bytes, pieces) = (100, 1);
        assert_eq!(cache.read(LOG, 3_500, 3_650), Missing { bytes, pieces });
        assert_eq!(cache.read(LOG, 3_500, 3_600).bytes, 0, "it was read before");
    }

    #[test]
    fn what_is_read_drives_out_what_was_appended() {
        let mut cache = filled(10_000);
        let oldest = |cache: &PageCache| cache.clone().read(LOG, 3_600, 3_700).bytes;
        assert_eq!(oldest(&cache), 0);
        assert_eq!(cache.read(LOG, 0, 300).bytes, 300);
        assert_eq!(oldest(&cache), 100);
    }

    #[test]
    fn it_holds_no_more_than_fits_however_much_comes_at_once() {
        let mut cache = filled(100);
        cache.insert(OTHER, 0, 6_000);
        cache.insert(OTHER, 6_000, 12_000);
        assert_eq!(cache.read(OTHER, 6_000, 12_000).bytes, 0);
        assert_eq!(cache.read(OTHER, 0, 6_000).bytes, 6_000);
        assert!(cache.held <= 6_400);
    }

    #[test]
    fn files_share_the_cache() {
        let mut cache = filled(3_200);
        cache.insert(OTHER, 0, 4_800);
        assert_eq!(cache.read(OTHER, 0, 4_800).bytes, 0);
        for at in 0..64 {
            cache.insert(OTHER, 4_800 + at * 100, 4_900 + at * 100);
        }
        assert_eq!(cache.read(LOG, 0, 3_200).bytes, 3_200);
    }

    #[test]
    fn a_power_loss_leaves_nothing_in_memory() {
        let mut cache = filled(100);
        cache.clear();
        cache.insert(LOG, 100, 120);
        let (bytes, pieces) = (50, 1);
        assert_eq!(cache.read(LOG, 50, 120), Missing { bytes, pieces });
        assert_eq!(cache.read(LOG, 50, 120), Missing::default());
    }

    #[test]
    fn what_lies_between_two_missing_pieces_is_not_read_again() {
        let mut cache = filled(100);
        cache.clear();
        assert_eq!(cache.read(LOG, 40, 60).bytes, 20);
        let (bytes, pieces) = (80, 2);
        assert_eq!(cache.read(LOG, 0, 100), Missing { bytes, pieces });
    }

    #[test]
    fn what_was_cut_off_is_not_in_memory() {
        let mut cache = filled(100);
        cache.may_miss = true;
        cache.truncate(LOG, 50);
        assert_eq!(cache.read(LOG, 0, 60).bytes, 10);
    }

    #[test]
    fn a_file_has_no_more_ranges_than_portions() {
        let cache = filled(1_000_000);
        assert!(cache.files[0].len() <= PORTIONS as usize + 1);
    }
}
