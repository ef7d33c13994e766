//! One direction of a TCP connection, and the path between two hosts that it runs over.
//!
//! Modelled: order within a connection; latency (constant, uniform, exponential); bandwidth, where
//! bytes queue behind earlier bytes of the same path; loss as TCP shows it, a delay: a lost
//! message is sent again after 200 ms, then after twice as long each time up to 120 s, and after
//! 15 retransmissions the connection breaks. What a message meets is drawn by (connection, number
//! of the message), so that it does not depend on what else happens. A path may damage a share of
//! the messages that arrive, or a certain one, so that TCP's checksum misses it.
//! Left out: congestion and receive windows, fast retransmit (a lost message always costs a
//! time-out), segments (a message is lost as a whole), acknowledgements on a path that is cut in
//! the other direction only, keep-alive.
//! Source: RFC 6298; Linux tcp_retries2 and tcp_syn_retries.

use std::collections::BTreeSet;

use crate::sim::pending::Waiting;
use crate::sim::process::{ConnectionId, HostId};
use crate::sim::ratio::Ratio;
use crate::sim::rng::{draw, exponential, scale};
use crate::sim::time::{SimDuration, SimTime};

/// How long a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// Always the same.
    Constant(SimDuration),
    /// Evenly between two bounds.
    Uniform {
        /// The least.
        min: SimDuration,
        /// Not reached.
        max: SimDuration,
    },
    /// A least latency and an exponential tail.
    Exponential {
        /// The least.
        base: SimDuration,
        /// The mean of what comes on top.
        tail: SimDuration,
    },
}

/// What a path between two hosts is like, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkProfile {
    /// How long a message travels.
    pub latency: Latency,
    /// Bytes per second; `None` is without limit.
    pub bandwidth: Option<u64>,
    /// The chance that a transmission is lost.
    pub loss: Ratio,
}

impl Default for LinkProfile {
    /// A quarter of a millisecond, as within a data centre; nothing is lost, nothing queues.
    fn default() -> Self {
        let latency = Latency::Constant(SimDuration::from_micros(250));
        Self {
            latency,
            bandwidth: None,
            loss: Ratio::ZERO,
        }
    }
}

/// Retransmissions of data before a connection breaks.
pub(crate) const RETRIES: u32 = 15;
/// Retransmissions of the first packet of a handshake before the connection counts as refused.
pub(crate) const SYN_RETRIES: u32 = 6;

/// How long TCP waits for an acknowledgement after `attempt` retransmissions.
pub(crate) fn retransmission_timeout(attempt: u32) -> SimDuration {
    SimDuration::from_millis(200 << attempt.min(20)).min(SimDuration::from_secs(120))
}

/// How long a handshake waits for an answer after `attempt` retransmissions.
pub(crate) fn handshake_timeout(attempt: u32) -> SimDuration {
    SimDuration::from_secs(1 << attempt.min(SYN_RETRIES))
}

/// What takes bytes one after the other at a fixed rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Nanoseconds a byte, in units of 2^-20; 0 is without limit.
    nanos_a_byte: u64,
    free_at: SimTime,
}

impl Line {
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        let nanos_a_byte = bytes_per_second.map_or(0, |rate| (1_000_000_000 << 20) / rate.max(1));
        Self {
            nanos_a_byte,
            free_at: SimTime::ZERO,
        }
    }

    pub(crate) const fn is_limited(&self) -> bool {
        self.nanos_a_byte != 0
    }

    /// When the last of `bytes`, which are ready at `now`, has left.
    pub(crate) fn leave(&mut self, now: SimTime, bytes: u64) -> SimTime {
        if self.nanos_a_byte == 0 {
            return now;
        }
        let nanos = (u128::from(bytes) * u128::from(self.nanos_a_byte)) >> 20;
        self.free_at = self.free_at.max(now)
            + SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.free_at
    }
}

/// A chance in parts of 2^64.
pub(crate) fn parts(chance: Ratio) -> u128 {
    (u128::from(chance.numerator()) << 64) / u128::from(chance.denominator())
}

/// The way from one host to another, shared by all connections between them.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    latency: Latency,
    /// Draws below this are lost; 2^64 parts.
    loss: u64,
    line: Line,
    /// What slow links add.
    extra: SimDuration,
    /// Cuts that were not healed.
    cuts: u32,
    /// The receiving host has no power.
    dark: bool,
    /// No cut and not dark.
    is_open: bool,
    /// Draws below this are damaged; 2^64 parts, added up over all that damage it.
    damaging: u128,
    /// Messages that will be damaged, by connection and number.
    marked: BTreeSet<(ConnectionId, u32)>,
    /// How many messages were damaged.
    pub(crate) damaged: u64,
    /// Open, and damages nothing: kept, because every message asks.
    is_plain: bool,
    /// Connections that were opened along this path.
    pub(crate) opened: u64,
}

impl Path {
    pub(crate) fn new(from: HostId, to: HostId, profile: &LinkProfile) -> Self {
        let mut path = Self {
            from,
            to,
            latency: profile.latency,
            loss: 0,
            line: Line::new(None),
            extra: SimDuration::ZERO,
            cuts: 0,
            dark: false,
            is_open: true,
            damaging: 0,
            marked: BTreeSet::new(),
            damaged: 0,
            is_plain: true,
            opened: 0,
        };
        path.set_profile(profile);
        path
    }

    pub(crate) fn set_profile(&mut self, profile: &LinkProfile) {
        let free_at = self.line.free_at;
        self.latency = profile.latency;
        self.line = Line {
            free_at,
            ..Line::new(profile.bandwidth)
        };
        self.loss = u64::try_from(parts(profile.loss)).unwrap_or(u64::MAX);
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) const fn is_plain(&self) -> bool {
        self.is_plain
    }

    pub(crate) const fn is_limited(&self) -> bool {
        self.line.is_limited()
    }

    /// One more cut, or one less.
    pub(crate) fn set_cuts(&mut self, change: impl FnOnce(u32) -> u32) {
        self.cuts = change(self.cuts);
        self.settle();
    }

    pub(crate) fn set_dark(&mut self, dark: bool) {
        self.dark = dark;
        self.settle();
    }

    /// Another share of messages to damage.
    pub(crate) fn set_damaging(&mut self, change: impl FnOnce(u128) -> u128) {
        self.damaging = change(self.damaging);
        self.settle();
    }

    /// This message will be damaged when it arrives.
    pub(crate) fn mark(&mut self, on: ConnectionId, number: u32) {
        self.marked.insert((on, number));
        self.settle();
    }

    /// Whether a message that arrives, and for which these bits were drawn, is to be damaged: if
    /// so, the bits that choose where.
    pub(crate) fn damages(&mut self, on: ConnectionId, number: u32, bits: u64) -> Option<u64> {
        let is_marked = self.marked.remove(&(on, number));
        self.settle();
        // Numbers that no transmission of a message draws by.
        let is_drawn = u128::from(draw(bits, 1 << 32)) < self.damaging;
        (is_marked || is_drawn).then(|| draw(bits, (1 << 32) + 1))
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cuts > 0
    }

    fn settle(&mut self) {
        self.is_open = self.cuts == 0 && !self.dark;
        self.is_plain = self.is_open && self.damaging == 0 && self.marked.is_empty();
    }

    pub(crate) fn set_extra(&mut self, change: impl FnOnce(SimDuration) -> SimDuration) {
        self.extra = change(self.extra);
    }

    /// How long a transmission travels for which these bits were drawn.
    pub(crate) fn flight(&self, bits: u64) -> SimDuration {
        let latency = match self.latency {
            Latency::Constant(latency) => latency,
            Latency::Uniform { min, max } => {
                min + SimDuration::from_nanos(scale(bits, (max - min).as_nanos()))
            }
            Latency::Exponential { base, tail } => base + exponential(tail, bits),
        };
        latency + self.extra
    }

    /// Whether transmission `attempt` is lost.
    pub(crate) fn loses(&self, bits: u64, attempt: u32) -> bool {
        self.loss != 0 && draw(bits, u64::from(attempt) + 1) < self.loss
    }
}

/// What becomes of a message on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It arrives at this time.
    Deliver(SimTime),
    /// It is lost so often that the connection breaks at this time.
    Break(SimTime),
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// The index of its path.
    pub(crate) path: u32,
    /// The key of its draws.
    key: u64,
    /// The number of the next message to be sent.
    pub(crate) sent: u32,
    /// The number of the next message to be handed over.
    pub(crate) received: u32,
    last_arrival: SimTime,
    /// What the sender's TCP holds back: it was lost, or waits behind what was.
    pub(crate) held: Waiting,
    /// Time-outs since the last message that came through.
    pub(crate) timeouts: u32,
    /// A retransmission is scheduled.
    pub(crate) retrying: bool,
    /// The sender lost power: what is on its way is gone.
    pub(crate) silent: bool,
    /// The receiver has answered that it knows no such connection.
    pub(crate) rejected: bool,
}

impl Link {
    pub(crate) const fn new(path: u32, key: u64) -> Self {
        Self {
            path,
            key,
            sent: 0,
            received: 0,
            last_arrival: SimTime::ZERO,
            held: Waiting::NONE,
            timeouts: 0,
            retrying: false,
            silent: false,
            rejected: false,
        }
    }

    pub(crate) fn set_key(&mut self, key: u64) {
        self.key = key;
    }

    /// The bits of a message's draws.
    pub(crate) const fn bits(&self, number: u32) -> u64 {
        draw(self.key, number as u64)
    }

    /// Sends message `number`, the last bytes of which leave at `left`.
    pub(crate) fn pass(&mut self, path: &Path, number: u32, left: SimTime) -> Passage {
        let bits = self.bits(number);
        let mut leaves = left;
        let mut attempt = 0;
        while path.loses(bits, attempt) {
            leaves += retransmission_timeout(attempt);
            if attempt == RETRIES {
                return Passage::Break(leaves);
            }
            attempt += 1;
        }
        self.last_arrival = self.last_arrival.max(leaves + path.flight(bits));
        Passage::Deliver(self.last_arrival)
    }
}

/// The line of a path, for the bytes of a message.
pub(crate) fn leave(path: &mut Path, interface: &mut Line, now: SimTime, bytes: u64) -> SimTime {
    let left = interface.leave(now, bytes);
    path.line.leave(left, bytes)
}
