//! What a client believes of brokers and leaders, and when it asks again.
//!
//! Modelled: the higher leader epoch wins, whatever comes later; refresh by age, on request and
//! after errors; exponential back-off of failed and of useless refreshes; one request in flight;
//! least loaded node; leaders told in error answers (KIP-951); rebootstrap when no broker can be
//! reached (KIP-899).
//! Left out: topics that appear later, idle topics, metadata.recovery.rebootstrap.trigger.ms.
//! Source: Metadata, ProducerMetadata, NetworkClient.DefaultMetadataUpdater; KIP-320, KIP-580.

use std::sync::Arc;

use crate::kafka::api::metadata::{MetadataRequest, MetadataResponse, PartitionMetadata};
use crate::kafka::api::produce::LeaderHint;
use crate::kafka::ids::{BrokerId, LeaderEpoch, TopicId, TopicPartition};
use crate::kafka::message::{Message, Request};
use crate::rpc;
use crate::rpc::{Peer, Rpc};
use crate::sim::process::{Cx, HostId};
use crate::sim::rng::Rng;
use crate::sim::time::{SimDuration, SimTime};

/// When a client asks for metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// metadata.max.age.ms
    pub max_age: SimDuration,
    /// retry.backoff.ms
    pub retry_backoff: SimDuration,
    /// retry.backoff.max.ms
    pub retry_backoff_max: SimDuration,
    /// What becomes of a topic that does not exist.
    pub missing: MissingTopic,
}

/// What becomes of a topic that a client asks for and that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingTopic {
    /// The broker may create it.
    Create,
    /// It stays unknown.
    Leave,
}

/// Whether to ask now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// One request is in flight.
    InFlight,
    /// Ask now.
    Due,
    /// Ask at that time, unless something happens before.
    At(SimTime),
}

/// How a broker's connection stands, for the choice of whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// Connected, with room for one more request.
    Usable {
        /// Requests without an answer.
        in_flight: usize,
    },
    /// Connected, but no further request may be in flight.
    Busy,
    /// The connection is being opened.
    Connecting,
    /// A connection may be opened.
    Closed {
        /// When that was last tried.
        last_attempt: Option<SimTime>,
    },
    /// The back-off after a failed connection lasts.
    BackingOff,
}

impl Node {
    /// The lower, the better to ask; none when it can't be asked now.
    fn rank(self) -> Option<(u8, u64)> {
        match self {
            Self::Usable { in_flight } => Some((0, in_flight as u64)),
            Self::Connecting => Some((1, 0)),
            Self::Closed { last_attempt: None } => Some((2, 0)),
            Self::Closed {
                last_attempt: Some(time),
            } => Some((3, time.as_nanos())),
            Self::Busy | Self::BackingOff => None,
        }
    }
}

/// A client's metadata. The brokers are the first peers of the client's `Rpc`, in this order.
#[derive(Clone, Debug)]
pub struct ClientMetadata {
    settings: Settings,
    rng: Rng,
    brokers: Arc<[(BrokerId, HostId)]>,
    /// The brokers, by index, that the last answer listed: whom the client may ask and send to.
    live: Vec<bool>,
    /// By topic id; empty for topics that this client does not use.
    topics: Vec<Topic>,
    wanted: Vec<TopicId>,
    need_update: bool,
    in_flight: bool,
    version: u32,
    /// Before this time no request is sent: the back-off drawn at the last refresh.
    not_before: SimTime,
    refreshed_at: Option<SimTime>,
    failures: u32,
    /// Answers in a row that told nothing new.
    equivalent: u32,
}

#[derive(Clone, Debug, Default)]
struct Topic {
    /// False until an answer described the topic, and again when it becomes unknown.
    known: bool,
    partitions: Vec<Belief>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Belief {
    /// The leader's index among the brokers.
    leader: Option<u32>,
    /// The highest leader epoch seen; it survives a leader that is forgotten.
    epoch: Option<LeaderEpoch>,
}

impl ClientMetadata {
    /// A client that knows the addresses of `brokers` (bootstrap.servers) and nothing else.
    pub fn new(
        settings: Settings,
        brokers: Arc<[(BrokerId, HostId)]>,
        topics: Vec<TopicId>,
        rng: Rng,
    ) -> Self {
        assert!(!brokers.is_empty(), "bootstrap.servers names a broker");
        let slots = topics.iter().map(|topic| topic.0 + 1).max().unwrap_or(0);
        Self {
            settings,
            rng,
            live: vec![true; brokers.len()],
            brokers,
            topics: vec![Topic::default(); slots as usize],
            wanted: topics,
            need_update: true,
            in_flight: false,
            version: 0,
            not_before: SimTime::ZERO,
            refreshed_at: None,
            failures: 0,
            equivalent: 0,
        }
    }

    /// The leader and its epoch; none while the client knows of no reachable leader.
    pub fn leader(&self, tp: TopicPartition) -> Option<(BrokerId, LeaderEpoch)> {
        let belief = self.belief(tp)?;
        let leader = self.brokers[belief.leader? as usize].0;
        Some((leader, belief.epoch.unwrap_or_default()))
    }

    /// The leader's peer.
    pub fn leader_peer(&self, tp: TopicPartition) -> Option<Peer> {
        self.belief(tp)?.leader.map(Peer)
    }

    /// The highest leader epoch seen, with or without a leader.
    pub fn leader_epoch(&self, tp: TopicPartition) -> Option<LeaderEpoch> {
        self.belief(tp)?.epoch
    }

    /// How many partitions a topic has; none while the topic is unknown.
    pub fn partition_count(&self, topic: TopicId) -> Option<u32> {
        let topic = self.topics.get(topic.0 as usize)?;
        topic.known.then_some(topic.partitions.len() as u32)
    }

    /// The brokers and the hosts that they listen on.
    pub fn brokers(&self) -> &Arc<[(BrokerId, HostId)]> {
        &self.brokers
    }

    /// The peer of a broker.
    pub fn peer(&self, broker: BrokerId) -> Option<Peer> {
        let index = self.brokers.iter().position(|(id, _)| *id == broker)?;
        Some(Peer(index as u32))
    }

    /// True when the last answer listed the broker.
    pub fn is_live(&self, peer: Peer) -> bool {
        self.live[peer.0 as usize]
    }

    /// Counts the changes of brokers, partitions and leaders.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Asks for a refresh as soon as the back-off allows it.
    pub fn request_update(&mut self) {
        self.need_update = true;
    }

    /// True while a refresh is wanted.
    pub fn update_requested(&self) -> bool {
        self.need_update
    }

    /// Whether to ask now.
    pub fn next(&mut self, now: SimTime) -> Next {
        if self.in_flight {
            return Next::InFlight;
        }
        let expires = match self.refreshed_at {
            Some(at) => at + self.settings.max_age,
            None => SimTime::ZERO,
        };
        if expires <= now {
            // A refresh by age starts a new count of useless ones.
            self.equivalent = 0;
        }
        let wanted = if self.need_update {
            self.not_before
        } else {
            expires.max(self.not_before)
        };
        if wanted <= now {
            Next::Due
        } else {
            Next::At(wanted)
        }
    }

    /// The request, which is in flight from now on.
    pub fn begin(&mut self) -> MetadataRequest {
        assert!(!self.in_flight, "one metadata request is in flight");
        self.in_flight = true;
        MetadataRequest {
            topics: self.wanted.clone(),
            allow_auto_topic_creation: self.settings.missing == MissingTopic::Create,
        }
    }

    /// The answer arrived. Returns the partitions whose leader or leader epoch changed.
    pub fn update(&mut self, response: &MetadataResponse, now: SimTime) -> Vec<TopicPartition> {
        self.in_flight = false;
        if response.brokers.is_empty() {
            // A broker that is still starting knows nobody.
            self.failed(now);
            return Vec::new();
        }
        self.version += 1;
        self.need_update = false;
        self.refreshed_at = Some(now);
        self.failures = 0;
        self.equivalent += 1;
        for (index, (id, _)) in self.brokers.iter().enumerate() {
            self.live[index] = response.brokers.contains(id);
        }
        let mut changed = Vec::new();
        for topic in &response.topics {
            let Some(slot) = self.topics.get_mut(topic.topic.0 as usize) else {
                continue;
            };
            if let Some(error) = topic.error {
                self.need_update |= error.invalidates_metadata();
                slot.known = false;
                continue;
            }
            slot.known = true;
            let count = topic.partitions.len().max(slot.partitions.len());
            slot.partitions.resize(count, Belief::default());
            for (index, told) in topic.partitions.iter().enumerate() {
                let tp = TopicPartition {
                    topic: topic.topic,
                    partition: index as u32,
                };
                if self.learn(tp, *told) {
                    changed.push(tp);
                }
            }
        }
        self.back_off(now, self.equivalent.saturating_sub(1));
        changed
    }

    /// The request in flight got no answer, or an update that was due could not be sent.
    pub fn failed(&mut self, now: SimTime) {
        self.in_flight = false;
        self.failures += 1;
        self.equivalent = 0;
        self.back_off(now, self.failures - 1);
    }

    /// A connection to a broker broke: perhaps the metadata is stale. Call [`Self::failed`] first
    /// when the metadata request was on it.
    pub fn disconnected(&mut self, now: SimTime) {
        match self.next(now) {
            // An update that is due counts as failed, so that it backs off.
            Next::Due => self.failed(now),
            Next::InFlight | Next::At(_) => {}
        }
        self.need_update = true;
    }

    /// Takes a leader that an error answer named (KIP-951). True when it was news.
    pub fn apply_hint(&mut self, tp: TopicPartition, hint: LeaderHint) -> bool {
        let Some(leader) = self.peer(hint.leader) else {
            return false;
        };
        let topic = self.topics.get_mut(tp.topic.0 as usize);
        let Some(topic) = topic.filter(|topic| topic.known) else {
            return false;
        };
        let Some(belief) = topic.partitions.get_mut(tp.partition as usize) else {
            return false;
        };
        if belief.epoch.is_some_and(|epoch| hint.epoch <= epoch) {
            return false;
        }
        *belief = Belief {
            leader: Some(leader.0),
            epoch: Some(hint.epoch),
        };
        self.live[leader.0 as usize] = true;
        self.version += 1;
        true
    }

    /// The broker to ask: the first one of the live brokers, from a random one on, that is
    /// connected and idle; else the least busy; else one that is connecting; else the one whose
    /// last connection attempt is the oldest. None when all are backing off or busy.
    pub fn least_loaded(&mut self, node: impl Fn(Peer) -> Node) -> Option<(Peer, Node)> {
        let count = self.brokers.len();
        let live = self.live.iter().filter(|live| **live).count();
        let first = self.rng.below(live.max(1) as u64) as usize;
        let order = (0..count).filter(|index| self.live[*index]);
        let order = order.clone().skip(first).chain(order.take(first));
        let nodes = order.map(|index| Peer(index as u32));
        let nodes = nodes.map(|peer| (peer, node(peer)));
        let ranked = nodes.filter_map(|(peer, node)| Some((node.rank()?, peer, node)));
        let best = ranked.min_by_key(|(rank, _, _)| *rank);
        best.map(|(_, peer, node)| (peer, node))
    }

    /// Sends the request when it is due and a broker can take it; opens a connection when none is
    /// there. `room` is max.in.flight.requests.per.connection, `token` what `rpc` remembers.
    /// Returns when to call again, unless an answer or a connection comes first.
    pub fn poll<K, F>(
        &mut self,
        cx: &mut Cx<'_, Message, F, rpc::Timer>,
        rpc: &mut Rpc<K>,
        room: usize,
        token: K,
    ) -> Option<SimTime> {
        match self.next(cx.now()) {
            Next::InFlight => return None,
            Next::At(time) => return Some(time),
            Next::Due => {}
        }
        let mut choice = self.least_loaded(|peer| node(rpc, peer, room));
        if choice.is_none() && !self.any_ready(rpc) {
            self.rebootstrap();
            choice = self.least_loaded(|peer| node(rpc, peer, room));
        }
        match choice {
            Some((peer, Node::Usable { .. })) => {
                let request = self.begin();
                rpc.send(cx, peer, Request::Metadata(request), token);
            }
            Some((peer, Node::Closed { .. })) => rpc.connect(cx, peer),
            Some((_, Node::Busy | Node::Connecting | Node::BackingOff)) | None => {}
        }
        None
    }

    /// Forgets everything but the addresses, as the process does when it dies.
    pub fn reset(&mut self) {
        *self = Self::new(
            self.settings,
            Arc::clone(&self.brokers),
            std::mem::take(&mut self.wanted),
            self.rng.clone(),
        );
    }

    fn belief(&self, tp: TopicPartition) -> Option<Belief> {
        let topic = self.topics.get(tp.topic.0 as usize)?;
        if !topic.known {
            return None;
        }
        topic.partitions.get(tp.partition as usize).copied()
    }

    /// Takes what an answer says of one partition. True when leader or epoch changed.
    fn learn(&mut self, tp: TopicPartition, told: PartitionMetadata) -> bool {
        if told.leader.is_none() {
            // LEADER_NOT_AVAILABLE: an election is due, ask again.
            self.need_update = true;
        }
        let leader = told.leader.and_then(|leader| self.peer(leader));
        let leader = leader.filter(|peer| self.live[peer.0 as usize]);
        let belief = &mut self.topics[tp.topic.0 as usize].partitions[tp.partition as usize];
        if belief.epoch.is_some_and(|epoch| told.leader_epoch < epoch) {
            return false;
        }
        if belief.epoch != Some(told.leader_epoch) {
            self.equivalent = 0;
        }
        let new = Belief {
            leader: leader.map(|peer| peer.0),
            epoch: Some(told.leader_epoch),
        };
        let changed = *belief != new;
        *belief = new;
        changed
    }

    /// No broker can be reached: start again from bootstrap.servers, without leaders.
    ///
    /// Deviation: the connections to bootstrap addresses are those to the brokers, with the same
    /// back-off; Java opens others under negative node ids.
    fn rebootstrap(&mut self) {
        self.version += 1;
        self.live.fill(true);
        for topic in &mut self.topics {
            topic.known = false;
            for belief in &mut topic.partitions {
                belief.leader = None;
            }
        }
        self.need_update = true;
    }

    fn any_ready<K>(&self, rpc: &Rpc<K>) -> bool {
        (0..self.brokers.len() as u32).any(|i| self.live[i as usize] && rpc.is_ready(Peer(i)))
    }

    fn back_off(&mut self, now: SimTime, failures: u32) {
        let settings = self.settings;
        self.not_before = now
            + rpc::backoff(
                settings.retry_backoff,
                settings.retry_backoff_max,
                failures,
                &mut self.rng,
            );
    }
}

/// How a peer's connection stands when it may carry `room` requests.
pub fn node<K>(rpc: &Rpc<K>, peer: Peer, room: usize) -> Node {
    let in_flight = rpc.in_flight(peer);
    if rpc.is_throttled(peer) {
        Node::Busy
    } else if rpc.is_ready(peer) {
        if in_flight < room {
            Node::Usable { in_flight }
        } else {
            Node::Busy
        }
    } else if rpc.is_backing_off(peer) {
        Node::BackingOff
    } else if rpc.is_connecting(peer) {
        Node::Connecting
    } else {
        Node::Closed {
            last_attempt: rpc.last_attempt(peer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::api::metadata::TopicMetadata;
    use crate::sim::rng::Streams;

    const TP: TopicPartition = TopicPartition {
        topic: TopicId(0),
        partition: 0,
    };

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(millis)
    }

    fn metadata() -> ClientMetadata {
        let settings = Settings {
            max_age: SimDuration::from_secs(300),
            retry_backoff: SimDuration::from_millis(100),
            retry_backoff_max: SimDuration::from_secs(1),
            missing: MissingTopic::Create,
        };
        let brokers = (0..3).map(|i| (BrokerId(i + 1), HostId(i))).collect();
        let rng = Streams::new(1).stream("metadata");
        ClientMetadata::new(settings, brokers, vec![TopicId(0)], rng)
    }

    fn answer(leader: Option<u32>, epoch: u32) -> MetadataResponse {
        MetadataResponse {
            brokers: vec![BrokerId(1), BrokerId(2), BrokerId(3)],
            controller: None,
            topics: vec![TopicMetadata {
                topic: TopicId(0),
                error: None,
                partitions: vec![PartitionMetadata {
                    leader: leader.map(BrokerId),
                    leader_epoch: LeaderEpoch(epoch),
                }],
                replicas: Vec::new(),
            }],
        }
    }

    fn told(leader: Option<u32>, epoch: u32, now: SimTime) -> ClientMetadata {
        let mut metadata = metadata();
        metadata.begin();
        metadata.update(&answer(leader, epoch), now);
        metadata
    }

    #[test]
    fn the_first_request_is_due_at_once_and_only_one_is_in_flight() {
        let mut metadata = metadata();
        assert_eq!(metadata.next(at(0)), Next::Due);
        assert_eq!(metadata.begin().topics, [TopicId(0)]);
        assert_eq!(metadata.next(at(0)), Next::InFlight);
    }

    #[test]
    fn an_older_leader_epoch_changes_nothing() {
        let mut metadata = told(Some(2), 5, at(0));
        assert!(metadata.update(&answer(Some(1), 4), at(1)).is_empty());
        assert_eq!(metadata.leader(TP), Some((BrokerId(2), LeaderEpoch(5))));
        assert_eq!(metadata.update(&answer(Some(1), 6), at(2)), [TP]);
        assert_eq!(metadata.leader(TP), Some((BrokerId(1), LeaderEpoch(6))));
    }

    #[test]
    fn a_hint_needs_a_newer_epoch_and_a_known_partition() {
        let hint = |leader, epoch| LeaderHint {
            leader: BrokerId(leader),
            epoch: LeaderEpoch(epoch),
        };
        assert!(!metadata().apply_hint(TP, hint(1, 9)));
        let mut metadata = told(Some(2), 5, at(0));
        assert!(!metadata.apply_hint(TP, hint(1, 5)));
        assert!(metadata.apply_hint(TP, hint(1, 6)));
        assert_eq!(metadata.leader(TP), Some((BrokerId(1), LeaderEpoch(6))));
    }

    #[test]
    fn metadata_is_refreshed_after_metadata_max_age() {
        let mut metadata = told(Some(1), 0, at(10));
        assert_eq!(metadata.next(at(20)), Next::At(at(300_010)));
        assert_eq!(metadata.next(at(300_010)), Next::Due);
    }

    #[test]
    fn a_requested_refresh_waits_for_the_back_off() {
        let mut metadata = told(Some(1), 0, at(0));
        metadata.request_update();
        let Next::At(time) = metadata.next(at(1)) else {
            panic!("backs off");
        };
        assert!(at(80) <= time && time <= at(120), "{time:?}");
    }

    #[test]
    fn refreshes_that_tell_nothing_new_back_off_exponentially() {
        let mut metadata = told(None, 0, at(0));
        let mut now = at(0);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let Next::At(time) = metadata.next(now) else {
                panic!("backs off");
            };
            waits.push(time.since(now).as_millis());
            now = time;
            metadata.begin();
            metadata.update(&answer(None, 0), now);
        }
        assert!(waits[1] >= 80 && waits[1] <= 120, "{waits:?}");
        assert!(waits[3] >= 320 && waits[3] <= 480, "{waits:?}");
        assert!(waits[5] >= 800 && waits[5] <= 1_000, "{waits:?}");
    }

    #[test]
    fn a_leader_that_is_not_listed_as_a_broker_is_no_leader() {
        let mut metadata = metadata();
        metadata.begin();
        let mut response = answer(Some(3), 1);
        response.brokers.pop();
        metadata.update(&response, at(0));
        assert_eq!(metadata.leader(TP), None);
        assert_eq!(metadata.leader_epoch(TP), Some(LeaderEpoch(1)));
    }

    #[test]
    fn an_unknown_topic_has_no_partitions_and_is_asked_for_again() {
        let mut metadata = told(Some(1), 0, at(0));
        let mut response = answer(Some(1), 0);
        response.topics[0].error =
            Some(crate::kafka::error_code::ErrorCode::UnknownTopicOrPartition);
        metadata.update(&response, at(1));
        assert_eq!(metadata.partition_count(TopicId(0)), None);
        assert!(metadata.update_requested());
    }

    #[test]
    fn a_disconnect_while_an_update_is_due_counts_as_a_failed_one() {
        let mut metadata = metadata();
        metadata.disconnected(at(5));
        assert!(matches!(metadata.next(at(5)), Next::At(time) if time >= at(85)));
    }

    #[test]
    fn an_idle_connection_is_asked_before_one_being_opened_and_that_before_a_closed_one() {
        let closed = Node::Closed { last_attempt: None };
        let cases = [
            (
                [closed, Node::Usable { in_flight: 0 }, Node::Connecting],
                Some(1),
            ),
            ([closed, Node::BackingOff, Node::Connecting], Some(2)),
            ([Node::Busy, Node::BackingOff, closed], Some(2)),
            (
                [
                    Node::Usable { in_flight: 3 },
                    Node::Connecting,
                    Node::Usable { in_flight: 2 },
                ],
                Some(2),
            ),
            ([Node::BackingOff, Node::Busy, Node::BackingOff], None),
        ];
        for (nodes, expected) in cases {
            let choice = metadata().least_loaded(|peer| nodes[peer.0 as usize]);
            assert_eq!(choice.map(|(peer, _)| peer.0), expected, "{nodes:?}");
        }
    }
}
