//! The batches of a log, in offset order, cut into segments.
//!
//! Modelled: append, lookup by offset and by byte position, cuts at the end, rolls, removal of the
//! oldest segments. Batches lie in chunks; full chunks are shared between copies of a log, only the
//! last one is copied. A roll begins a chunk, so a segment is a run of whole chunks. One batch takes
//! 28 bytes beside its content.
//! Left out: the sparse indexes but for their size (KIP-32): a lookup finds what they would find.

use std::ops::Range;
use std::sync::Arc;

use crate::kafka::ids::Offset;
use crate::kafka::records::StoredBatch;
use crate::log::rules::RollRules;
use crate::log::segment::{Incoming, Segment};

/// Batches per chunk: what a copy of a log copies at most.
const CHUNK: usize = 256;

/// The batches of a log.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    /// Full chunks, immutable.
    sealed: Vec<Sealed>,
    /// The chunk that takes appends.
    tail: Chunk,
    /// Bytes of the log before the tail.
    tail_position: u64,
    /// Bytes of the log before its first batch: what retention has removed.
    first_position: u64,
    /// The segments that take no appends, oldest first.
    closed: Vec<Segment>,
    /// The last segment.
    active: Segment,
}

/// A full chunk and what a lookup needs of it.
#[derive(Clone, Debug)]
struct Sealed {
    /// The first batch's base offset.
    base: Offset,
    /// Bytes of the log before this chunk.
    position: u64,
    chunk: Arc<Chunk>,
}

/// Some consecutive batches.
#[derive(Clone, Debug, Default)]
struct Chunk {
    batches: Vec<StoredBatch>,
    /// Where each batch ends, in bytes from the chunk's begin: sums without a look at the contents.
    ends: Vec<u32>,
}

/// The place of a batch, or of the log's end: chunk number (the tail comes last) and index in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    chunk: usize,
    index: usize,
}

impl Chunk {
    fn bytes(&self) -> u32 {
        self.ends.last().copied().unwrap_or(0)
    }

    fn truncate(&mut self, len: usize) {
        self.batches.truncate(len);
        self.ends.truncate(len);
    }

    /// Bytes before the batch at `index`.
    fn position(&self, index: usize) -> u32 {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}

impl Segments {
    /// No batch, and a first segment that begins at `base`.
    pub fn starting_at(base: Offset, index_interval: u32) -> Self {
        Self {
            active: Segment::new(base, 0, index_interval),
            ..Self::default()
        }
    }

    /// The bytes of all batches.
    pub fn bytes(&self) -> u64 {
        self.end_position() - self.first_position
    }

    /// Bytes of the log up to its end, removed ones too.
    fn end_position(&self) -> u64 {
        self.tail_position + u64::from(self.tail.bytes())
    }

    /// How many segments there are; at least the active one.
    pub fn count(&self) -> usize {
        self.closed.len() + 1
    }

    /// A segment, oldest first.
    pub fn segment(&self, number: usize) -> &Segment {
        self.closed.get(number).unwrap_or(&self.active)
    }

    /// The bytes of a segment.
    pub fn segment_bytes(&self, number: usize) -> u64 {
        let end = match number.cmp(&self.closed.len()) {
            std::cmp::Ordering::Less => self.segment(number + 1).position,
            std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => self.end_position(),
        };
        end - self.segment(number).position
    }

    /// True when what comes must begin a segment. `jitter` is that of the active one.
    #[inline]
    pub fn must_roll(&self, incoming: &Incoming, rules: &RollRules, jitter: u64) -> bool {
        let size = self.end_position() - self.active.position;
        self.active.must_roll(size, incoming, rules, jitter)
    }

    /// The segment that takes appends.
    pub fn active(&self) -> &Segment {
        &self.active
    }

    /// Closes the active segment, which is not empty, and begins one at `base`.
    pub fn roll(&mut self, base: Offset, index_interval: u32) {
        self.seal();
        let next = Segment::new(base, self.tail_position, index_interval);
        self.closed.push(std::mem::replace(&mut self.active, next));
    }

    /// Removes the oldest `count` segments, not the active one; returns their batches.
    pub fn remove_oldest(&mut self, count: usize) -> Vec<StoredBatch> {
        let first = self.segment(count).position;
        let chunks = self.sealed.partition_point(|s| s.position < first);
        let mut removed = Vec::new();
        for sealed in self.sealed.drain(..chunks) {
            match Arc::try_unwrap(sealed.chunk) {
                Ok(chunk) => removed.extend(chunk.batches),
                Err(shared) => removed.extend_from_slice(&shared.batches),
            }
        }
        self.closed.drain(..count);
        self.first_position = first;
        removed
    }

    /// The batches of a segment.
    pub fn batches_of(&self, number: usize) -> impl Iterator<Item = &StoredBatch> {
        let from = self.segment(number).position;
        let to = from + self.segment_bytes(number);
        let first = self.sealed.partition_point(|s| s.position < from);
        let chunks = (first..=self.sealed.len())
            .take_while(move |chunk| self.position_of_chunk(*chunk) < to)
            .map(|chunk| &self.chunk(chunk).batches);
        chunks.flatten()
    }

    /// The last batch.
    pub fn last(&self) -> Option<&StoredBatch> {
        let sealed = self.sealed.last();
        let tail = self.tail.batches.last();
        tail.or_else(|| sealed.and_then(|s| s.chunk.batches.last()))
    }

    /// Appends a batch; its offsets must be above all others.
    pub fn push(&mut self, stored: StoredBatch) {
        let size = stored.batch.size_bytes;
        self.active.note(&stored);
        let full = self.tail.batches.len() == CHUNK;
        if full || self.tail.bytes().checked_add(size).is_none() {
            self.seal();
        }
        let end = self.tail.bytes() + size;
        self.tail.ends.push(end);
        self.tail.batches.push(stored);
    }

    /// Closes the tail and begins another; a log that has filled one chunk will fill the next.
    fn seal(&mut self) {
        let next = Chunk {
            batches: Vec::with_capacity(CHUNK),
            ends: Vec::with_capacity(CHUNK),
        };
        let full = std::mem::replace(&mut self.tail, next);
        let Some(first) = full.batches.first() else {
            self.tail = full;
            return;
        };
        let (base, bytes) = (first.base_offset, u64::from(full.bytes()));
        self.sealed.push(Sealed {
            base,
            position: self.tail_position,
            chunk: Arc::new(full),
        });
        self.tail_position += bytes;
    }

    /// Removes the batches that reach beyond `end`.
    pub fn truncate_to(&mut self, end: Offset) {
        self.cut(self.locate(end));
        while self.active.base > end {
            let last = self.closed.pop();
            self.active = last.expect("the first segment begins at or below every offset");
        }
        self.measure_active();
    }

    /// Keeps the whole batches within the first `durable` bytes.
    pub fn truncate_to_bytes(&mut self, durable: u64) {
        let durable = self.first_position + durable;
        let whole = |s: &Sealed| s.position + u64::from(s.chunk.bytes()) <= durable;
        let chunk = self.sealed.partition_point(whole);
        let rest = durable - durable.min(self.position_of_chunk(chunk));
        let ends = &self.chunk(chunk).ends;
        let index = ends.partition_point(|end| u64::from(*end) <= rest);
        self.cut(Place { chunk, index });
        while self.active.position > self.end_position() {
            let last = self.closed.pop();
            self.active = last.expect("the first segment begins before every byte");
        }
        self.measure_active();
    }

    /// Looks at the active segment's batches again, after a cut.
    fn measure_active(&mut self) {
        let mut active = Segment::new(
            self.active.base,
            self.active.position,
            self.active.index_interval,
        );
        for stored in self.batches_of(self.closed.len()) {
            active.note(stored);
        }
        self.active = active;
    }

    /// Bytes of the batches with a record in `range` and none above it.
    pub fn bytes_in(&self, range: Range<Offset>) -> u64 {
        let begin = self.position_of(self.locate(range.start));
        let end = self.position_of(self.locate(range.end));
        end.saturating_sub(begin)
    }

    /// Bytes of the batches wholly below `offset`.
    pub fn bytes_below(&self, offset: Offset) -> u64 {
        self.position_of(self.locate(offset)) - self.first_position
    }

    /// Copies to `out` the batches with a record in `range` and none above it that fit into
    /// `max_bytes`, the first of them in any case when `at_least_one`; returns their bytes.
    pub fn read(
        &self,
        range: Range<Offset>,
        max_bytes: u32,
        at_least_one: bool,
        out: &mut Vec<StoredBatch>,
    ) -> u32 {
        let begin = self.locate(range.start);
        let end = self.locate(range.end);
        let mut read = 0_u32;
        let mut index = begin.index;
        for number in begin.chunk..=end.chunk {
            let chunk = self.chunk(number);
            let limit = if number == end.chunk {
                end.index
            } else {
                chunk.batches.len()
            };
            if index < limit {
                let base = chunk.position(index);
                let room = u64::from(base) + u64::from(max_bytes - read.min(max_bytes));
                let fits = |to: &u32| u64::from(*to) <= room;
                let mut to = index + chunk.ends[index..limit].partition_point(fits);
                if to == index && read == 0 && at_least_one {
                    to += 1;
                }
                out.extend_from_slice(&chunk.batches[index..to]);
                read += chunk.position(to) - base;
                if to < limit {
                    return read;
                }
            }
            index = 0;
        }
        read
    }

    /// The batches that hold something at or above `from`.
    pub fn iter_from(&self, from: Offset) -> impl Iterator<Item = &StoredBatch> {
        let begin = self.locate(from);
        let chunks = (begin.chunk..=self.sealed.len()).map(|number| &self.chunk(number).batches);
        chunks.flatten().skip(begin.index)
    }

    /// All batches, in slices.
    pub fn slices(&self) -> Vec<&[StoredBatch]> {
        let chunks = (0..=self.sealed.len()).map(|number| self.chunk(number).batches.as_slice());
        chunks.filter(|slice| !slice.is_empty()).collect()
    }

    fn chunk(&self, number: usize) -> &Chunk {
        self.sealed.get(number).map_or(&self.tail, |s| &s.chunk)
    }

    fn position_of_chunk(&self, number: usize) -> u64 {
        let sealed = self.sealed.get(number);
        sealed.map_or(self.tail_position, |s| s.position)
    }

    fn position_of(&self, place: Place) -> u64 {
        let within = self.chunk(place.chunk).position(place.index);
        self.position_of_chunk(place.chunk) + u64::from(within)
    }

    /// The first batch that holds something at or above `offset`; the end when there is none.
    /// Every batch before it lies wholly below `offset`.
    fn locate(&self, offset: Offset) -> Place {
        let in_tail = |first: &StoredBatch| first.base_offset <= offset;
        let chunk = if self.tail.batches.first().is_some_and(in_tail) {
            self.sealed.len()
        } else {
            let after = self.sealed.partition_point(|s| s.base <= offset);
            after.saturating_sub(1)
        };
        let batches = &self.chunk(chunk).batches;
        // Readers mostly ask for the end.
        let mut index = match batches.last() {
            Some(last) if last.base_offset <= offset => batches.len(),
            _ => batches.partition_point(|b| b.base_offset <= offset),
        };
        if index > 0 && batches[index - 1].next_offset() > offset {
            index -= 1;
        }
        if index == batches.len() && chunk < self.sealed.len() {
            return Place {
                chunk: chunk + 1,
                index: 0,
            };
        }
        Place { chunk, index }
    }

    /// Removes the batch at `place` and all after it.
    fn cut(&mut self, place: Place) {
        if place.chunk == self.sealed.len() {
            self.tail.truncate(place.index);
            return;
        }
        self.tail_position = self.sealed[place.chunk].position;
        let partial = self.sealed.drain(place.chunk..).next();
        let partial = partial.expect("the chunk that is cut exists");
        self.tail = Arc::unwrap_or_clone(partial.chunk);
        self.tail.truncate(place.index);
    }
}
