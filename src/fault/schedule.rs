//! The timeline at work: draws the instants, arms the triggers, applies what breaks and undoes it.
//!
//! Modelled: every action of `Action`; each event draws its instant from a stream of its own
//! name; selectors resolve when the event fires; a process that was asked to stop is started again
//! when it has ended, be it late; at the heal everything is undone at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::fault::apply::{Undo, apply, undo};
use crate::fault::course::{Course, LOOK_EVERY};
use crate::fault::{Event, Occurrence, When};
use crate::sim::process::HostId;
use crate::sim::rng::Streams;
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::trigger::{Times, TriggerId};

/// What became of one event so far.
#[derive(Clone, Debug, Default)]
pub struct Fired {
    /// When it first happened.
    pub at: Option<SimTime>,
    /// True when it had something to act on.
    pub hit: bool,
    /// In words, of its first time: `crash b1`.
    pub what: Option<String>,
}

/// A moment worth a label: a fault or its undoing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// When.
    pub at: SimTime,
    /// What.
    pub text: String,
}

/// A timeline under one seed.
#[derive(Clone, Debug)]
pub struct Schedule {
    events: Arc<[Event]>,
    fired: Vec<Fired>,
    agenda: BTreeMap<(SimTime, u64), Item>,
    next: u64,
    triggers: BTreeMap<TriggerId, usize>,
    /// What goes on; none where it is over.
    courses: Vec<Option<Course>>,
    labels: Vec<Label>,
}

#[derive(Clone, Debug)]
enum Item {
    Fire(usize),
    Arm(usize),
    Undo(Vec<Undo>),
    /// The next step of a course.
    Step(usize),
    /// The end of a course.
    End(usize),
}

impl Schedule {
    /// The timeline's instants under this seed.
    pub fn new(events: &[Event], streams: &Streams) -> Self {
        let mut schedule = Self {
            events: events.into(),
            fired: vec![Fired::default(); events.len()],
            agenda: BTreeMap::new(),
            next: 0,
            triggers: BTreeMap::new(),
            courses: Vec::new(),
            labels: Vec::new(),
        };
        for (index, event) in events.iter().enumerate() {
            match event.when {
                When::At(at) => schedule.put(SimTime::ZERO + at, Item::Fire(index)),
                When::Between(from, to) => {
                    let mut rng = streams.stream(&format!("timeline/{}", event.id));
                    let width = to.saturating_sub(from).as_nanos();
                    let at = from + SimDuration::from_nanos(rng.below(width.saturating_add(1)));
                    schedule.put(SimTime::ZERO + at, Item::Fire(index));
                }
                When::On { after, .. } => schedule.put(SimTime::ZERO + after, Item::Arm(index)),
            }
        }
        schedule
    }

    /// When the next event of the timeline is due.
    pub fn next_time(&self) -> Option<SimTime> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Applies what is due now.
    pub fn fire_due(&mut self, cluster: &mut Cluster) {
        let now = cluster.world.now();
        while let Some(entry) = self.agenda.first_entry().filter(|e| e.key().0 <= now) {
            match entry.remove() {
                Item::Fire(index) => self.fire(cluster, index, None),
                Item::Arm(index) => self.arm(cluster, index),
                Item::Undo(steps) => self.undo(cluster, steps),
                Item::Step(index) => self.step(cluster, index),
                Item::End(index) => self.end(cluster, index),
            }
        }
    }

    /// A trigger met its moment on this host.
    pub fn tripped(&mut self, cluster: &mut Cluster, trigger: TriggerId, here: HostId) {
        if let Some(index) = self.triggers.get(&trigger).copied() {
            self.fire(cluster, index, Some(here));
        }
    }

    /// Undoes everything and fires nothing more.
    pub fn heal(&mut self, cluster: &mut Cluster) {
        for trigger in std::mem::take(&mut self.triggers).into_keys() {
            cluster.world.disarm(trigger);
        }
        for item in std::mem::take(&mut self.agenda).into_values() {
            if let Item::Undo(steps) = item {
                self.undo(cluster, steps);
            }
        }
        for index in 0..self.courses.len() {
            self.end(cluster, index);
        }
        cluster.heal();
        // Who is still on its way down comes back when it has ended.
        self.agenda.clear();
        let hosts = cluster.hosts.all().map(|(host, _)| host);
        for host in hosts.filter(|host| cluster.world.is_stopping(*host)) {
            self.put(
                cluster.world.now() + LOOK_EVERY,
                Item::Undo(vec![Undo::Start(host)]),
            );
        }
    }

    /// The events with what became of them.
    pub fn fired(&self) -> impl Iterator<Item = (&Event, &Fired)> {
        self.events.iter().zip(&self.fired)
    }

    /// What happened when, for a time axis.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    fn arm(&mut self, cluster: &mut Cluster, index: usize) {
        let When::On {
            moment, occurrence, ..
        } = &self.events[index].when
        else {
            return;
        };
        let times = match occurrence {
            Occurrence::Every => Times::Every,
            Occurrence::Nth(nth) => Times::Nth(u64::from(*nth)),
        };
        let trigger = cluster.world.arm(moment.clone(), times);
        self.triggers.insert(trigger, index);
    }

    fn fire(&mut self, cluster: &mut Cluster, index: usize, here: Option<HostId>) {
        let events = Arc::clone(&self.events);
        let event = &events[index];
        let now = cluster.world.now();
        let applied = apply(cluster, event, here);
        let fired = &mut self.fired[index];
        fired.at.get_or_insert(now);
        fired.hit |= applied.hit;
        if fired.what.is_none() {
            fired.what = Some(applied.what.clone());
        }
        if applied.hit {
            self.labels.push(Label {
                at: now,
                text: applied.what,
            });
        }
        if let Some(span) = event.lasts.filter(|_| !applied.undo.is_empty()) {
            self.put(now + span, Item::Undo(applied.undo));
        }
        if let Some(mut course) = applied.course {
            // What begins has its label already.
            let next = course.step(cluster).next;
            let index = self.courses.len();
            self.courses.push(Some(course));
            if let Some(at) = next {
                self.put(at, Item::Step(index));
            }
            if let Some(span) = event.lasts {
                self.put(now + span, Item::End(index));
            }
        }
    }

    fn step(&mut self, cluster: &mut Cluster, index: usize) {
        let Some(course) = &mut self.courses[index] else {
            return;
        };
        let stepped = course.step(cluster);
        match stepped.next {
            Some(at) => self.put(at, Item::Step(index)),
            None => self.courses[index] = None,
        }
        self.label(cluster, stepped.what);
    }

    fn end(&mut self, cluster: &mut Cluster, index: usize) {
        if let Some(mut course) = self.courses[index].take() {
            let what = course.end(cluster);
            self.label(cluster, what);
        }
    }

    fn undo(&mut self, cluster: &mut Cluster, steps: Vec<Undo>) {
        let is_early =
            |step: &Undo| matches!(step, Undo::Start(host) if cluster.world.is_stopping(*host));
        let (early, due): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_early);
        if !early.is_empty() {
            self.put(cluster.world.now() + LOOK_EVERY, Item::Undo(early));
        }
        let what = undo(cluster, &due);
        self.label(cluster, what);
    }

    fn label(&mut self, cluster: &Cluster, what: Option<String>) {
        let at = cluster.world.now();
        self.labels.extend(what.map(|text| Label { at, text }));
    }

    fn put(&mut self, at: SimTime, item: Item) {
        self.agenda.insert((at, self.next), item);
        self.next += 1;
    }
}
