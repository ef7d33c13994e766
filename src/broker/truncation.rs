//! A follower's log meets its leader's: truncation at the end of the last common epoch.
//!
//! Modelled: truncation on fetch by the leader's diverging epoch, step by step until the epochs
//! meet; out of range: the leader's log is shorter, or begins later.
//! Left out: truncation to the high watermark and by OffsetsForLeaderEpoch (before 2.7).
//! Source: AbstractFetcherThread.getOffsetTruncationState, fetchOffsetAndTruncate (4.2); KIP-101,
//! KIP-279, KIP-595.

// Deviation: a follower asks where its leader's log ends with OffsetForLeaderEpoch; Kafka's asks with
// ListOffsets, which tells replicas the log end.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::fetcher::{Ask, Sent};
use crate::broker::partition::Slot;
use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::api::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, OffsetSpec,
};
use crate::kafka::api::offset_for_leader_epoch::{
    EpochQuestion, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::{Fact, TruncationCause};
use crate::kafka::ids::Offset;
use crate::kafka::message::Request;

impl Broker {
    /// Cuts the log where it parts ways with the leader's. When the leader's epoch is unknown here,
    /// the log is cut to the end of the largest epoch below it; the next fetch goes on from there.
    pub(super) fn truncate_to_common_epoch(
        &mut self,
        cx: BrokerCx<'_, '_>,
        slot: Slot,
        leader: EpochEnd,
    ) {
        let log = &self.replicas[slot].log;
        let to = match log.end_offset_for(leader.epoch) {
            Some(own) if own.epoch == leader.epoch => own.end_offset.min(leader.end_offset),
            Some(own) => own.end_offset,
            None => leader.end_offset,
        };
        let to = to.min(log.log_end());
        self.truncate(cx, slot, to, TruncationCause::DivergingEpoch);
    }

    /// Cuts the end of a log, in memory and on disk.
    fn truncate(&mut self, cx: BrokerCx<'_, '_>, slot: Slot, to: Offset, why: TruncationCause) {
        let partition = &mut self.replicas[slot];
        let cut = match why {
            TruncationCause::BelowLogStart => partition.log.truncate_fully_and_start_at(to),
            TruncationCause::DivergingEpoch
            | TruncationCause::BeyondLeader
            | TruncationCause::NotDurable => partition.log.truncate_to(to),
        };
        if let Some(from) = cut {
            cx.disk()
                .truncate(partition.file, partition.log.size_bytes());
            cx.fact(Fact::Truncated {
                broker: self.id,
                tp: partition.tp,
                to: partition.log.log_end(),
                from,
                why,
            });
        }
    }

    /// Asks the leader about a partition that it called out of range. True when a request was sent.
    pub(super) fn ask_about_range(&mut self, cx: BrokerCx<'_, '_>, index: u32) -> bool {
        let Some(sent) = self.fetchers.all[index as usize].out_of_range.pop() else {
            return false;
        };
        let question = EpochQuestion {
            tp: self.replicas[sent.slot].tp,
            current_leader_epoch: Some(sent.epoch),
            leader_epoch: sent.epoch,
        };
        let request = OffsetForLeaderEpochRequest {
            partitions: vec![question],
        };
        let request = Request::OffsetForLeaderEpoch(request);
        self.send_from_fetcher(cx, index, request, Ask::LeaderEnd(sent));
        true
    }

    /// The leader said where its log ends.
    pub(super) fn leader_end_answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        index: u32,
        sent: Sent,
        response: &OffsetForLeaderEpochResponse,
    ) {
        if !self.is_current(cx.now(), index, sent) {
            return;
        }
        let answer = &response.partitions[0];
        match (answer.error, answer.end) {
            (None, Some(end)) if end.end_offset < sent.offset => {
                let to = end.end_offset;
                self.truncate(cx, sent.slot, to, TruncationCause::BeyondLeader);
            }
            (None, _) => {
                let request = ListOffsetsRequest {
                    isolation: None,
                    partitions: vec![ListOffsetsPartition {
                        tp: self.replicas[sent.slot].tp,
                        spec: OffsetSpec::Earliest,
                        current_leader_epoch: Some(sent.epoch),
                    }],
                };
                let request = Request::ListOffsets(request);
                self.send_from_fetcher(cx, index, request, Ask::LeaderStart(sent));
            }
            (Some(error), _) => self.range_refused(cx, sent, error),
        }
    }

    /// The leader said where its log begins.
    pub(super) fn leader_start_answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        sent: Sent,
        response: &ListOffsetsResponse,
    ) {
        let partition = &self.replicas[sent.slot];
        if partition.leader_epoch != Some(sent.epoch) || partition.log.log_end() != sent.offset {
            return;
        }
        let answer = &response.partitions[0];
        match answer.error {
            None if answer.offset > Some(sent.offset) => {
                let start = answer.offset.unwrap_or_default();
                self.truncate(cx, sent.slot, start, TruncationCause::BelowLogStart);
            }
            None => {}
            Some(error) => self.range_refused(cx, sent, error),
        }
    }

    fn range_refused(&mut self, cx: BrokerCx<'_, '_>, sent: Sent, error: ErrorCode) {
        if error == ErrorCode::FencedLeaderEpoch {
            self.stop_fetching(sent.slot);
        } else {
            self.delay(cx.now(), sent.slot);
        }
    }
}
