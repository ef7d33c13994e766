//! Which partitions are served, and which could be written to with acks=all, at every instant.
//!
//! By the committed metadata, which names a leader that is registered and unfenced, and by that
//! broker itself: its process has to be up and to have taken the lead in its present life. A
//! process that is paused or cut off is up, and so is one with a failed log directory: it counts
//! until the controller has moved its leaderships away.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::cluster::names::{Hosts, Role};
use crate::cluster::process::AnyProcess;
use crate::kafka::config::value::Value;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerId, TopicId, TopicPartition};
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::world::World;

/// The partitions of a cluster and who serves them.
#[derive(Clone, Debug)]
pub struct Serving {
    partitions: BTreeMap<TopicPartition, Standing>,
    /// The topics' min.insync.replicas, where it is not the brokers'.
    minimum: BTreeMap<TopicId, u32>,
    brokers_minimum: u32,
    down: BTreeSet<BrokerId>,
    /// Who began or ceased to be served since the last look.
    news: Vec<TopicPartition>,
}

/// How a partition stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Its leader by the metadata.
    pub leader: Option<BrokerId>,
    /// Who took the lead last, in a life that lasts, and has not let it go.
    taken_by: Option<BrokerId>,
    in_sync: u32,
    replicas: u32,
    unserved: Outage,
    unwritable: Outage,
}

/// Time that something was missing.
#[derive(Clone, Copy, Debug, Default)]
struct Outage {
    since: Option<SimTime>,
    over: SimDuration,
}

impl Outage {
    /// From now on it is missing, or it is there. True when that is news.
    fn note(&mut self, now: SimTime, missing: bool) -> bool {
        match self.since {
            None if missing => self.since = Some(now),
            Some(since) if !missing => {
                self.over = self.over.saturating_add(now.since(since));
                self.since = None;
            }
            Some(_) | None => return false,
        }
        true
    }

    fn until(&self, now: SimTime) -> SimDuration {
        let open = self
            .since
            .map_or(SimDuration::ZERO, |since| now.since(since));
        self.over.saturating_add(open)
    }
}

impl Standing {
    /// True while the leader takes what clients send.
    pub fn is_served(&self) -> bool {
        self.leader.is_some() && self.leader == self.taken_by
    }
}

impl Serving {
    /// The cluster at 0 s: it stands, every leader has its lead.
    pub fn of(cluster: &Cluster, brokers_minimum: u32) -> Self {
        let image = cluster.controller().image();
        let partitions = image.partitions().map(|(tp, registration)| {
            let standing = Standing {
                leader: registration.leader,
                taken_by: registration.leader,
                in_sync: registration.isr.len() as u32,
                replicas: registration.replicas.len() as u32,
                ..Standing::default()
            };
            (tp, standing)
        });
        let minimum = (image.topics())
            .filter_map(|(id, topic)| Some((id, topic.config.min_insync_replicas?)));
        let mut serving = Self {
            partitions: partitions.collect(),
            minimum: minimum.collect(),
            brokers_minimum,
            down: BTreeSet::new(),
            news: Vec::new(),
        };
        serving.settle(SimTime::ZERO, |_, _| true);
        serving.news.clear();
        serving
    }

    /// How each partition stands.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &Standing)> {
        self.partitions.iter().map(|(tp, standing)| (*tp, standing))
    }

    /// How a partition stands; none before it was created.
    pub fn partition(&self, tp: TopicPartition) -> Option<&Standing> {
        self.partitions.get(&tp)
    }

    /// The partitions that began or ceased to be served since this was last asked.
    pub fn news(&mut self) -> Vec<TopicPartition> {
        std::mem::take(&mut self.news)
    }

    /// Partition-milliseconds without a leader that serves, until `now`.
    pub fn unavailable_ms(&self, now: SimTime) -> u64 {
        self.sum_ms(|standing| standing.unserved.until(now))
    }

    /// Partition-milliseconds in which nobody could have written with acks=all, until `now`.
    pub fn unwritable_ms(&self, now: SimTime) -> u64 {
        self.sum_ms(|standing| standing.unwritable.until(now))
    }

    fn sum_ms(&self, of: impl Fn(&Standing) -> SimDuration) -> u64 {
        let spans = self.partitions.values().map(of);
        spans
            .fold(SimDuration::ZERO, SimDuration::saturating_add)
            .as_millis()
    }

    /// Looks which brokers went down or came back since the last look.
    pub fn look(&mut self, now: SimTime, hosts: &Hosts, world: &World<AnyProcess>) {
        for (host, role) in hosts.all() {
            let Role::Broker(broker) = role else { continue };
            if world.is_running(host) {
                self.down.remove(&broker);
            } else if self.down.insert(broker) {
                self.let_go(now, broker);
            }
        }
    }

    /// A broker's process is gone, and what it led with it.
    fn let_go(&mut self, now: SimTime, broker: BrokerId) {
        for standing in self.partitions.values_mut() {
            if standing.taken_by == Some(broker) {
                standing.taken_by = None;
            }
        }
        self.settle(now, |_, standing| standing.leader == Some(broker));
    }

    /// Takes in what happened. True where a partition began or ceased to be served.
    pub fn fact(&mut self, now: SimTime, fact: &Fact) -> bool {
        if let Fact::BecameLeader { tp, broker, .. } = fact {
            if let Some(standing) = self.partitions.get_mut(tp) {
                standing.taken_by = Some(*broker);
            }
            self.settle_one(now, *tp);
        } else if let Fact::BecameFollower { tp, broker, .. } = fact {
            let standing = self.partitions.get_mut(tp);
            if let Some(standing) = standing.filter(|s| s.taken_by == Some(*broker)) {
                standing.taken_by = None;
            }
            self.settle_one(now, *tp);
        } else if let Fact::PartitionChanged {
            tp,
            leader,
            isr,
            replicas,
            ..
        } = fact
        {
            let standing = self.partitions.entry(*tp).or_default();
            standing.leader = *leader;
            standing.in_sync = isr.len() as u32;
            standing.replicas = *replicas;
            self.settle_one(now, *tp);
        } else if let Fact::TopicConfigChanged {
            topic,
            name: "min.insync.replicas",
            value,
        } = fact
        {
            if let Some(Value::Integer(minimum)) = value {
                let minimum = u32::try_from(*minimum).unwrap_or(u32::MAX);
                self.minimum.insert(*topic, minimum);
            } else {
                self.minimum.remove(topic);
            }
            self.settle(now, |tp, _| tp.topic == *topic);
        }
        !self.news.is_empty()
    }

    fn settle_one(&mut self, now: SimTime, tp: TopicPartition) {
        let minimum = self.minimum_of(tp.topic);
        if let Some(standing) = self.partitions.get_mut(&tp)
            && standing.settle(now, minimum)
        {
            self.news.push(tp);
        }
    }

    fn settle(&mut self, now: SimTime, whom: impl Fn(TopicPartition, &Standing) -> bool) {
        let concerned = self
            .partitions
            .iter()
            .filter(|(tp, standing)| whom(**tp, standing));
        let concerned: Vec<TopicPartition> = concerned.map(|(tp, _)| *tp).collect();
        for tp in concerned {
            self.settle_one(now, tp);
        }
    }

    fn minimum_of(&self, topic: TopicId) -> u32 {
        let of_topic = self.minimum.get(&topic).copied();
        of_topic.unwrap_or(self.brokers_minimum)
    }
}

impl Standing {
    /// Begins or ends what is missing. True when it began or ceased to be served.
    fn settle(&mut self, now: SimTime, minimum: u32) -> bool {
        let served = self.is_served();
        // As Kafka counts it: at most the number of replicas.
        let enough = self.in_sync >= minimum.min(self.replicas);
        self.unwritable.note(now, !(served && enough));
        self.unserved.note(now, !served)
    }
}
