//! From a specification and a seed to a cluster that stands: brokers registered and unfenced,
//! topics created, leaders placed, nothing sent yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::app::App;
use crate::app::command::Tool;
use crate::app::reading::Reading;
use crate::app::sending::Sending;
use crate::broker::{Bootstrap, Broker, BrokerSetup};
use crate::cluster::Cluster;
use crate::cluster::message::CostClass;
use crate::cluster::names::{Hosts, Role};
use crate::cluster::process::AnyProcess;
use crate::cluster::spec::{
    ClusterSpec, CommandSpec, DiskSpec, LatencySpec, NetworkSpec, TopicOrigin,
};
use crate::controller::placement::{UsableBroker, place};
use crate::controller::{Controller, ControllerSetup};
use crate::kafka::cpu::CpuCosts;
use crate::kafka::ids::{
    BrokerEpoch, BrokerId, DirectoryId, Incarnation, LeaderEpoch, PartitionEpoch, TopicId,
    TopicPartition,
};
use crate::kafka::metadata_records::{LeaderRecoveryState, MetadataRecord, PartitionRegistration};
use crate::kafka::quota::{ClientId, ClientIds};
use crate::metadata::image::MetadataImage;
use crate::sim::disk::DiskProfile;
use crate::sim::host::{Cost, HostSpec};
use crate::sim::link::{Latency, LinkProfile};
use crate::sim::network_threads::NetworkThreads;
use crate::sim::process::HostId;
use crate::sim::ratio::Ratio;
use crate::sim::rng::Streams;
use crate::sim::world::World;

impl Cluster {
    /// The cluster of `spec` at 0 s, all processes started.
    #[expect(clippy::too_many_lines, reason = "one arm per role")]
    pub fn build(spec: &ClusterSpec, seed: u64) -> Self {
        let streams = Streams::new(seed);
        let hosts = name_hosts(spec);
        let brokers: Arc<[(BrokerId, HostId)]> = hosts
            .all()
            .filter_map(|(host, role)| match role {
                Role::Broker(broker) => Some((broker, host)),
                Role::Controller(_) | Role::Sender(_) | Role::Reader(..) | Role::Tool(_) => None,
            })
            .collect();
        let controllers: Arc<[HostId]> = hosts
            .all()
            .filter(|(_, role)| matches!(role, Role::Controller(_)))
            .map(|(host, _)| host)
            .collect();
        let image = bootstrap(spec, &brokers, &streams);
        let topic_names = spec.topics.iter().map(|topic| Arc::clone(&topic.name));
        let topic_names: Arc<[Arc<str>]> = topic_names.collect();
        let clients = client_ids(spec, &hosts);
        let config = Arc::new(spec.broker_config.clone());
        let disk = disk_profile(&spec.disks);
        let server = HostSpec {
            threads: spec.broker_config.num_io_threads,
            costs: costs(&spec.costs),
            network: Some(network_threads(spec)),
            disk,
            ..HostSpec::default()
        };
        let client = HostSpec::default();
        let mut world = World::new(seed, link_profile(&spec.network));
        for (host, role) in hosts.all() {
            let (process, host_spec) = match role {
                Role::Controller(_) => {
                    let controller = Controller::new(ControllerSetup {
                        config: Arc::clone(&config),
                        bootstrap: image.clone(),
                        eligible_leader_replicas: spec.features.eligible_leader_replicas,
                        topic_names: Arc::clone(&topic_names),
                        streams,
                    });
                    (AnyProcess::Controller(Box::new(controller)), &server)
                }
                Role::Broker(id) => {
                    let broker = Broker::new(BrokerSetup {
                        id,
                        config: Arc::clone(&config),
                        rack: spec.rack_of(id),
                        brokers: Arc::clone(&brokers),
                        controllers: Arc::clone(&controllers),
                        streams,
                        bootstrap: image.brokers.get(&id).map(|known| Bootstrap {
                            epoch: known.epoch,
                            image: image.clone(),
                        }),
                        log_dirs: spec.disks.log_dirs,
                        costs: spec.costs,
                        network: spec.costs.of_network(spec.security_protocol),
                        clients: clients.clone(),
                        mutation: spec.mutation,
                    });
                    (AnyProcess::Broker(Box::new(broker)), &server)
                }
                Role::Sender(index) => {
                    let app = sender(spec, index, &brokers, &streams);
                    (AnyProcess::App(Box::new(app)), &client)
                }
                Role::Tool(index) => {
                    let CommandSpec { event, command } = &spec.commands[index as usize];
                    let (command, brokers) = (command.clone(), Arc::clone(&brokers));
                    let tool = Tool::new(command, brokers, &streams, event);
                    (
                        AnyProcess::App(Box::new(App::Tool(Box::new(tool)))),
                        &client,
                    )
                }
                Role::Reader(group, member) => {
                    let app = reader(spec, (group, member), &brokers, &streams);
                    (AnyProcess::App(Box::new(app)), &client)
                }
            };
            let added = world.add_host(process, host_spec);
            assert_eq!(added, host, "hosts are added in the order of their names");
        }
        for (host, role) in hosts.all() {
            let runs = match role {
                Role::Broker(id) => image.brokers.contains_key(&id),
                Role::Controller(_) | Role::Sender(_) | Role::Reader(..) => true,
                Role::Tool(_) => false,
            };
            if runs {
                world.start(host);
            }
        }
        Self {
            world,
            hosts,
            disk,
            controller: controllers[0],
        }
    }
}

/// Controllers first, then brokers, producers and members.
fn name_hosts(spec: &ClusterSpec) -> Hosts {
    let mut hosts = Hosts::default();
    for number in 1..=spec.controllers {
        hosts.add(format!("c{number}").into(), Role::Controller(number));
    }
    for number in 1..=spec.brokers + spec.spare_brokers {
        let broker = BrokerId(number);
        let host = hosts.add(format!("b{number}").into(), Role::Broker(broker));
        if let Some(rack) = spec.rack_of(broker) {
            hosts.put_into(host, Arc::clone(&spec.racks[rack.0 as usize]));
        }
    }
    for (index, producer) in spec.producers.iter().enumerate() {
        hosts.add(Arc::clone(&producer.name), Role::Sender(index as u32));
    }
    for (index, group) in spec.groups.iter().enumerate() {
        for member in 0..group.members.len() as u32 {
            let name = format!("{}-{}", group.name, member + 1);
            hosts.add(name.into(), Role::Reader(index as u32, member));
        }
    }
    for (index, command) in spec.commands.iter().enumerate() {
        hosts.add(CommandSpec::host(&command.event), Role::Tool(index as u32));
    }
    hosts
}

/// The client.id of each host; none where nobody has a quota or gets one.
fn client_ids(spec: &ClusterSpec, hosts: &Hosts) -> Option<Arc<ClientIds>> {
    if !spec.has_quotas() {
        return None;
    }
    // Who has the same client.id shares its quotas.
    let names = spec.client_ids();
    let numbers: BTreeMap<&str, u32> = names.iter().map(|name| &**name).zip(0..).collect();
    let id = |name: &str| numbers.get(name).copied().map(ClientId);
    let of_hosts = hosts.all().map(|(_, role)| match role {
        Role::Controller(_) | Role::Broker(_) => None,
        Role::Sender(index) => id(spec.producers[index as usize].client_id()),
        Role::Reader(group, _) => id(spec.groups[group as usize].client_id()),
        Role::Tool(_) => id(ClusterSpec::TOOLS),
    });
    let of_hosts = of_hosts.collect();
    let names = names.into();
    Some(Arc::new(ClientIds { names, of_hosts }))
}

/// The metadata of a cluster that stands.
fn bootstrap(
    spec: &ClusterSpec,
    brokers: &[(BrokerId, HostId)],
    streams: &Streams,
) -> MetadataImage {
    let mut image = MetadataImage::default();
    image.client_quotas = spec.quotas.entities();
    let standing = || brokers.iter().take(spec.brokers as usize);
    for (broker, _) in standing() {
        image.apply(&MetadataRecord::RegisterBroker {
            broker: *broker,
            epoch: BrokerEpoch(image.end.0),
            incarnation: Incarnation(1),
            fenced: false,
            rack: spec.rack_of(*broker),
        });
    }
    let usable: Vec<UsableBroker> = standing()
        .map(|(id, _)| UsableBroker {
            id: *id,
            rack: spec.rack_of(*id),
            fenced: false,
        })
        .collect();
    let mut chance = streams.stream("placement");
    for (index, topic) in spec.topics.iter().enumerate() {
        if topic.origin == TopicOrigin::AutoCreated {
            continue;
        }
        let id = TopicId(index as u32);
        image.apply(&MetadataRecord::Topic {
            topic: id,
            name: Arc::clone(&topic.name),
            config: topic.config,
        });
        let placed = place(
            &usable,
            topic.partitions,
            topic.replication_factor,
            &mut chance,
        )
        .expect("a topic has at most as many replicas as there are brokers");
        for (partition, replicas) in placed.into_iter().enumerate() {
            let registration = PartitionRegistration {
                isr: Arc::clone(&replicas),
                elr: Arc::new([]),
                last_known_leader: None,
                reassignment: None,
                leader: Some(replicas[0]),
                recovery: LeaderRecoveryState::Recovered,
                leader_epoch: LeaderEpoch(0),
                partition_epoch: PartitionEpoch(0),
                replicas,
            };
            image.apply(&MetadataRecord::Partition {
                tp: TopicPartition {
                    topic: id,
                    partition: partition as u32,
                },
                registration: Arc::new(registration),
            });
        }
    }
    place_in_dirs(&mut image, spec.disks.log_dirs);
    image
}

/// Each broker's replicas go where the fewest are, in order of topic and partition.
fn place_in_dirs(image: &mut MetadataImage, log_dirs: u32) {
    if log_dirs == 1 {
        return;
    }
    let mut placed: BTreeMap<BrokerId, u32> = BTreeMap::new();
    let mut records = Vec::new();
    for (tp, registration) in image.partitions() {
        for broker in registration.replicas.iter().copied() {
            let count = placed.entry(broker).or_default();
            let dir = DirectoryId(*count % log_dirs);
            records.push(MetadataRecord::ReplicaDirectory { tp, broker, dir });
            *count += 1;
        }
    }
    for record in &records {
        image.apply(record);
    }
}

fn sender(
    spec: &ClusterSpec,
    index: u32,
    brokers: &Arc<[(BrokerId, HostId)]>,
    streams: &Streams,
) -> App {
    let producer = &spec.producers[index as usize];
    App::Sending(Box::new(Sending::new(
        producer.plan.clone(),
        producer.config.clone(),
        Arc::clone(brokers),
        *streams,
        spec.costs.codecs,
    )))
}

fn reader(
    spec: &ClusterSpec,
    (group, member): (u32, u32),
    brokers: &Arc<[(BrokerId, HostId)]>,
    streams: &Streams,
) -> App {
    let group = &spec.groups[group as usize];
    let plan = group.members[member as usize].clone();
    let rack = plan.rack.as_ref().map(|rack| spec.rack_named(rack));
    let brokers = Arc::clone(brokers);
    let reading = Reading::new(plan, group.config.clone(), brokers, rack, streams);
    App::Reading(Box::new(reading.paying(spec.costs.codecs)))
}

fn link_profile(spec: &NetworkSpec) -> LinkProfile {
    LinkProfile {
        latency: match spec.latency {
            LatencySpec::Constant(span) => Latency::Constant(span),
            LatencySpec::Uniform(min, max) => Latency::Uniform { min, max },
            LatencySpec::Exponential { base, mean } => Latency::Exponential { base, tail: mean },
        },
        bandwidth: Some(spec.bandwidth),
        loss: Ratio::new(u64::from(spec.loss_ppm), 1_000_000).expect("a million is not zero"),
    }
}

fn disk_profile(spec: &DiskSpec) -> DiskProfile {
    DiskProfile {
        flush_latency: spec.flush_latency,
        read_latency: spec.read_latency,
        bandwidth: Some(spec.bandwidth),
        capacity: Some(spec.capacity),
        page_cache: Some(spec.page_cache),
        devices: spec.log_dirs,
    }
}

// Deviation: a connection's network thread follows from its number, not round robin from the order
// of accepting; answers that it was given before it had to wait for room leave while it waits.
/// Brokers' and controllers' network threads, and the queue that they share.
fn network_threads(spec: &ClusterSpec) -> NetworkThreads {
    let costs = spec.costs.of_network(spec.security_protocol);
    let (mut read, mut write) = (Vec::new(), Vec::new());
    if !costs.is_free() {
        read = vec![costs.read; CostClass::COUNT];
        write = vec![costs.write; CostClass::COUNT];
        // Answers to a broker's own requests, and those requests, are its fetchers' affair.
        read[CostClass::Free as usize] = Cost::default();
        write[CostClass::Free as usize] = Cost::default();
        write[CostClass::Records as usize] = costs.write_records;
    }
    NetworkThreads {
        threads: spec.broker_config.num_network_threads,
        read,
        write,
        queue: Some(spec.broker_config.queued_max_requests),
    }
}

/// By [`CostClass`].
fn costs(spec: &CpuCosts) -> Vec<Cost> {
    let cost = |base| Cost {
        base,
        per_kib: spec.per_kib,
    };
    vec![
        Cost::default(),
        cost(spec.produce),
        cost(spec.fetch),
        cost(spec.other),
    ]
}
