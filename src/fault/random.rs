//! Faults drawn from the seed: what breaks next, where, for how long, within a budget.
//!
//! Modelled: faults come at random, independently of what happens; each draws its node, its kind
//! and its length from a stream of its own, so that one fault left out moves no other; one that
//! finds no room in the budget does not happen. A broker counts as broken from its fault until it
//! is registered in its present life, unfenced, and back in every ISR; so does one that another
//! fault, or its own slowness, has put out of an ISR. What was drawn is an event like those of a
//! timeline, with its nodes by name, so that a run can be said again without chance.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::broker::Broker;
use crate::cluster::Cluster;
use crate::cluster::names::Role;
use crate::fault::apply::targets;
use crate::fault::{Action, Event, Node, Set, Target, Targets, When};
use crate::kafka::ids::BrokerId;
use crate::sim::process::HostId;
use crate::sim::ratio::Ratio;
use crate::sim::rng::{Rng, Streams};
use crate::sim::time::{SimDuration, SimTime};

/// What may break at random. What breaks a disk for good is not among it: nobody would start the
/// broker again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are those of the actions")]
pub enum Kind {
    Crash,
    PowerLoss,
    LoseDisk,
    Stop,
    Pause,
    Isolate,
    Cut,
    SlowLink,
    Corrupt,
    Reset,
    SlowDisk,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::Crash,
        Self::PowerLoss,
        Self::LoseDisk,
        Self::Stop,
        Self::Pause,
        Self::Isolate,
        Self::Cut,
        Self::SlowLink,
        Self::Corrupt,
        Self::Reset,
        Self::SlowDisk,
    ];

    /// As in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::PowerLoss => "power_loss",
            Self::LoseDisk => "lose_disk",
            Self::Stop => "stop",
            Self::Pause => "pause",
            Self::Isolate => "isolate",
            Self::Cut => "cut",
            Self::SlowLink => "slow_link",
            Self::Corrupt => "corrupt",
            Self::Reset => "reset",
            Self::SlowDisk => "slow_disk",
        }
    }

    /// How many nodes it may put out of an ISR.
    pub const fn breaks(self) -> u32 {
        match self {
            Self::Cut | Self::SlowLink | Self::Corrupt => 2,
            Self::Crash
            | Self::PowerLoss
            | Self::LoseDisk
            | Self::Stop
            | Self::Pause
            | Self::Isolate
            | Self::Reset
            | Self::SlowDisk => 1,
        }
    }

    const fn is_between_two(self) -> bool {
        matches!(
            self,
            Self::Cut | Self::SlowLink | Self::Corrupt | Self::Reset
        )
    }

    const fn needs_a_disk(self) -> bool {
        matches!(self, Self::LoseDisk | Self::SlowDisk)
    }
}

/// Which faults come at random.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RandomFaults {
    /// What may break.
    pub kinds: Vec<Kind>,
    /// Each seed uses some of the kinds only.
    pub swarm: bool,
    /// The mean time between two faults.
    pub every: SimDuration,
    /// The shortest and the longest.
    pub lasts: (SimDuration, SimDuration),
    /// How many nodes may be broken at once.
    pub at_once: u32,
    /// How many faults there are at most.
    pub max: u32,
    /// Whom they hit.
    pub among: Targets,
}

/// Random faults by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// One broker at a time, rarely, for seconds, and no disk loses anything.
    Light,
    /// Anything, often, and two at a time.
    Heavy,
    /// As heavy, but each seed draws which kinds there are: what always comes together hides bugs.
    Swarm,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 3] = [Self::Light, Self::Heavy, Self::Swarm];
    /// Their names.
    pub const NAMES: [&'static str; 3] = ["light", "heavy", "swarm"];

    /// The preset of a name.
    pub fn find(name: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self::ALL[index])
    }

    /// What it says.
    pub fn faults(self) -> RandomFaults {
        let secs = SimDuration::from_secs;
        let light = RandomFaults {
            kinds: vec![
                Kind::Crash,
                Kind::Stop,
                Kind::Pause,
                Kind::Isolate,
                Kind::SlowDisk,
            ],
            swarm: false,
            every: secs(20),
            lasts: (secs(1), secs(10)),
            at_once: 1,
            max: 10,
            among: vec![Target::All(Set::Brokers)],
        };
        match self {
            Self::Light => light,
            Self::Heavy | Self::Swarm => RandomFaults {
                kinds: Kind::ALL.to_vec(),
                swarm: self == Self::Swarm,
                every: secs(5),
                lasts: (secs(1), secs(30)),
                at_once: 2,
                max: 40,
                ..light
            },
        }
    }
}

/// Random faults under one seed.
#[derive(Clone, Debug)]
pub struct Chaos {
    spec: RandomFaults,
    kinds: Vec<Kind>,
    streams: Streams,
    gaps: Rng,
    made: u32,
    /// Whom a fault holds until when.
    held: Vec<(SimTime, HostId)>,
}

impl Chaos {
    /// Before the first fault.
    pub fn new(spec: &RandomFaults, streams: &Streams) -> Self {
        let mut kinds = spec.kinds.clone();
        if spec.swarm {
            let mut rng = streams.stream("faults/swarm");
            kinds.retain(|_| rng.ratio(Ratio::percent(50)));
            if kinds.is_empty() {
                let index = rng.below(spec.kinds.len() as u64) as usize;
                kinds.extend(spec.kinds.get(index));
            }
        }
        Self {
            spec: spec.clone(),
            kinds,
            streams: *streams,
            gaps: streams.stream("faults/gaps"),
            made: 0,
            held: Vec::new(),
        }
    }

    /// How many there were so far.
    pub const fn made(&self) -> u32 {
        self.made
    }

    /// When the next fault comes; none after the last.
    pub fn next_time(&mut self, now: SimTime) -> Option<SimTime> {
        let gap = self.gaps.exponential(self.spec.every);
        // Never twice at one instant: what was drawn must be free to take effect.
        let gap = gap.max(SimDuration::from_nanos(1));
        (self.made < self.spec.max).then_some(now + gap)
    }

    /// What breaks now, if there is room for it.
    pub fn draw(&mut self, cluster: &Cluster) -> Option<Event> {
        let now = cluster.world.now();
        self.held.retain(|(until, _)| *until > now);
        let mut broken = broken(cluster);
        broken.extend(self.held.iter().map(|(_, host)| *host));
        let room = self.spec.at_once.saturating_sub(broken.len() as u32);
        if room == 0 {
            return None;
        }
        let mut whole = targets(cluster, &self.spec.among, None);
        whole.retain(|host| !broken.contains(host) && cluster.world.is_running(*host));
        let mut rng = self
            .streams
            .stream(&format!("faults/random-{}", self.made + 1));
        let host = *pick(&mut rng, &whole)?;
        let peers = cluster.hosts.all().map(|(other, _)| other);
        let peers: Vec<HostId> = peers
            .filter(|other| *other != host && cluster.world.is_running(*other))
            .collect();
        let has_disk = matches!(
            cluster.hosts.role(host),
            Role::Broker(_) | Role::Controller(_)
        );
        let fits = |kind: &&Kind| kind.breaks() <= room && (has_disk || !kind.needs_a_disk());
        let fitting: Vec<Kind> = self.kinds.iter().filter(fits).copied().collect();
        let kind = *pick(&mut rng, &fitting)?;
        let (from, to) = self.spec.lasts;
        let lasts = rng.duration(from, to + SimDuration::from_nanos(1));
        let mut hosts = vec![host];
        if kind.is_between_two() {
            // Two that may lose each other are both of those that may break.
            let among = if kind.breaks() > 1 { &whole } else { &peers };
            let others: Vec<HostId> = among.iter().copied().filter(|h| *h != host).collect();
            hosts.push(*pick(&mut rng, &others)?);
        }
        let action = action(cluster, kind, &hosts, &mut rng);
        self.made += 1;
        if kind.breaks() > 1 || !kind.is_between_two() {
            self.held
                .extend(hosts.iter().map(|host| (now + lasts, *host)));
        }
        Some(Event {
            id: Arc::from(format!("random-{}", self.made)),
            when: When::At(now.since(SimTime::ZERO)),
            action,
            lasts: (kind != Kind::Reset).then_some(lasts),
        })
    }
}

fn pick<'a, T>(rng: &mut Rng, of: &'a [T]) -> Option<&'a T> {
    of.get(rng.below(of.len() as u64) as usize)
}

fn action(cluster: &Cluster, kind: Kind, hosts: &[HostId], rng: &mut Rng) -> Action {
    let node = |index: usize| Node::Named(Arc::clone(cluster.hosts.name(hosts[index])));
    let on = || vec![Target::One(node(0))];
    let mut delay = || {
        let millis = SimDuration::from_millis;
        rng.duration(millis(1), millis(201))
    };
    match kind {
        Kind::Crash => Action::Crash(on()),
        Kind::PowerLoss => Action::PowerLoss(on()),
        Kind::LoseDisk => Action::LoseDisk(on()),
        Kind::Stop => Action::Stop(on()),
        Kind::Pause => Action::Pause(on()),
        Kind::Isolate => Action::Isolate(on()),
        Kind::Cut => Action::Cut(node(0), node(1)),
        Kind::SlowLink => Action::SlowLink(node(0), node(1), delay()),
        Kind::Corrupt => Action::Corrupt(node(0), node(1), Ratio::percent(1 + rng.below(50))),
        Kind::Reset => Action::Reset(node(0), node(1)),
        Kind::SlowDisk => Action::SlowDisk(on(), delay()),
    }
}

/// Whoever is not as it should be now, whatever the reason.
fn broken(cluster: &Cluster) -> BTreeSet<HostId> {
    let image = cluster.controller().image();
    let mut missing: BTreeSet<BrokerId> = BTreeSet::new();
    for (_, registration) in image.partitions() {
        let replicas = registration.replicas.iter();
        missing.extend(replicas.filter(|id| !registration.isr.contains(id)));
    }
    let is_whole = |host: HostId, role: Role| {
        let lives = cluster.world.is_running(host) && !cluster.world.is_stopping(host);
        let Role::Broker(id) = role else {
            return lives;
        };
        let registered = image.brokers.get(&id).map(|broker| broker.epoch);
        if registered.is_none() && !lives {
            // It has never joined, so nobody counts on it.
            return true;
        }
        let own = cluster.broker(id).and_then(Broker::epoch);
        lives && own.is_some() && own == registered && image.is_active(id) && !missing.contains(&id)
    };
    let hosts = cluster.hosts.all();
    let broken = hosts.filter(|(host, role)| !is_whole(*host, *role));
    broken.map(|(host, _)| host).collect()
}
