//! Positions that do not come from reading: where to start, and whether the log still holds what
//! was read.
//!
//! Modelled: auto.offset.reset by ListOffsets, also by duration (KIP-1106); look-ups by time for the
//! application (offsetsForTimes), which seeks where they lead; validation by
//! OffsetForLeaderEpoch after a change of leader, truncation detected (KIP-320); errors and lost
//! connections retried after retry.backoff.ms with a metadata refresh.
//! Left out: isolation.level.
//! Source: OffsetFetcher, OffsetFetcherUtils, PositionsValidator (4.2).

use std::collections::BTreeMap;

// Deviation: a reset by duration that finds no record asks again request.timeout.ms after the answer,
// not after the question.

use crate::client::consumer::subscription::{
    FetchState, PartitionIndex, Position, Reset, Validation,
};
use crate::client::consumer::{Consumer, Failure, Timer, Token};
use crate::kafka::api::list_offsets::{
    IsolationLevel, ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse,
};
use crate::kafka::api::offset_for_leader_epoch::{
    EpochQuestion, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use crate::kafka::fact::{ConsumerFailure, Fact};
use crate::kafka::message::{Message, Request};
use crate::rpc::Peer;
use crate::sim::process::Cx;
use crate::sim::time::SimTime;

impl Consumer {
    /// Looks up what positions need: validation first, then a start, then a reset.
    pub(crate) fn update_positions(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, Timer>,
    ) -> Result<(), Failure> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.subscription.all_positions_valid() {
            return Ok(());
        }
        self.validate_positions(cx);
        self.start_positions()?;
        self.reset_positions(cx);
        Ok(())
    }

    /// Sets the timer for look-ups that back off.
    pub(crate) fn arm_retry(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let now = cx.now();
        let next = if self.subscription.all_positions_valid() {
            None
        } else {
            self.subscription.next_retry(now)
        };
        if next == self.retry_armed {
            return;
        }
        match next {
            Some(at) => cx.set_timer(Timer::Retry, at.since(now)),
            None => cx.cancel_timer(Timer::Retry),
        }
        self.retry_armed = next;
    }

    /// Gives each partition without a position the committed one, else asks for a reset.
    fn start_positions(&mut self) -> Result<(), Failure> {
        let mut failure = None;
        for index in self.due(FetchState::Initializing, SimTime::ZERO) {
            let tp = self.subscription.get(index).tp;
            if let Some(committed) = self.membership.committed(tp) {
                let position = Position {
                    offset: committed.offset,
                    offset_epoch: committed.leader_epoch,
                    leader: self.leader(tp),
                };
                self.subscription.start_at(index, position);
                self.fetcher
                    .place(index, self.subscription.read_from(index));
            } else if let Some(reset) = self.subscription.reset_policy() {
                self.subscription.request_reset(index, reset);
            } else {
                failure.get_or_insert(Failure {
                    tp,
                    offset: None,
                    why: ConsumerFailure::NoOffsetForPartition,
                });
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Asks the leaders for the first or the last offset of partitions that await a reset.
    fn reset_positions(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let mut by_peer: BTreeMap<Peer, Vec<(PartitionIndex, Reset)>> = BTreeMap::new();
        let policy = self.subscription.reset_policy();
        let other = policy.filter(|reset| !matches!(reset, Reset::Earliest | Reset::Latest));
        for reset in [
            Some(Reset::Earliest),
            Some(Reset::Latest),
            other,
            self.sought,
        ]
        .into_iter()
        .flatten()
        {
            for index in self.due(FetchState::AwaitReset(reset), cx.now()) {
                let tp = self.subscription.get(index).tp;
                // A partition that the topic does not have yet comes with a later refresh.
                let count = self.metadata.partition_count(tp.topic);
                if count.is_some_and(|count| tp.partition >= count) {
                    continue;
                }
                match self.leader(tp) {
                    Some(leader) => by_peer.entry(leader.peer).or_default().push((index, reset)),
                    None => self.metadata.request_update(),
                }
            }
        }
        let now = cx.wall_clock();
        for (peer, asked) in by_peer {
            if !self.ready(cx, peer) {
                continue;
            }
            let partitions = asked.iter().map(|(index, reset)| {
                let tp = self.subscription.get(*index).tp;
                ListOffsetsPartition {
                    tp,
                    spec: reset.spec(now),
                    current_leader_epoch: self.metadata.leader_epoch(tp),
                }
            });
            let request = ListOffsetsRequest {
                isolation: Some(IsolationLevel::ReadUncommitted),
                partitions: partitions.collect(),
            };
            for (index, _) in &asked {
                self.subscription.lookup_sent(*index);
            }
            let (request, token) = (Request::ListOffsets(request), Token::ListOffsets(asked));
            cx.scoped(Timer::Rpc, |cx| self.rpc.send(cx, peer, request, token));
        }
    }

    /// Asks the leaders where the epochs of positions that await validation end.
    fn validate_positions(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>) {
        let mut by_peer: BTreeMap<Peer, Vec<(PartitionIndex, Position)>> = BTreeMap::new();
        for index in self.due(FetchState::AwaitValidation, cx.now()) {
            let position = self.subscription.get(index).position();
            let position = position.expect("a position awaits validation");
            let leader = position.leader.expect("it is validated at a leader");
            by_peer
                .entry(leader.peer)
                .or_default()
                .push((index, position));
        }
        for (peer, asked) in by_peer {
            if !self.ready(cx, peer) {
                continue;
            }
            let partitions = asked.iter().map(|(index, position)| EpochQuestion {
                tp: self.subscription.get(*index).tp,
                current_leader_epoch: position.leader.map(|leader| leader.epoch),
                leader_epoch: position
                    .offset_epoch
                    .expect("a position without an epoch needs no validation"),
            });
            let request = OffsetForLeaderEpochRequest {
                partitions: partitions.collect(),
            };
            for (index, _) in &asked {
                self.subscription.lookup_sent(*index);
            }
            let (request, token) = (Request::OffsetForLeaderEpoch(request), Token::Epochs(asked));
            cx.scoped(Timer::Rpc, |cx| self.rpc.send(cx, peer, request, token));
        }
    }

    /// ListOffsets was answered.
    pub(crate) fn offsets_listed(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, Timer>,
        asked: &[(PartitionIndex, Reset)],
        response: &ListOffsetsResponse,
    ) {
        for ((index, reset), listed) in asked.iter().zip(&response.partitions) {
            let tp = self.subscription.get(*index).tp;
            assert_eq!(tp, listed.tp, "answers keep the request's order");
            if listed.error.is_some() {
                self.lookup_failed(*index, cx.now());
                continue;
            }
            let Some(to) = listed.offset else {
                if let Reset::Since(_) = reset {
                    // offsetsForTimes has nothing to say: the application goes to the end.
                    let awaits = FetchState::AwaitReset(*reset);
                    if self.subscription.get(*index).state() == awaits {
                        self.subscription.request_reset(*index, Reset::Latest);
                    }
                    continue;
                }
                // No record is as late as asked for.
                let retry_at = cx.now() + self.config.request_timeout;
                self.subscription.lookup_failed(*index, retry_at);
                continue;
            };
            let leader = self.leader(tp);
            let ended = self.subscription.complete_reset(*index, *reset, to, leader);
            if let Some(from) = ended {
                self.fetcher
                    .place(*index, self.subscription.read_from(*index));
                cx.fact(Fact::PositionReset { tp, from, to });
            }
        }
    }

    /// OffsetForLeaderEpoch was answered.
    pub(crate) fn epochs_told(
        &mut self,
        cx: &mut Cx<'_, Message, Fact, Timer>,
        asked: &[(PartitionIndex, Position)],
        response: &OffsetForLeaderEpochResponse,
    ) {
        for ((index, position), answer) in asked.iter().zip(&response.partitions) {
            let tp = self.subscription.get(*index).tp;
            assert_eq!(tp, answer.tp, "answers keep the request's order");
            if answer.error.is_some() {
                // Also when the position has changed since, as OffsetFetcherUtils does.
                self.lookup_failed(*index, cx.now());
                continue;
            }
            let verdict = self
                .subscription
                .complete_validation(*index, *position, answer.end);
            match verdict {
                Validation::Stale | Validation::Unknown => {}
                Validation::Valid => self.fetcher.wake_partition(*index),
                Validation::Truncated { from, to } => {
                    self.fetcher.wake_partition(*index);
                    cx.fact(Fact::PositionReset {
                        tp,
                        from: Some(from),
                        to,
                    });
                }
                Validation::Refused { at, divergent } => {
                    self.failure.get_or_insert(Failure {
                        tp,
                        offset: Some(at),
                        why: ConsumerFailure::LogTruncation { divergent },
                    });
                }
            }
        }
    }

    /// A look-up failed: it is retried after retry.backoff.ms, with newer metadata.
    pub(crate) fn lookup_failed(&mut self, index: PartitionIndex, now: SimTime) {
        let retry_at = now + self.config.retry_backoff;
        self.subscription.lookup_failed(index, retry_at);
        self.metadata.request_update();
    }

    /// True when the peer can take a request; opens its connection if it must.
    fn ready(&mut self, cx: &mut Cx<'_, Message, Fact, Timer>, peer: Peer) -> bool {
        if !self.rpc.is_ready(peer) {
            cx.scoped(Timer::Rpc, |cx| self.rpc.connect(cx, peer));
        }
        self.rpc.is_ready(peer)
    }

    /// The partitions in a state whose back-off is over at `now`.
    fn due(&self, state: FetchState, now: SimTime) -> Vec<PartitionIndex> {
        let partitions = self.subscription.iter();
        partitions
            .filter(|(_, partition)| partition.state() == state && partition.lookup_due(now))
            .map(|(index, _)| index)
            .collect()
    }
}
