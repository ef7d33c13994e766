//! OffsetForLeaderEpoch (API key 23).
//!
//! Modelled: the end of an epoch in the leader's log, for consumers that look for a truncation and
//! followers that are out of range. Left out: requests of future replicas.
//! Source: Partition.lastOffsetForLeaderEpoch (4.2); KIP-101, KIP-279, KIP-320.

use crate::broker::Broker;
use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::api::offset_for_leader_epoch::{
    EpochAnswer, EpochQuestion, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use crate::kafka::error_code::ErrorCode;

/// Answers partition by partition.
pub(in crate::broker) fn handle(
    broker: &Broker,
    request: &OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let answer = |asked: &EpochQuestion| {
        let found = find(broker, asked);
        EpochAnswer {
            tp: asked.tp,
            error: found.err(),
            end: found.ok().flatten(),
        }
    };
    OffsetForLeaderEpochResponse {
        partitions: request.partitions.iter().map(answer).collect(),
    }
}

fn find(broker: &Broker, asked: &EpochQuestion) -> Result<Option<EpochEnd>, ErrorCode> {
    let partition = broker.replica(asked.tp)?;
    partition.leading_in(asked.current_leader_epoch)?;
    Ok(partition.log.end_offset_for(asked.leader_epoch))
}
