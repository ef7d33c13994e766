//! Which host is which node of the scenario.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kafka::ids::BrokerId;
use crate::sim::process::HostId;

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A Kafka controller, by its number from 1.
    Controller(u32),
    /// A Kafka broker.
    Broker(BrokerId),
    /// A producer application, by its index.
    Sender(u32),
    /// A member of a group: the group's index and the member's.
    Reader(u32, u32),
    /// A command-line tool, by its index: it runs only when an event starts it.
    Tool(u32),
}

/// The hosts of a cluster: names as in scenario files, roles, and the way back.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Vec<Arc<str>>,
    roles: Vec<Role>,
    by_name: BTreeMap<Arc<str>, HostId>,
    racks: BTreeMap<HostId, Arc<str>>,
}

impl Hosts {
    /// Adds the next host.
    pub fn add(&mut self, name: Arc<str>, role: Role) -> HostId {
        let host = HostId(self.names.len() as u32);
        self.by_name.insert(Arc::clone(&name), host);
        self.names.push(name);
        self.roles.push(role);
        host
    }

    /// A host's name.
    pub fn name(&self, host: HostId) -> &Arc<str> {
        &self.names[host.0 as usize]
    }

    /// A host's role.
    pub fn role(&self, host: HostId) -> Role {
        self.roles[host.0 as usize]
    }

    /// The host of that name.
    pub fn find(&self, name: &str) -> Option<HostId> {
        self.by_name.get(name).copied()
    }

    /// The host of a broker.
    pub fn broker(&self, broker: BrokerId) -> Option<HostId> {
        self.with_role(Role::Broker(broker))
    }

    /// Puts a broker's host into a rack.
    pub fn put_into(&mut self, host: HostId, rack: Arc<str>) {
        self.racks.insert(host, rack);
    }

    /// The brokers' hosts in a rack, by id.
    pub fn in_rack(&self, rack: &str) -> impl Iterator<Item = HostId> {
        let racks = self.racks.iter();
        racks.filter_map(move |(host, known)| (**known == *rack).then_some(*host))
    }

    /// All hosts, by id.
    pub fn all(&self) -> impl Iterator<Item = (HostId, Role)> {
        self.roles
            .iter()
            .enumerate()
            .map(|(i, role)| (HostId(i as u32), *role))
    }

    fn with_role(&self, role: Role) -> Option<HostId> {
        self.roles
            .iter()
            .position(|r| *r == role)
            .map(|i| HostId(i as u32))
    }
}
