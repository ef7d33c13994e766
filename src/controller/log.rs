//! The metadata log of one voter: `__cluster_metadata` as it lies in memory, page cache and on disk.
//!
//! Modelled: three ends (appended, written, committed): what is appended lingers in an accumulator,
//! what is written lies in the page cache, what is flushed is committed, since a lone voter is its
//! own majority. One flush at a time. Old records are dropped once a snapshot is the shorter read.
//! Left out: batches and their epochs (one leader per life of a lone voter), deletion of old
//! segments from the disk.
//! Source: KafkaRaftClient, BatchAccumulator, KafkaRaftLog; KIP-595, KIP-630.

use std::collections::VecDeque;

use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::ids::Offset;
use crate::kafka::metadata_records::MetadataRecord;
use crate::sim::process::Crash;

/// A record and, for facts, why the controller wrote it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The record.
    pub(super) record: MetadataRecord,
    /// Why, when it changes a partition.
    pub(super) why: Option<PartitionChangeCause>,
}

impl Change {
    /// A change that is about no partition.
    pub(super) fn of(record: MetadataRecord) -> Self {
        Self { record, why: None }
    }
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// The log has these committed offsets.
    Kept,
    /// The log begins later.
    Trimmed,
}

/// The log of a lone voter.
#[derive(Clone, Debug)]
pub(super) struct MetadataLog {
    /// From `start` to `end`.
    entries: VecDeque<Change>,
    start: Offset,
    /// The end of what is in the file.
    written: Offset,
    written_bytes: u64,
    /// True between a write and its flush.
    flushing: bool,
    /// The high watermark: the end of what is flushed.
    committed: Offset,
    committed_bytes: u64,
}

impl MetadataLog {
    /// A log that ends at `end`, with all of it in a snapshot.
    pub(super) fn new(end: Offset) -> Self {
        Self {
            entries: VecDeque::new(),
            start: end,
            written: end,
            written_bytes: 0,
            flushing: false,
            committed: end,
            committed_bytes: 0,
        }
    }

    /// The offset of the next record.
    pub(super) fn end(&self) -> Offset {
        self.start.plus(self.entries.len() as u64)
    }

    /// The end of what is committed.
    pub(super) fn high_watermark(&self) -> Offset {
        self.committed
    }

    /// How long the file is.
    pub(super) fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// True while records wait for being written.
    pub(super) fn has_unwritten(&self) -> bool {
        self.written < self.end()
    }

    /// True between a write and its flush.
    pub(super) fn is_flushing(&self) -> bool {
        self.flushing
    }

    /// Appends to the accumulator.
    pub(super) fn append(&mut self, change: Change) {
        self.entries.push_back(change);
    }

    /// How many bytes a write would add to the file.
    pub(super) fn unwritten_bytes(&self) -> u64 {
        let unwritten = self.entries.range(self.index(self.written)..);
        unwritten
            .map(|change| u64::from(change.record.size_bytes()))
            .sum()
    }

    /// All that is appended is in the file now, and its flush has begun.
    pub(super) fn written(&mut self) {
        assert!(!self.flushing, "one flush at a time");
        self.written_bytes += self.unwritten_bytes();
        self.written = self.end();
        self.flushing = true;
    }

    /// All that is written is on stable storage.
    pub(super) fn flushed(&mut self) {
        self.flushing = false;
        self.committed = self.written;
        self.committed_bytes = self.written_bytes;
    }

    /// The record at a committed offset that the log still has.
    pub(super) fn at(&self, offset: Offset) -> &Change {
        &self.entries[self.index(offset)]
    }

    /// Whether the log can be read from `from` on.
    pub(super) fn span(&self, from: Offset) -> Span {
        if from < self.start {
            Span::Trimmed
        } else {
            Span::Kept
        }
    }

    /// The committed records from `from` on.
    pub(super) fn read(&self, from: Offset) -> Vec<MetadataRecord> {
        let committed = self.index(self.committed);
        self.entries
            .range(self.index(from).min(committed)..committed)
            .map(|change| change.record.clone())
            .collect()
    }

    /// Drops the oldest committed records once there are more than twice `keep`, down to `keep`.
    pub(super) fn trim(&mut self, keep: usize) {
        let committed = self.index(self.committed);
        if committed > keep.saturating_mul(2) {
            self.entries.drain(..committed - keep);
            self.start = self.start.plus((committed - keep) as u64);
        }
    }

    /// Forgets what a crash takes; `durable_bytes` of the file are on stable storage.
    pub(super) fn crash(&mut self, kind: Crash, durable_bytes: u64) {
        let end = match kind {
            Crash::Kill => self.written,
            Crash::PowerLoss if durable_bytes >= self.written_bytes => self.written,
            // A batch that is not whole fails its checksum and is cut off.
            Crash::PowerLoss => self.committed,
            Crash::DiskLost => self.start,
        };
        self.entries.truncate(self.index(end));
        self.flushing = false;
        if end < self.written {
            self.written = end;
            self.written_bytes = self.committed_bytes;
        }
        if kind == Crash::DiskLost {
            self.committed = self.start;
        }
    }

    fn index(&self, offset: Offset) -> usize {
        assert!(offset >= self.start, "the log begins at its start");
        (offset.0 - self.start.0) as usize
    }
}
