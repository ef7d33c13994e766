//! A host's disk as its process sees it: files in the page cache, written back later.
//!
//! Placeholder signatures; see the engine's design.

use crate::sim::process::FileId;
use crate::sim::time::SimTime;

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// No space left on device.
    Full,
    /// The device answers every call with an I/O error.
    Failed,
}

/// One host's disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {}

impl Disk {
    /// Appends `bytes` to the page cache of `file` at `now`.
    pub fn append(&mut self, _file: FileId, _bytes: u64, _now: SimTime) -> Result<(), DiskError> {
        Ok(())
    }

    /// Cuts `file` to `bytes`.
    pub fn truncate(&mut self, _file: FileId, _bytes: u64) {}

    /// How many bytes of `file` are on stable storage (0 after the disk was lost). What a power
    /// loss leaves; a process crash keeps everything.
    pub fn durable(&self, _file: FileId) -> u64 {
        0
    }
}
