//! Fetch (API key 1) of `__cluster_metadata`: an observer follows the metadata log.
//!
//! A type of its own, since metadata records are no record batches here.

use crate::kafka::ids::{BrokerId, Offset};
use crate::kafka::metadata_records::MetadataRecord;
use crate::sim::time::SimDuration;

/// Asks the quorum's leader for committed records.
#[derive(Clone, Copy, Debug)]
pub struct QuorumFetchRequest {
    /// The observer.
    pub broker: BrokerId,
    /// The first offset wanted.
    pub fetch_offset: Offset,
    /// The high watermark that the observer knows: news of a higher one is worth an answer.
    pub known_high_watermark: Offset,
    /// How long the leader may wait for news.
    pub max_wait: SimDuration,
}

/// Records from the fetch offset on, and how far they are committed.
#[derive(Clone, Debug)]
pub struct QuorumFetchResponse {
    /// Set when the log no longer has the fetch offset: the records are then a snapshot, the whole
    /// state up to this offset. They replace what the observer knew, which goes on from here
    /// (KIP-630, with FetchSnapshot folded in).
    pub snapshot_end: Option<Offset>,
    /// The offset of the first record; of no meaning with a snapshot.
    pub base_offset: Offset,
    /// The records; those at or above the high watermark must not be applied yet.
    pub records: Vec<MetadataRecord>,
    /// The end of what is committed.
    pub high_watermark: Offset,
}
