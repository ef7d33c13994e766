//! What to build: brokers, controllers, topics, applications, network, disks and costs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::broker::mutation::Mutation;
use crate::kafka::api::admin::AdminRequest;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::text::Text;
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::cpu::{CpuCosts, SecurityProtocol};
use crate::kafka::ids::{BrokerId, Rack};
use crate::kafka::quota::{Entity, Limits};
use crate::sim::time::SimDuration;
use crate::workload::{Command, ReadPlan, SendPlan};

/// Everything about a cluster at 0 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// How many brokers stand at 0 s: `b1`, `b2`, …
    pub brokers: u32,
    /// How many more there are that have not joined: they are down and unknown to the controller.
    pub spare_brokers: u32,
    /// The racks of the brokers in turn, by number; empty where no broker has one.
    pub racks: Vec<Arc<str>>,
    /// How many controllers: `c1`, …
    pub controllers: u32,
    /// Config of all brokers and controllers.
    pub broker_config: BrokerConfig,
    /// How connections to brokers and controllers are protected.
    pub security_protocol: SecurityProtocol,
    /// The finalized features.
    pub features: Features,
    /// The topics, by id.
    pub topics: Vec<TopicSpec>,
    /// The producer applications, by sender id.
    pub producers: Vec<ProducerSpec>,
    /// The groups of readers, by group id.
    pub groups: Vec<GroupSpec>,
    /// Client quotas.
    pub quotas: QuotaSpec,
    /// The command-line tools that events of the timeline start.
    pub commands: Vec<CommandSpec>,
    /// Links between any two hosts.
    pub network: NetworkSpec,
    /// The brokers' and controllers' disks.
    pub disks: DiskSpec,
    /// CPU time of brokers and controllers.
    pub costs: CpuCosts,
    /// The rule that every broker breaks, in a test of the checkers; no file can set it.
    pub mutation: Option<Mutation>,
}

/// Feature levels that the whole cluster has agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// True when eligible.leader.replicas.version is 1 (KIP-966), as in a cluster that was created
    /// with 4.1 or later.
    pub eligible_leader_replicas: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            eligible_leader_replicas: true,
        }
    }
}

impl ClusterSpec {
    /// The client.id of the command-line tools.
    pub const TOOLS: &'static str = "adminclient-1";

    // Deviation: where client.id is not set, a producer's is its name in the scenario and a consumer's
    // that of its group; Java numbers them on within a process (producer-1, consumer-billing-1).
    /// All client.ids, by number, each once: producers, groups, command-line tools.
    pub fn client_ids(&self) -> Vec<Arc<str>> {
        let producers = self.producers.iter().map(ProducerSpec::client_id);
        let groups = self.groups.iter().map(GroupSpec::client_id);
        let mut seen = BTreeSet::new();
        let all = producers.chain(groups).chain([Self::TOOLS]);
        all.filter(|id| seen.insert(*id)).map(Arc::from).collect()
    }

    /// True when anybody has a quota at some time.
    pub fn has_quotas(&self) -> bool {
        let mut commands = self.commands.iter();
        !self.quotas.is_empty()
            || commands.any(|tool| {
                matches!(
                    tool.command,
                    Command::Admin(AdminRequest::AlterClientQuotas { .. })
                )
            })
    }

    /// Where a broker stands: the racks go round the brokers.
    pub fn rack_of(&self, broker: BrokerId) -> Option<Rack> {
        let count = self.racks.len() as u32;
        let names_before = |index: u32| {
            let name = &self.racks[index as usize];
            self.racks.iter().position(|other| other == name)
        };
        let index = (broker.0 - 1).checked_rem(count)?;
        names_before(index).map(|rack| Rack(rack as u32))
    }

    /// The rack of a name; a name that no broker has is a rack of its own.
    pub fn rack_named(&self, name: &str) -> Rack {
        let known = self.racks.iter().position(|rack| **rack == *name);
        Rack(known.unwrap_or(self.racks.len()) as u32)
    }
}

/// Where a topic comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicOrigin {
    /// It is there at 0 s.
    Standing,
    /// It does not exist until a client asks a broker for it (auto.create.topics.enable).
    AutoCreated,
}

/// What quotas know a client as whose application has this name.
pub fn client_id<'a>(config: Option<&'a Text>, name: &'a str) -> &'a str {
    let own = config.map(Text::as_str).filter(|id| !id.is_empty());
    own.unwrap_or(name)
}

impl ProducerSpec {
    /// Its client.id.
    pub fn client_id(&self) -> &str {
        client_id(self.config.client_id.as_ref(), &self.name)
    }
}

impl GroupSpec {
    /// The client.id of its consumers.
    pub fn client_id(&self) -> &str {
        client_id(self.config.client_id.as_ref(), &self.name)
    }
}

/// One topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: Arc<str>,
    /// Where it comes from.
    pub origin: TopicOrigin,
    /// How many partitions at first.
    pub partitions: u32,
    /// How many at most, after all the timeline's additions.
    pub grows_to: u32,
    /// How many replicas of each.
    pub replication_factor: u32,
    /// Its config.
    pub config: TopicConfig,
}

/// One producer application on a host of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerSpec {
    /// The host's name.
    pub name: Arc<str>,
    /// What it sends.
    pub plan: SendPlan,
    /// Its producer's config.
    pub config: ProducerConfig,
}

/// One group of readers; each member has a host of its own, `billing-1`, `billing-2`, …
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSpec {
    /// The group's name.
    pub name: Arc<str>,
    /// What each member does.
    pub members: Vec<ReadPlan>,
    /// Its consumers' config.
    pub config: ConsumerConfig,
}

/// Client quotas, of every broker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuotaSpec {
    /// Of every client.id for what it has no quota of its own.
    pub default: Limits,
    /// By client.id, in the order of the file.
    pub clients: Vec<(Arc<str>, Limits)>,
}

impl QuotaSpec {
    /// True when nobody has a quota.
    pub fn is_empty(&self) -> bool {
        self.default.is_empty() && self.clients.iter().all(|(_, limits)| limits.is_empty())
    }

    /// The quotas as the metadata has them: nobody is there without a limit.
    pub fn entities(&self) -> BTreeMap<Entity, Limits> {
        let own = self.clients.iter();
        let own = own.map(|(name, limits)| (Some(Arc::clone(name)), *limits));
        own.chain([(None, self.default)])
            .filter(|(_, limits)| !limits.is_empty())
            .collect()
    }
}

/// A command-line tool, on a host of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// The event that starts it.
    pub event: Arc<str>,
    /// What it asks for.
    pub command: Command,
}

impl CommandSpec {
    /// The host's name; no other host's has a space.
    pub fn host(event: &str) -> Arc<str> {
        format!("command {event}").into()
    }
}

/// How long a message travels, beside its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencySpec {
    /// Always the same.
    Constant(SimDuration),
    /// Evenly between two bounds.
    Uniform(SimDuration, SimDuration),
    /// A fixed part and an exponentially distributed one.
    Exponential {
        /// The fixed part.
        base: SimDuration,
        /// The mean of the other.
        mean: SimDuration,
    },
}

/// All links. A declared assumption, not a property of Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// One way.
    pub latency: LatencySpec,
    /// Bytes per second of one connection and direction.
    pub bandwidth: u64,
    /// Lost transmissions per million.
    pub loss_ppm: u32,
}

/// Disks of brokers and controllers. A declared assumption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// Time of one flush, beside its size.
    pub flush_latency: SimDuration,
    /// Time of one read that the page cache can't answer, beside its size.
    pub read_latency: SimDuration,
    /// Bytes per second.
    pub bandwidth: u64,
    /// Bytes that fit.
    pub capacity: u64,
    /// Bytes that the page cache of one host holds.
    pub page_cache: u64,
    /// Log directories of a broker, each on a disk of its own.
    pub log_dirs: u32,
}

impl Default for NetworkSpec {
    /// One availability zone: 0.2 ms and an exponential 0.05 ms one way, 1.25 GB/s, no loss.
    fn default() -> Self {
        Self {
            latency: LatencySpec::Exponential {
                base: SimDuration::from_micros(200),
                mean: SimDuration::from_micros(50),
            },
            bandwidth: 1_250_000_000,
            loss_ppm: 0,
        }
    }
}

impl Default for DiskSpec {
    /// An NVMe disk: 0.5 ms a flush, 0.1 ms a read, 1 GB/s, 1 TB; a host with 64 GiB of memory, about
    /// half of which is the page cache.
    fn default() -> Self {
        Self {
            flush_latency: SimDuration::from_micros(500),
            read_latency: SimDuration::from_micros(100),
            bandwidth: 1_000_000_000,
            capacity: 1_000_000_000_000,
            page_cache: 32 << 30,
            log_dirs: 1,
        }
    }
}
