//! What a run keeps of what happens: the audit, a few counts, and moments for the time axis.
//!
//! An observer of facts and inputs; it changes nothing.

use std::collections::BTreeMap;

use crate::check::audit::Audit;
use crate::cluster::Cluster;
use crate::cluster::message::Message;
use crate::cluster::process::{AnyProcess, Fact};
use crate::delivery::Place;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::{Fact as Kafka, PartitionChangeCause, Role as ReplicaRole};
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::kafka::message::{Message as KafkaMessage, Request};
use crate::kafka::quota::{ClientId, QuotaType, Throttle};
use crate::run::Mark;
use crate::run::serving::{Serving, Standing};
use crate::sim::observe::{Observer, Occasion, Seen};
use crate::sim::process::{HostId, Input, Payload};
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::world::World;

/// The most labels that a run keeps.
const MARKS_MAX: usize = 200;

/// Plain counts of a run.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Records that each broker appended as a leader, by broker id.
    pub appended_records: Vec<u64>,
    /// Requests that reached a server.
    pub requests: u64,
    /// Produce requests among them.
    pub produce_requests: u64,
    /// Fetch requests among them.
    pub fetch_requests: u64,
    /// Bytes of all messages that arrived.
    pub bytes: u64,
    /// Batches that leaders appended.
    pub batches: u64,
    /// Bytes of these batches.
    pub batch_bytes: u64,
    /// Batches that followers appended.
    pub replicated_batches: u64,
    /// Batches that a leader recognised as already appended.
    pub duplicates_detected: u64,
    /// Batches that a broker refused.
    pub produce_refused: u64,
    /// Batches that a producer sent again.
    pub retries: u64,
    /// Records that replicas truncated.
    pub truncated_records: u64,
    /// Changes of leader that the controller committed.
    pub elections: u64,
    /// Unclean ones among them.
    pub unclean_elections: u64,
    /// Changes of an in-sync set that the controller committed.
    pub isr_changes: u64,
    /// Brokers that the controller fenced.
    pub fenced: u64,
    /// Positions that a consumer moved other than by reading.
    pub position_resets: u64,
    /// Configs of topics that the controller committed.
    pub config_changes: u64,
    /// Command-line tools that ended with an error.
    pub commands_failed: u64,
    /// Segments that replicas began.
    pub segments_rolled: u64,
    /// Segments that replicas removed.
    pub segments_deleted: u64,
    /// Times that a replica's log start moved.
    pub log_start_moves: u64,
    /// Log directories that failed.
    pub log_dirs_failed: u64,
    /// Reads of records that no page cache held.
    pub disk_reads: u64,
    /// Bytes of these reads.
    pub disk_read_bytes: u64,
    /// What disks read for whom: by broker, by the follower that asked (none for consumers), and by
    /// partition.
    pub disk_readers: BTreeMap<(BrokerId, Option<BrokerId>, TopicPartition), DiskReads>,
    /// Who was throttled, by client and quota.
    pub throttles: BTreeMap<(ClientId, QuotaType), Throttled>,
}

/// Reads of one partition's records from one broker's disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskReads {
    /// When first.
    pub first: SimTime,
    /// How many.
    pub count: u64,
    /// Bytes that the disk read.
    pub bytes: u64,
    /// For how long answers waited, in all.
    pub time: SimDuration,
    /// The longest wait.
    pub longest: SimDuration,
    /// The age of the oldest records among them.
    pub oldest: SimDuration,
}

/// How often and how long a client was throttled for a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// When first.
    pub first: SimTime,
    /// How often.
    pub count: u64,
    /// For how long in all.
    pub time: SimDuration,
    /// The longest time.
    pub longest: Throttle,
}

impl Counts {
    fn throttled(&mut self, at: SimTime, client: ClientId, throttle: &Throttle) {
        let key = (client, throttle.quota);
        let throttled = self.throttles.entry(key).or_insert(Throttled {
            first: at,
            count: 0,
            time: SimDuration::ZERO,
            longest: *throttle,
        });
        throttled.count += 1;
        throttled.time = throttled.time.saturating_add(throttle.time);
        if throttle.time > throttled.longest.time {
            throttled.longest = *throttle;
        }
    }

    fn read_from_disk(&mut self, at: SimTime, fact: &Kafka) {
        let Kafka::ReadFromDisk {
            broker,
            reader,
            tp,
            bytes,
            age,
            takes,
            ..
        } = fact
        else {
            return;
        };
        self.disk_reads += 1;
        self.disk_read_bytes += bytes;
        let key = (*broker, *reader, *tp);
        let reads = self.disk_readers.entry(key).or_insert(DiskReads {
            first: at,
            ..DiskReads::default()
        });
        reads.count += 1;
        reads.bytes += bytes;
        reads.time = reads.time.saturating_add(*takes);
        reads.longest = reads.longest.max(*takes);
        reads.oldest = reads.oldest.max(*age);
    }

    /// The time for which clients were throttled.
    pub fn throttled_ms(&self, of: impl Fn(ClientId) -> bool) -> u64 {
        let all = self.throttles.iter();
        let of_it = all.filter(|((client, _), _)| of(*client));
        of_it.map(|(_, throttled)| throttled.time.as_millis()).sum()
    }

    fn appended(&mut self, broker: BrokerId, records: u64) {
        let index = broker.0 as usize;
        if self.appended_records.len() <= index {
            self.appended_records.resize(index + 1, 0);
        }
        self.appended_records[index] += records;
    }
}

/// What became of a command-line tool.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandEnd {
    /// It was answered with success, at least once.
    pub granted: bool,
    /// When it last ended with an error, and with which one; none after a success.
    pub refused: Option<(SimTime, ErrorCode)>,
}

/// Watches a run.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The books.
    pub audit: Audit,
    /// The counts.
    pub counts: Counts,
    /// Moments worth a label, in order.
    pub marks: Vec<Mark>,
    /// Which partitions are served.
    pub serving: Serving,
    leaders: BTreeMap<TopicPartition, BrokerId>,
    /// What became of the command-line tools, by host.
    pub commands: BTreeMap<HostId, CommandEnd>,
    names: Vec<String>,
}

impl Watch {
    /// A watch with empty books; `names` are the topics' names by id.
    pub fn new(audit: Audit, names: Vec<String>, serving: Serving) -> Self {
        Self {
            audit,
            counts: Counts::default(),
            marks: Vec::new(),
            serving,
            leaders: BTreeMap::new(),
            commands: BTreeMap::new(),
            names,
        }
    }

    /// Looks which brokers went down or came back since the last look.
    pub fn look(&mut self, cluster: &Cluster) {
        let now = cluster.world.now();
        self.serving.look(now, &cluster.hosts, &cluster.world);
        self.tell_outages(now);
    }

    /// Tells the audit which places have no leader now, and which have one again.
    fn tell_outages(&mut self, now: SimTime) {
        for tp in self.serving.news() {
            let standing = self.serving.partition(tp);
            if standing.is_some_and(Standing::is_served) {
                self.audit.leader_found(now, place(tp));
            } else {
                self.audit.leader_lost(now, place(tp));
            }
        }
    }

    fn leader_found(&mut self, at: SimTime, tp: TopicPartition, broker: BrokerId) {
        let before = self.leaders.insert(tp, broker);
        let is_news = before != Some(broker) && at > SimTime::ZERO;
        if is_news && self.marks.len() < MARKS_MAX {
            let topic = &self.names[tp.topic.0 as usize];
            let label = format!("{broker} leads {topic}-{}", tp.partition);
            self.marks.push(Mark { at, label });
        }
    }

    fn kafka(&mut self, at: SimTime, fact: &Kafka) {
        let counts = &mut self.counts;
        match fact {
            Kafka::Appended {
                broker,
                role: ReplicaRole::Leader,
                stored,
                ..
            } => {
                counts.batches += 1;
                counts.batch_bytes += u64::from(stored.batch.size_bytes);
                counts.appended(*broker, u64::from(stored.batch.count()));
            }
            Kafka::Appended {
                role: ReplicaRole::Follower,
                ..
            } => counts.replicated_batches += 1,
            Kafka::DuplicateDetected { .. } => counts.duplicates_detected += 1,
            Kafka::ProduceRefused { .. } => counts.produce_refused += 1,
            Kafka::BatchRetried { .. } => counts.retries += 1,
            Kafka::TopicConfigChanged { .. } => counts.config_changes += 1,
            Kafka::CommandEnded { error } => counts.commands_failed += u64::from(error.is_some()),
            Kafka::SegmentRolled { .. } => counts.segments_rolled += 1,
            Kafka::SegmentsDeleted { tp, removal, .. } => {
                counts.segments_deleted += u64::from(removal.segments);
                self.audit.removed(place(*tp), &removal.batches);
            }
            Kafka::LogStartMoved { .. } => counts.log_start_moves += 1,
            Kafka::LogDirFailed { .. } => counts.log_dirs_failed += 1,
            Kafka::ReadFromDisk { .. } => counts.read_from_disk(at, fact),
            Kafka::Truncated { to, from, .. } => counts.truncated_records += from.0 - to.0,
            Kafka::BrokerFenced { .. } => counts.fenced += 1,
            Kafka::ClientThrottled {
                client, throttle, ..
            } => counts.throttled(at, *client, throttle),
            Kafka::PositionReset { .. } => counts.position_resets += 1,
            Kafka::BecameLeader { tp, broker, .. } => self.leader_found(at, *tp, *broker),
            Kafka::PartitionChanged {
                tp,
                leader,
                why,
                isr,
                isr_before,
                ..
            } => {
                counts.isr_changes += u64::from(isr != isr_before);
                counts.unclean_elections +=
                    u64::from(*why == PartitionChangeCause::UncleanElection);
                let is_another = leader.is_some_and(|new| self.leaders.get(tp) != Some(&new));
                counts.elections += u64::from(is_another);
            }
            Kafka::ProduceAcked { .. }
            | Kafka::HighWatermarkAdvanced { .. }
            | Kafka::BecameFollower { .. }
            | Kafka::BrokerRegistered { .. }
            | Kafka::BrokerUnfenced { .. }
            | Kafka::BrokerShutDown { .. }
            | Kafka::IsrProposed { .. }
            | Kafka::FollowerFetched { .. }
            | Kafka::ProducerIdentity { .. }
            | Kafka::ConsumerFailed { .. }
            | Kafka::CommandAsked { .. }
            | Kafka::CommandTriedInVain { .. } => {}
        }
    }
}

impl Observer<AnyProcess> for Watch {
    fn event(&mut self, _world: &World<AnyProcess>, seen: &Seen<'_, AnyProcess>) {
        let Input::Message { body, .. } = seen.input else {
            return;
        };
        self.counts.bytes += body.size_bytes();
        let Message::Kafka(KafkaMessage::Request { body, .. }) = body else {
            return;
        };
        self.counts.requests += 1;
        self.counts.produce_requests += u64::from(matches!(body, Request::Produce(_)));
        self.counts.fetch_requests += u64::from(matches!(body, Request::Fetch(_)));
    }

    fn fact(&mut self, occasion: &Occasion, fact: &Fact) {
        match fact {
            Fact::Delivery(fact) => self.audit.delivery(occasion.at, fact),
            Fact::Kafka(fact) => {
                if let Kafka::CommandEnded { error } = fact {
                    let command = self.commands.entry(occasion.host).or_default();
                    command.granted |= error.is_none();
                    command.refused = error.map(|error| (occasion.at, error));
                }
                self.kafka(occasion.at, fact);
                if self.serving.fact(occasion.at, fact) {
                    self.tell_outages(occasion.at);
                }
            }
        }
    }
}

fn place(tp: TopicPartition) -> Place {
    Place {
        stream: tp.topic.0,
        lane: tp.partition,
    }
}
