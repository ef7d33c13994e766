//! L5, the whole: brokers, controllers and applications on their hosts, joined into one world.

pub mod build;
pub mod message;
pub mod moment;
pub mod names;
pub mod process;
pub mod settle;
pub mod spec;

use std::sync::Arc;

use crate::broker::Broker;
use crate::cluster::names::{Hosts, Role};
use crate::cluster::process::AnyProcess;
use crate::controller::Controller;
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::kafka::metadata_records::PartitionRegistration;
use crate::kafka::view::ReplicaView;
use crate::sim::clock::WallClock;
use crate::sim::disk::DiskProfile;
use crate::sim::host::QueueSeen;
use crate::sim::process::HostId;
use crate::sim::world::World;

/// A cluster with its clients, at some instant of a run.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The world that it runs in.
    pub world: World<AnyProcess>,
    /// Which host is which.
    pub hosts: Hosts,
    disk: DiskProfile,
    controller: HostId,
}

impl Cluster {
    /// The active controller.
    ///
    /// With one voter it is the same all run long.
    pub fn controller(&self) -> &Controller {
        match self.world.process(self.controller) {
            AnyProcess::Controller(controller) => controller,
            AnyProcess::Broker(_) | AnyProcess::App(_) => unreachable!("c1 is a controller"),
        }
    }

    /// The host of the active controller.
    pub fn controller_host(&self) -> HostId {
        self.controller
    }

    /// A broker.
    pub fn broker(&self, id: BrokerId) -> Option<&Broker> {
        match self.world.process(self.hosts.broker(id)?) {
            AnyProcess::Broker(broker) => Some(broker),
            AnyProcess::Controller(_) | AnyProcess::App(_) => None,
        }
    }

    /// All brokers with their hosts.
    pub fn brokers(&self) -> impl Iterator<Item = (HostId, &Broker)> {
        self.hosts
            .all()
            .filter_map(|(host, _)| match self.world.process(host) {
                AnyProcess::Broker(broker) => Some((host, &**broker)),
                AnyProcess::Controller(_) | AnyProcess::App(_) => None,
            })
    }

    /// Of each broker the bytes on its disks: at their peak, and now.
    pub fn broker_disks(&self) -> Vec<(u64, u64)> {
        let disks = self.brokers().map(|(host, _)| {
            let disk = &self.world.host_state(host).disk;
            (disk.most_used(), disk.used())
        });
        disks.collect()
    }

    /// The longest that a request queue of a broker or controller was, and how many requests met a
    /// full one.
    pub fn request_queues(&self) -> QueueSeen {
        let servers = self.hosts.all().filter(|(_, role)| match role {
            Role::Broker(_) | Role::Controller(_) => true,
            Role::Sender(_) | Role::Reader(..) | Role::Tool(_) => false,
        });
        servers.fold(QueueSeen::default(), |all, (host, _)| {
            let seen = self.world.request_queue(host);
            QueueSeen {
                longest: all.longest.max(seen.longest),
                met_full: all.met_full + seen.met_full,
            }
        })
    }

    /// Every replica of every broker, dead ones included: what their disks hold.
    pub fn replicas(&self) -> Vec<ReplicaView<'_>> {
        self.brokers()
            .flat_map(|(_, broker)| broker.replicas())
            .collect()
    }

    /// Every replica of the brokers that run.
    pub fn living_replicas(&self) -> Vec<ReplicaView<'_>> {
        let living = self
            .brokers()
            .filter(|(host, _)| self.world.is_running(*host));
        living.flat_map(|(_, broker)| broker.replicas()).collect()
    }

    /// A partition as the controller has registered it.
    pub fn registration(&self, tp: TopicPartition) -> Option<&Arc<PartitionRegistration>> {
        self.controller().image().partition(tp)
    }

    /// True when the host is a broker with failed log directories.
    fn lacks_log_dirs(&self, host: HostId) -> bool {
        match self.world.process(host) {
            AnyProcess::Broker(broker) => broker.lacks_log_dirs(),
            AnyProcess::Controller(_) | AnyProcess::App(_) => false,
        }
    }

    /// Brings everything back: heals links, disks, clocks and pauses, starts what is down.
    pub fn heal(&mut self) {
        self.world.heal_all();
        let hosts: Vec<(HostId, Role)> = self.hosts.all().collect();
        for (host, role) in hosts {
            if self.world.host_state(host).clock != WallClock::default() {
                self.world.set_clock(host, WallClock::default());
            }
            let has_declared_disk = matches!(role, Role::Broker(_) | Role::Controller(_));
            if has_declared_disk && *self.world.host_state(host).disk.profile() != self.disk {
                self.world.set_disk(host, self.disk);
            }
            // Who has not joined yet, or was struck off, stays down, and so does a tool.
            let belongs = match role {
                Role::Broker(broker) => self.controller().image().brokers.contains_key(&broker),
                Role::Controller(_) | Role::Sender(_) | Role::Reader(..) => true,
                Role::Tool(_) => false,
            };
            if belongs && !self.world.is_running(host) {
                self.world.start(host);
            } else if self.lacks_log_dirs(host) {
                // It takes a restart to use a directory again; who asked for the heal starts it.
                self.world.terminate(host);
            }
        }
    }
}
