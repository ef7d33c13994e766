//! Fetch (API key 1), version 12 and later: fenced by leader epoch, truncation by diverging epoch.

use crate::kafka::api::produce::LeaderHint;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, Rack, TopicPartition};
use crate::kafka::records::StoredBatch;
use crate::sim::time::SimDuration;

/// Who fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetcher {
    /// A consumer: it sees records below the high watermark.
    Consumer,
    /// A follower: it sees the whole log, and its offsets move the high watermark.
    Follower {
        /// The broker.
        broker: BrokerId,
        /// Its epoch (KIP-903).
        epoch: BrokerEpoch,
    },
}

/// Asks one broker for records of several partitions.
///
/// Deviation: no fetch sessions (KIP-227); every request lists its partitions, which costs bytes only.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// Who fetches.
    pub fetcher: Fetcher,
    /// Where a consumer stands (client.rack).
    pub rack: Option<Rack>,
    /// How long the broker may wait for `min_bytes`.
    pub max_wait: SimDuration,
    /// The bytes worth answering for.
    pub min_bytes: u32,
    /// The bytes of the whole answer; the first batch comes even when it is larger (KIP-74).
    pub max_bytes: u32,
    /// The partitions, in the order in which they are filled.
    pub partitions: Vec<FetchPartition>,
}

/// What is asked of one partition.
#[derive(Clone, Copy, Debug)]
pub struct FetchPartition {
    /// The partition.
    pub tp: TopicPartition,
    /// The first offset wanted.
    pub fetch_offset: Offset,
    /// The leader epoch that the fetcher knows.
    pub current_leader_epoch: Option<LeaderEpoch>,
    /// The epoch of the last record that the fetcher has.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// A follower's log start offset.
    pub log_start_offset: Offset,
    /// The bytes wanted of this partition.
    pub max_bytes: u32,
}

/// The answer, partition by partition, in the order of the request.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// The answers.
    pub partitions: Vec<FetchedPartition>,
}

/// Where the fetcher's log and the leader's part ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The largest epoch of the leader that is not above the fetcher's.
    pub epoch: LeaderEpoch,
    /// Where that epoch ends.
    pub end_offset: Offset,
}

/// The answer for one partition.
#[derive(Clone, Debug)]
pub struct FetchedPartition {
    /// The partition.
    pub tp: TopicPartition,
    /// The error, if any.
    pub error: Option<ErrorCode>,
    /// The high watermark of the broker that answers.
    pub high_watermark: Offset,
    /// The end of what `read_committed` may see; the high watermark while there are no transactions.
    pub last_stable_offset: Offset,
    /// The first offset of the leader's log.
    pub log_start_offset: Offset,
    /// Set when the fetcher must truncate; no batches come with it.
    pub diverging_epoch: Option<EpochEnd>,
    /// Who leads now, with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH (KIP-951).
    pub current_leader: Option<LeaderHint>,
    /// Whom the consumer is to ask from now on; no batches come with it (KIP-392).
    pub preferred_read_replica: Option<BrokerId>,
    /// The batches, the first of which may begin before the fetch offset.
    pub batches: Vec<StoredBatch>,
    /// Which of them was damaged on the wire: its checksum fails.
    pub corrupt: Option<u32>,
}
