//! What a consumer knows of each of its partitions: state, position, paused or not.
//!
//! Modelled: the four fetch states and their transitions, positions with the epoch of the last
//! record and the leader that they were made for, validation after a change of leader, back-off of
//! failed look-ups.
//! Left out: pending revocation, seeks by the application to an offset.
//! Source: SubscriptionState; KIP-320.

use crate::kafka::api::fetch::EpochEnd;
use crate::kafka::api::list_offsets::OffsetSpec;
use crate::kafka::config::consumer::AutoOffsetReset;
use crate::kafka::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::rpc::Peer;
use crate::sim::clock::WallTime;
use crate::sim::time::{SimDuration, SimTime};

/// A partition of the assignment: its place in the assignment's order. Dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionIndex(pub u32);

/// A leader as the client's metadata knew it at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Its connection.
    pub peer: Peer,
    /// Its epoch.
    pub epoch: LeaderEpoch,
}

/// Where a consumer is in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The next offset to hand to the application.
    pub offset: Offset,
    /// The epoch of the record before it; none when it came from a look-up, not from reading.
    pub offset_epoch: Option<LeaderEpoch>,
    /// Whom to fetch from.
    pub leader: Option<Leader>,
}

/// Where a reset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// To the log start offset.
    Earliest,
    /// To the end of what can be read.
    Latest,
    /// To the first record that is not older than this when the question is asked.
    Back(SimDuration),
    /// To the first record that is not older than this: a look-up for the application.
    Since(WallTime),
}

impl Reset {
    /// What is asked for at `now`, by the client's clock.
    pub fn spec(self, now: WallTime) -> OffsetSpec {
        match self {
            Self::Earliest => OffsetSpec::Earliest,
            Self::Latest => OffsetSpec::Latest,
            Self::Since(time) => OffsetSpec::AtOrAfter(time),
            Self::Back(span) => {
                let back = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                OffsetSpec::AtOrAfter(WallTime(now.0.saturating_sub(back)))
            }
        }
    }
}

/// What has to happen before a partition can be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchState {
    /// No position was looked for yet.
    Initializing,
    /// The position is being looked up.
    AwaitReset(Reset),
    /// The leader changed: the position has to be compared with its log.
    AwaitValidation,
    /// Nothing: the position is valid.
    Fetching,
}

/// What the leader's answer means for a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    /// The question was asked for an older position: wait for the next answer.
    Stale,
    /// The records before the position are still there.
    Valid,
    /// They are gone from `to` on, and the position moved there.
    Truncated {
        /// The position before.
        from: Offset,
        /// The first offset that differs.
        to: Offset,
    },
    /// The leader knows nothing of the epoch: the position is reset.
    Unknown,
    /// Records are gone and auto.offset.reset is none.
    Refused {
        /// The position.
        at: Offset,
        /// The first offset that differs, where it is known.
        divergent: Option<Offset>,
    },
}

/// One partition of the assignment.
#[derive(Clone, Debug)]
pub struct PartitionState {
    /// Which it is.
    pub tp: TopicPartition,
    /// The high watermark of the last fetch.
    pub high_watermark: Option<Offset>,
    /// The log start offset of the last fetch.
    pub log_start: Option<Offset>,
    state: FetchState,
    position: Option<Position>,
    /// The position that a reset gave up, for the fact that tells of it.
    given_up: Option<Offset>,
    paused: bool,
    /// Whom to read from instead of the leader, and until when (KIP-392).
    preferred: Option<(Peer, SimTime)>,
    /// No look-up before this time; NEVER while one is in flight.
    retry_at: SimTime,
}

/// The partitions of a consumer.
#[derive(Clone, Debug)]
pub struct SubscriptionState {
    reset_policy: AutoOffsetReset,
    partitions: Vec<PartitionState>,
    /// How many partitions are not `Fetching`.
    unsettled: u32,
    /// How many partitions have a position without a leader.
    adrift: u32,
}

impl PartitionState {
    /// What it waits for.
    pub fn state(&self) -> FetchState {
        self.state
    }

    /// Its position, valid or not.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// Its position if that can be fetched from.
    pub fn valid_position(&self) -> Option<Position> {
        self.position.filter(|_| self.state == FetchState::Fetching)
    }

    /// True while the application wants nothing of it.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// True when records of it may be fetched and handed over.
    pub fn is_fetchable(&self) -> bool {
        !self.paused && self.state == FetchState::Fetching
    }

    /// True when no look-up is in flight or backs off.
    pub fn lookup_due(&self, now: SimTime) -> bool {
        self.retry_at <= now
    }

    /// Records between the position and the high watermark, once both are known.
    pub fn lag(&self) -> Option<u64> {
        let position = self.position?;
        let high_watermark = self.high_watermark?;
        Some(high_watermark.0.saturating_sub(position.offset.0))
    }
}

impl SubscriptionState {
    /// Partitions without positions.
    pub fn new(assignment: &[TopicPartition], reset_policy: AutoOffsetReset) -> Self {
        let partitions = assignment
            .iter()
            .map(|tp| PartitionState {
                tp: *tp,
                high_watermark: None,
                log_start: None,
                state: FetchState::Initializing,
                position: None,
                given_up: None,
                paused: false,
                preferred: None,
                retry_at: SimTime::ZERO,
            })
            .collect::<Vec<_>>();
        Self {
            reset_policy,
            unsettled: partitions.len() as u32,
            adrift: 0,
            partitions,
        }
    }

    /// One partition.
    pub fn get(&self, index: PartitionIndex) -> &PartitionState {
        &self.partitions[index.0 as usize]
    }

    /// All partitions in the order of the assignment.
    pub fn iter(&self) -> impl Iterator<Item = (PartitionIndex, &PartitionState)> {
        self.partitions
            .iter()
            .enumerate()
            .map(|(index, partition)| (PartitionIndex(index as u32), partition))
    }

    /// Where a partition stands in the assignment.
    pub fn index_of(&self, tp: TopicPartition) -> Option<PartitionIndex> {
        let index = self.partitions.iter().position(|p| p.tp == tp)?;
        Some(PartitionIndex(index as u32))
    }

    /// Where auto.offset.reset goes; none when it is none.
    pub fn reset_policy(&self) -> Option<Reset> {
        match self.reset_policy {
            AutoOffsetReset::Earliest => Some(Reset::Earliest),
            AutoOffsetReset::Latest => Some(Reset::Latest),
            AutoOffsetReset::ByDuration(span) => Some(Reset::Back(span)),
            AutoOffsetReset::None => None,
        }
    }

    /// True when every partition has a valid position.
    pub fn all_positions_valid(&self) -> bool {
        self.unsettled == 0
    }

    /// True when some position has no leader to fetch from.
    pub fn lacks_leaders(&self) -> bool {
        self.adrift > 0
    }

    /// Whom to read from: the preferred replica, or the position's leader.
    pub fn read_from(&self, index: PartitionIndex) -> Option<Peer> {
        let partition = &self.partitions[index.0 as usize];
        let leader = partition.position.and_then(|position| position.leader);
        match partition.preferred {
            Some((peer, _)) => Some(peer),
            None => leader.map(|leader| leader.peer),
        }
    }

    /// Reads from that replica until then.
    pub fn prefer(&mut self, index: PartitionIndex, peer: Peer, until: SimTime) {
        self.partitions[index.0 as usize].preferred = Some((peer, until));
    }

    /// Goes back to the leader; false where it was there.
    pub fn prefer_leader(&mut self, index: PartitionIndex) -> bool {
        self.partitions[index.0 as usize].preferred.take().is_some()
    }

    /// The preferred replica of a partition, and until when.
    pub fn preferred(&self, index: PartitionIndex) -> Option<(Peer, SimTime)> {
        self.partitions[index.0 as usize].preferred
    }

    /// Stops or lets go on what the application is handed; fetched records stay.
    pub fn set_paused(&mut self, index: PartitionIndex, paused: bool) {
        self.partitions[index.0 as usize].paused = paused;
    }

    /// Takes what a fetch says of the partition's log.
    pub fn learn(&mut self, index: PartitionIndex, high_watermark: Offset, log_start: Offset) {
        let partition = &mut self.partitions[index.0 as usize];
        partition.high_watermark = Some(high_watermark);
        partition.log_start = Some(log_start);
    }

    /// Moves the position over records that were handed over.
    pub fn advance(&mut self, index: PartitionIndex, to: Offset, epoch: Option<LeaderEpoch>) {
        let partition = &mut self.partitions[index.0 as usize];
        let position = partition
            .position
            .as_mut()
            .expect("records are handed over from a position");
        position.offset = to;
        position.offset_epoch = epoch;
    }

    /// Gives the position up; the next one is looked up.
    pub fn request_reset(&mut self, index: PartitionIndex, reset: Reset) {
        let partition = &mut self.partitions[index.0 as usize];
        if let Some(position) = partition.position {
            partition.given_up = Some(position.offset);
        }
        partition.retry_at = SimTime::ZERO;
        self.transition(index, FetchState::AwaitReset(reset), None);
    }

    /// Ends a reset and says where the position was before; none when that reset is not awaited
    /// any more. A position from a look-up has no epoch, so it needs no validation.
    pub fn complete_reset(
        &mut self,
        index: PartitionIndex,
        reset: Reset,
        offset: Offset,
        leader: Option<Leader>,
    ) -> Option<Option<Offset>> {
        let partition = &mut self.partitions[index.0 as usize];
        if partition.state != FetchState::AwaitReset(reset) {
            return None;
        }
        let from = partition.given_up.take();
        partition.retry_at = SimTime::ZERO;
        let position = Position {
            offset,
            offset_epoch: None,
            leader,
        };
        self.transition(index, FetchState::Fetching, Some(position));
        Some(from)
    }

    /// Starts at a committed offset, which is validated when it carries an epoch.
    pub fn start_at(&mut self, index: PartitionIndex, position: Position) {
        let state = Self::state_for(position);
        self.partitions[index.0 as usize].retry_at = SimTime::ZERO;
        self.transition(index, state, Some(position));
    }

    /// Compares the position's leader with the metadata's; a change asks for validation. True when
    /// the position took the new leader.
    pub fn follow_leader(&mut self, index: PartitionIndex, leader: Option<Leader>) -> bool {
        let partition = &mut self.partitions[index.0 as usize];
        let Some(leader) = leader else {
            return false;
        };
        // A position in AwaitReset is none: the reset takes the leader that is known when it ends.
        let Some(position) = partition.position.filter(|p| p.leader != Some(leader)) else {
            return false;
        };
        let position = Position {
            leader: Some(leader),
            ..position
        };
        partition.retry_at = SimTime::ZERO;
        self.transition(index, Self::state_for(position), Some(position));
        true
    }

    /// Takes the leader's answer about the end of an epoch; `asked` is the position that the
    /// question was about.
    pub fn complete_validation(
        &mut self,
        index: PartitionIndex,
        asked: Position,
        end: Option<EpochEnd>,
    ) -> Validation {
        let partition = &self.partitions[index.0 as usize];
        if partition.state != FetchState::AwaitValidation || partition.position != Some(asked) {
            return Validation::Stale;
        }
        let policy = self.reset_policy();
        match (end, policy) {
            (Some(end), _) if end.end_offset >= asked.offset => {
                self.settle(index, asked);
                Validation::Valid
            }
            (Some(end), Some(_)) => {
                let position = Position {
                    offset: end.end_offset,
                    offset_epoch: Some(end.epoch),
                    leader: asked.leader,
                };
                self.settle(index, position);
                Validation::Truncated {
                    from: asked.offset,
                    to: end.end_offset,
                }
            }
            (None, Some(reset)) => {
                self.request_reset(index, reset);
                Validation::Unknown
            }
            (_, None) => Validation::Refused {
                at: asked.offset,
                divergent: end.map(|end| end.end_offset),
            },
        }
    }

    /// A look-up for the partition is in flight.
    pub fn lookup_sent(&mut self, index: PartitionIndex) {
        self.partitions[index.0 as usize].retry_at = SimTime::NEVER;
    }

    /// A look-up failed: not again before `retry_at`.
    pub fn lookup_failed(&mut self, index: PartitionIndex, retry_at: SimTime) {
        self.partitions[index.0 as usize].retry_at = retry_at;
    }

    /// When the next look-up that backs off is due.
    pub fn next_retry(&self, now: SimTime) -> Option<SimTime> {
        self.partitions
            .iter()
            .filter(|p| p.state != FetchState::Fetching)
            .map(|p| p.retry_at)
            .filter(|at| *at > now && *at != SimTime::NEVER)
            .min()
    }

    fn settle(&mut self, index: PartitionIndex, position: Position) {
        self.partitions[index.0 as usize].retry_at = SimTime::ZERO;
        self.transition(index, FetchState::Fetching, Some(position));
    }

    /// Without an epoch there is nothing to compare with the leader's log.
    fn state_for(position: Position) -> FetchState {
        if position.offset_epoch.is_some() && position.leader.is_some() {
            FetchState::AwaitValidation
        } else {
            FetchState::Fetching
        }
    }

    /// The one place where states change, so that the counts stay right.
    fn transition(&mut self, index: PartitionIndex, to: FetchState, position: Option<Position>) {
        let partition = &mut self.partitions[index.0 as usize];
        let is_adrift = |p: Option<Position>| u32::from(p.is_some_and(|p| p.leader.is_none()));
        self.adrift = self.adrift + is_adrift(position) - is_adrift(partition.position);
        self.unsettled = self.unsettled + u32::from(to != FetchState::Fetching)
            - u32::from(partition.state != FetchState::Fetching);
        partition.state = to;
        partition.position = position;
        assert_eq!(
            position.is_some(),
            matches!(to, FetchState::Fetching | FetchState::AwaitValidation),
            "a state has a position exactly when it needs one"
        );
    }
}
