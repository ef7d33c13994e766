//! The batches of a log, in offset order.
//!
//! Modelled: append, lookup by offset and by byte position, cuts at the end. Batches lie in chunks;
//! full chunks are shared between copies of a log, only the last one is copied. One batch takes 28
//! bytes beside its content.
//! Left out: segment roll and the sparse index (KIP-32); all batches are one segment so far. A roll
//! will begin a chunk, retention and compaction will drop and replace whole chunks.

use std::ops::Range;
use std::sync::Arc;

use crate::kafka::ids::Offset;
use crate::kafka::records::StoredBatch;

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
    /// The bytes of all batches.
    pub fn bytes(&self) -> u64 {
        self.tail_position + u64::from(self.tail.bytes())
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
    }

    /// Keeps the whole batches within the first `durable` bytes.
    pub fn truncate_to_bytes(&mut self, durable: u64) {
        let whole = |s: &Sealed| s.position + u64::from(s.chunk.bytes()) <= durable;
        let chunk = self.sealed.partition_point(whole);
        let rest = durable - durable.min(self.position_of_chunk(chunk));
        let ends = &self.chunk(chunk).ends;
        let index = ends.partition_point(|end| u64::from(*end) <= rest);
        self.cut(Place { chunk, index });
    }

    /// Removes all batches.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes of the batches with a record in `range` and none above it.
    pub fn bytes_in(&self, range: Range<Offset>) -> u64 {
        let begin = self.position_of(self.locate(range.start));
        let end = self.position_of(self.locate(range.end));
        end.saturating_sub(begin)
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
