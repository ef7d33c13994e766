//! What can go wrong, applied from outside between two steps.
//!
//! Each fault is an event of its own, so that it can be a cause; the number is returned. Cuts,
//! slow links and pauses of the same place add up: each is undone by its own counterpart.

use crate::sim::clock::WallClock;
use crate::sim::disk::{DiskFault, DiskProfile};
use crate::sim::link::parts;
use crate::sim::process::{ConnectionId, Crash, EventId, HostId, Input, Process};
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::sim::world::World;

impl<P: Process> World<P> {
    /// An event of its own for something that the caller is about to do.
    pub fn mark(&mut self) -> EventId {
        self.core.mark(kind::MARK, 0)
    }

    /// Starts the process of a host, after a crash with a new incarnation, and gives the host
    /// power; nothing happens when it runs.
    pub fn start(&mut self, host: HostId) -> EventId {
        let event = self.core.mark(kind::START, host.0.into());
        if !self.is_running(host) {
            self.core.start(host);
        }
        event
    }

    /// Asks the process of a host to end in good order.
    pub fn terminate(&mut self, host: HostId) -> EventId {
        let event = self.core.mark(kind::TERMINATE, host.0.into());
        let is_running = self.is_running(host);
        self.core.host_mut(host).stopping |= is_running;
        self.core.push_local(host, Input::Terminate);
        event
    }

    /// Kills a process, or its host with it.
    ///
    /// After a kill, what the process had sent still arrives and then its peers see the end of
    /// their connections. After a loss of power nothing more arrives; peers find out when what
    /// they send is not acknowledged, or when the host is back and knows nothing of them.
    pub fn crash(&mut self, host: HostId, how: Crash) -> EventId {
        let event = self.core.mark(kind::CRASH + how as u64, host.0.into());
        self.kill(host, how);
        event
    }

    /// Stops a process where it is; what comes waits in order.
    pub fn pause(&mut self, host: HostId) -> EventId {
        let event = self.core.mark(kind::PAUSE, host.0.into());
        self.core.pause(host);
        event
    }

    /// Ends one pause; after the last the process works off what came.
    pub fn resume(&mut self, host: HostId) -> EventId {
        let event = self.core.mark(kind::RESUME, host.0.into());
        self.core.resume(host);
        event
    }

    /// Cuts the path from one host to another, in this direction.
    pub fn cut(&mut self, from: HostId, to: HostId) -> EventId {
        self.change_cuts(kind::CUT, from, to, |cuts| cuts + 1)
    }

    /// Takes one cut of a path back.
    pub fn heal(&mut self, from: HostId, to: HostId) -> EventId {
        self.change_cuts(kind::HEAL, from, to, |cuts| cuts.saturating_sub(1))
    }

    /// True while a path is cut.
    pub fn is_cut(&self, from: HostId, to: HostId) -> bool {
        let network = &self.core.network;
        let path = network.path_of.get(&(from, to));
        path.is_some_and(|index| network.paths[*index as usize].is_cut())
    }

    fn change_cuts(
        &mut self,
        kind: u64,
        from: HostId,
        to: HostId,
        change: impl FnOnce(u32) -> u32,
    ) -> EventId {
        let event = self.core.mark(kind, pair(from, to));
        let path = self.core.path(from, to);
        self.core.network.paths[path as usize].set_cuts(change);
        event
    }

    /// Adds a delay to what is sent from one host to another from now on.
    pub fn slow(&mut self, from: HostId, to: HostId, by: SimDuration) -> EventId {
        let event = self.core.mark(kind::SLOW, pair(from, to));
        let path = self.core.path(from, to);
        self.core.network.paths[path as usize].set_extra(|extra| extra + by);
        event
    }

    /// Takes a delay back that [`World::slow`] has added.
    pub fn unslow(&mut self, from: HostId, to: HostId, by: SimDuration) -> EventId {
        let event = self.core.mark(kind::UNSLOW, pair(from, to));
        let path = self.core.path(from, to);
        self.core.network.paths[path as usize].set_extra(|extra| extra - by);
        event
    }

    /// Damages this share of the messages that arrive from one host at another from now on, as far
    /// as they have something to damage.
    pub fn corrupt(&mut self, from: HostId, to: HostId, share: Ratio) -> EventId {
        self.change_damaging(kind::CORRUPT, from, to, |sum| sum + parts(share))
    }

    /// Takes a share back that [`World::corrupt`] has added.
    pub fn uncorrupt(&mut self, from: HostId, to: HostId, share: Ratio) -> EventId {
        self.change_damaging(kind::UNCORRUPT, from, to, |sum| {
            sum.saturating_sub(parts(share))
        })
    }

    fn change_damaging(
        &mut self,
        kind: u64,
        from: HostId,
        to: HostId,
        change: impl FnOnce(u128) -> u128,
    ) -> EventId {
        let event = self.core.mark(kind, pair(from, to));
        let path = self.core.path(from, to);
        self.core.network.paths[path as usize].set_damaging(change);
        event
    }

    /// How many messages were damaged on their way from one host to another so far.
    pub fn damaged(&mut self, from: HostId, to: HostId) -> u64 {
        let path = self.core.path(from, to);
        self.core.network.paths[path as usize].damaged
    }

    /// Damages the last message that a host has sent on a connection, when it arrives; false when
    /// the connection is gone.
    pub fn corrupt_last(&mut self, connection: ConnectionId, from: HostId) -> bool {
        self.core.mark(kind::CORRUPT_LAST, connection.0.into());
        let Some((found, paths)) = self.core.network.find_with_paths(connection) else {
            return false;
        };
        let link = &found.links[1 - found.side_of(from)];
        paths[link.path as usize].mark(connection, link.sent.wrapping_sub(1));
        true
    }

    /// Breaks a connection at both ends at once; what is on its way is lost.
    pub fn reset(&mut self, connection: ConnectionId) -> EventId {
        let event = self.core.mark(kind::RESET, connection.0.into());
        self.core.reset(connection);
        event
    }

    /// Breaks all connections between two hosts.
    pub fn reset_between(&mut self, one: HostId, other: HostId) -> EventId {
        let event = self.core.mark(kind::RESET_BETWEEN, pair(one, other));
        for on in self.core.network.of_host(one) {
            let is_between = self
                .core
                .network
                .find(on)
                .is_some_and(|connection| connection.ends.iter().any(|end| end.host == other));
            if is_between {
                self.core.reset(on);
            }
        }
        event
    }

    /// Sets a host's wall clock.
    pub fn set_clock(&mut self, host: HostId, clock: WallClock) -> EventId {
        let event = self.core.mark(kind::CLOCK, host.0.into());
        self.states[host.0 as usize].clock = clock;
        event
    }

    /// Breaks or repairs a host's disk; its content stays.
    pub fn set_disk_fault(&mut self, host: HostId, fault: DiskFault) -> EventId {
        let event = self.core.mark(kind::DISK + fault as u64, host.0.into());
        let now = self.now();
        self.states[host.0 as usize].disk.set_fault(fault, now);
        event
    }

    /// Breaks or repairs one device of a host; its content stays.
    pub fn set_device_fault(&mut self, host: HostId, device: u32, fault: DiskFault) -> EventId {
        let ids = u64::from(host.0) | (u64::from(device) + 1) << 32;
        let event = self.core.mark(kind::DISK + fault as u64, ids);
        let now = self.now();
        let disk = &mut self.states[host.0 as usize].disk;
        disk.set_device_fault(device, fault, now);
        event
    }

    /// Makes a host's disk slower, faster, larger or smaller.
    pub fn set_disk(&mut self, host: HostId, profile: DiskProfile) -> EventId {
        let event = self.core.mark(kind::DISK_PROFILE, host.0.into());
        self.states[host.0 as usize].disk.set_profile(profile);
        event
    }

    /// Undoes cuts, slow and corrupting links, pauses and broken disks. Clocks and disk profiles
    /// stay, and what is down stays down.
    pub fn heal_all(&mut self) -> EventId {
        let event = self.core.mark(kind::HEAL_ALL, 0);
        for path in &mut self.core.network.paths {
            path.set_cuts(|_| 0);
            path.set_extra(|_| SimDuration::ZERO);
            path.set_damaging(|_| 0);
        }
        for index in 0..self.hosts() {
            let host = HostId(index);
            let now = self.now();
            self.states[index as usize]
                .disk
                .set_fault(DiskFault::None, now);
            self.core.host_mut(host).pauses = 0;
            self.core.resume(host);
        }
        event
    }
}

const fn pair(from: HostId, to: HostId) -> u64 {
    (from.0 as u64) << 32 | to.0 as u64
}

/// What each kind of fault is in the fingerprint.
mod kind {
    pub(super) const MARK: u64 = 0x100;
    pub(super) const START: u64 = 0x101;
    pub(super) const TERMINATE: u64 = 0x102;
    pub(super) const PAUSE: u64 = 0x103;
    pub(super) const RESUME: u64 = 0x104;
    pub(super) const CUT: u64 = 0x105;
    pub(super) const HEAL: u64 = 0x106;
    pub(super) const SLOW: u64 = 0x107;
    pub(super) const UNSLOW: u64 = 0x108;
    pub(super) const RESET: u64 = 0x109;
    pub(super) const RESET_BETWEEN: u64 = 0x10a;
    pub(super) const CLOCK: u64 = 0x10b;
    pub(super) const DISK_PROFILE: u64 = 0x10c;
    pub(super) const HEAL_ALL: u64 = 0x10d;
    pub(super) const CORRUPT: u64 = 0x10e;
    pub(super) const UNCORRUPT: u64 = 0x10f;
    pub(super) const CRASH: u64 = 0x110;
    pub(super) const DISK: u64 = 0x120;
    pub(super) const CORRUPT_LAST: u64 = 0x130;
}
