//! ListOffsets (API key 2).
//!
//! Modelled: earliest and latest; a leader whose high watermark is still below the start of its
//! epoch does not say "latest", as a consumer could be sent backwards.
//! Left out: by timestamp, isolation levels, replicas that ask.
//! Source: Partition.fetchOffsetForTimestamp (4.2); KIP-207.

use crate::broker::Broker;
use crate::kafka::api::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListedOffset, OffsetSpec,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{LeaderEpoch, Offset};

/// Answers partition by partition.
pub(in crate::broker) fn handle(
    broker: &Broker,
    request: &ListOffsetsRequest,
) -> ListOffsetsResponse {
    let answer = |asked: &ListOffsetsPartition| {
        let (error, offset, leader_epoch) = match find(broker, asked) {
            Ok((offset, epoch)) => (None, offset, epoch),
            Err(error) => (Some(error), Offset::default(), None),
        };
        ListedOffset {
            tp: asked.tp,
            error,
            offset,
            leader_epoch,
        }
    };
    ListOffsetsResponse {
        partitions: request.partitions.iter().map(answer).collect(),
    }
}

fn find(
    broker: &Broker,
    asked: &ListOffsetsPartition,
) -> Result<(Offset, Option<LeaderEpoch>), ErrorCode> {
    let partition = broker.replica(asked.tp)?;
    let leading = partition.leading_in(asked.current_leader_epoch)?;
    let log = &partition.log;
    match asked.spec {
        OffsetSpec::Earliest => Ok((log.log_start(), log.epoch_at(log.log_start()))),
        OffsetSpec::Latest if log.high_watermark() < leading.epoch_start => {
            Err(ErrorCode::OffsetNotAvailable)
        }
        OffsetSpec::Latest => Ok((log.high_watermark(), Some(leading.epoch))),
    }
}
