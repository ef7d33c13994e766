//! The network: paths between hosts, and the connections that run over them.
//!
//! Modelled: a default profile, profiles for hosts and for directed pairs; connections with two
//! ends, each of which can be open while the other is long gone.
//! Left out: routes and switches; a path is one hop.

use std::collections::BTreeMap;

use crate::sim::link::{Link, LinkProfile, Path};
use crate::sim::pending::Waiting;
use crate::sim::process::{ConnectionId, HostId};
use crate::sim::rng::draw;
use crate::sim::time::SimTime;

/// One of a connection's ends: `OPENER` or `ACCEPTOR`.
pub(crate) type Side = usize;
/// The end that opened the connection.
pub(crate) const OPENER: Side = 0;
/// The end that was connected to.
pub(crate) const ACCEPTOR: Side = 1;

/// What an end is to its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndState {
    /// Not there: what arrives is answered with a reset.
    Closed,
    /// The handshake is under way.
    Opening,
    /// The process may send.
    Open,
}

/// One end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) host: HostId,
    pub(crate) state: EndState,
    /// A message of this connection is with a handler thread or waits for one.
    pub(crate) serving: bool,
    /// When the message at work has been read, by its network thread's own time.
    pub(crate) read_at: SimTime,
    /// The peer is gone; the process hears it after the messages that came before.
    pub(crate) finished: bool,
    /// Messages that wait for earlier ones of this connection.
    pub(crate) waiting: Waiting,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) ends: [End; 2],
    /// `links[side]` leads to `ends[side]`.
    pub(crate) links: [Link; 2],
    /// What its draws are derived from, together with the seed.
    identity: u64,
}

impl Connection {
    /// The end on this host, which is not at both ends.
    pub(crate) fn side_of(&self, host: HostId) -> Side {
        if self.ends[OPENER].host == host {
            OPENER
        } else {
            ACCEPTOR
        }
    }
}

const NOT_THERE: u32 = u32::MAX;

/// All paths and connections.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    seed: u64,
    default: LinkProfile,
    /// What was declared for the paths that leave a host.
    hosts: BTreeMap<HostId, LinkProfile>,
    /// What was declared for a directed pair.
    pairs: BTreeMap<(HostId, HostId), LinkProfile>,
    pub(crate) path_of: BTreeMap<(HostId, HostId), u32>,
    pub(crate) paths: Vec<Path>,
    /// Where a connection is, by id; 4 bytes for every connection ever opened.
    places: Vec<u32>,
    connections: Vec<Connection>,
    free: Vec<u32>,
}

impl Network {
    pub(crate) fn new(seed: u64, default: LinkProfile) -> Self {
        Self {
            seed,
            default,
            hosts: BTreeMap::new(),
            pairs: BTreeMap::new(),
            path_of: BTreeMap::new(),
            paths: Vec::new(),
            places: Vec::new(),
            connections: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    /// Changes what is drawn from now on.
    pub(crate) fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        for connection in &mut self.connections {
            for (side, link) in connection.links.iter_mut().enumerate() {
                link.set_key(draw(draw(seed, connection.identity), side as u64));
            }
        }
    }

    /// Declares what the paths are like that leave `host`.
    pub(crate) fn set_host(&mut self, host: HostId, profile: LinkProfile) {
        self.hosts.insert(host, profile);
        self.apply_profiles();
    }

    /// Declares what a directed pair is like.
    pub(crate) fn set_pair(&mut self, from: HostId, to: HostId, profile: LinkProfile) {
        self.pairs.insert((from, to), profile);
        self.apply_profiles();
    }

    fn apply_profiles(&mut self) {
        for index in 0..self.paths.len() {
            let profile = self.profile(self.paths[index].from, self.paths[index].to);
            self.paths[index].set_profile(&profile);
        }
    }

    fn profile(&self, from: HostId, to: HostId) -> LinkProfile {
        let declared = self
            .pairs
            .get(&(from, to))
            .or_else(|| self.hosts.get(&from));
        *declared.unwrap_or(&self.default)
    }

    /// The index of a path, which is made when it is first asked for.
    pub(crate) fn path(&mut self, from: HostId, to: HostId, dark: bool) -> u32 {
        if let Some(index) = self.path_of.get(&(from, to)) {
            return *index;
        }
        let mut path = Path::new(from, to, &self.profile(from, to));
        path.set_dark(dark);
        let index = self.paths.len() as u32;
        self.paths.push(path);
        self.path_of.insert((from, to), index);
        index
    }

    /// Enters a connection whose handshake begins; `paths` lead to the acceptor and back.
    pub(crate) fn open(&mut self, id: ConnectionId, from: HostId, to: HostId, paths: [u32; 2]) {
        let there = &mut self.paths[paths[0] as usize];
        there.opened += 1;
        // Who connects to whom for the how-manieth time: not the id, which other hosts move.
        let pair = u64::from(from.0) << 32 | u64::from(to.0);
        let identity = draw(pair, there.opened);
        let key = draw(self.seed, identity);
        let end = |host, state| End {
            host,
            state,
            serving: false,
            read_at: SimTime::ZERO,
            finished: false,
            waiting: Waiting::NONE,
        };
        let connection = Connection {
            id,
            ends: [end(from, EndState::Opening), end(to, EndState::Closed)],
            links: [
                Link::new(paths[1], draw(key, OPENER as u64)),
                Link::new(paths[0], draw(key, ACCEPTOR as u64)),
            ],
            identity,
        };
        let place = if let Some(place) = self.free.pop() {
            self.connections[place as usize] = connection;
            place
        } else {
            self.connections.push(connection);
            self.connections.len() as u32 - 1
        };
        let index = id.0 as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, NOT_THERE);
        }
        assert!(
            self.places[index] == NOT_THERE,
            "a connection id is used once"
        );
        self.places[index] = place;
    }

    /// The connection, unless it is gone at both ends.
    pub(crate) fn find(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        let place = *self.places.get(id.0 as usize)?;
        self.connections.get_mut(place as usize)
    }

    /// The connection and its paths.
    pub(crate) fn find_with_paths(
        &mut self,
        id: ConnectionId,
    ) -> Option<(&mut Connection, &mut [Path])> {
        let place = *self.places.get(id.0 as usize)?;
        let connection = self.connections.get_mut(place as usize)?;
        Some((connection, &mut self.paths))
    }

    /// Forgets a connection and gives back what it held.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let place = self.places.get_mut(id.0 as usize)?;
        let connection = self.connections.get(*place as usize)?.clone();
        self.free.push(*place);
        *place = NOT_THERE;
        Some(connection)
    }

    /// How many connections are there.
    #[cfg(test)]
    pub(crate) fn connections(&self) -> usize {
        self.connections.len() - self.free.len()
    }

    /// The connections that have an end on `host`, by id.
    pub(crate) fn of_host(&self, host: HostId) -> Vec<ConnectionId> {
        let mut ids: Vec<ConnectionId> = self
            .connections
            .iter()
            .filter(|c| c.ends.iter().any(|end| end.host == host))
            .map(|c| c.id)
            .filter(|id| self.places[id.0 as usize] != NOT_THERE)
            .collect();
        ids.sort_unstable();
        ids
    }
}
