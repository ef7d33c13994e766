//! ListOffsets (API key 2).
//!
//! Modelled: earliest, latest, by time, the largest timestamp; a leader whose high watermark is still
//! below the start of its epoch does not say "latest", nor that nothing is as late as asked, as a
//! consumer could be sent backwards.
//! Left out: tiered storage.
//! Source: Partition.fetchOffsetForTimestamp, ReplicaManager.fetchOffset (4.2); KIP-79, KIP-207,
//! KIP-405, KIP-734.

use crate::broker::Broker;
use crate::kafka::api::list_offsets::{
    IsolationLevel, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListedOffset,
    OffsetSpec,
};
use crate::kafka::error_code::ErrorCode;

/// Answers partition by partition.
pub(in crate::broker) fn handle(
    broker: &Broker,
    request: &ListOffsetsRequest,
) -> ListOffsetsResponse {
    let answer = |asked: &ListOffsetsPartition| {
        find(broker, request.isolation, asked).unwrap_or_else(|error| ListedOffset {
            error: Some(error),
            ..nothing(asked)
        })
    };
    ListOffsetsResponse {
        partitions: request.partitions.iter().map(answer).collect(),
    }
}

fn nothing(asked: &ListOffsetsPartition) -> ListedOffset {
    ListedOffset {
        tp: asked.tp,
        error: None,
        offset: None,
        timestamp: None,
        leader_epoch: None,
    }
}

fn find(
    broker: &Broker,
    isolation: Option<IsolationLevel>,
    asked: &ListOffsetsPartition,
) -> Result<ListedOffset, ErrorCode> {
    let partition = broker.replica(asked.tp)?;
    let leading = partition.leading_in(asked.current_leader_epoch)?;
    let log = &partition.log;
    let end = match isolation {
        Some(IsolationLevel::ReadUncommitted | IsolationLevel::ReadCommitted) => {
            log.high_watermark()
        }
        None => log.log_end(),
    };
    let is_behind = isolation.is_some() && log.high_watermark() < leading.epoch_start;
    let found = match asked.spec {
        OffsetSpec::Earliest | OffsetSpec::EarliestLocal => {
            return Ok(ListedOffset {
                offset: Some(log.log_start()),
                leader_epoch: log.epoch_at(log.log_start()),
                ..nothing(asked)
            });
        }
        OffsetSpec::Latest if is_behind => None,
        OffsetSpec::Latest => {
            return Ok(ListedOffset {
                offset: Some(end),
                leader_epoch: Some(leading.epoch),
                ..nothing(asked)
            });
        }
        OffsetSpec::MaxTimestamp => log.at_largest_timestamp(),
        OffsetSpec::AtOrAfter(at) => log.first_at_or_after(at),
    };
    match found.filter(|found| found.offset < end) {
        Some(found) => Ok(ListedOffset {
            offset: Some(found.offset),
            timestamp: Some(found.timestamp),
            leader_epoch: Some(found.leader_epoch),
            ..nothing(asked)
        }),
        None if is_behind => Err(ErrorCode::OffsetNotAvailable),
        None => Ok(nothing(asked)),
    }
}
