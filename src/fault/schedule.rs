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
use crate::fault::random::{Chaos, RandomFaults};
use crate::fault::{Action, Event, Occurrence, When};
use crate::sim::process::HostId;
use crate::sim::ratio::Ratio;
use crate::sim::rng::{Rng, Streams};
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
    /// Those of the timeline, then those that were drawn.
    events: Vec<Arc<Event>>,
    fired: Vec<Fired>,
    agenda: BTreeMap<(SimTime, u64), Item>,
    next: u64,
    triggers: BTreeMap<TriggerId, usize>,
    /// What goes on; none where it is over.
    courses: Vec<Option<Course>>,
    /// Of events that happen with a chance, by event.
    chances: BTreeMap<usize, (Rng, Ratio)>,
    chaos: Option<Chaos>,
    labels: Vec<Label>,
}

#[derive(Clone, Debug)]
enum Item {
    Fire(usize),
    Arm(usize),
    /// The undoing of what an event did.
    Undo(usize, Vec<Undo>),
    /// The next step of a course.
    Step(usize),
    /// The end of a course.
    End(usize),
    /// A random fault.
    Draw,
}

/// The event of what no event did.
const NOBODY: usize = usize::MAX;

impl Schedule {
    /// The timeline's instants and the random faults under this seed.
    pub fn new(events: &[Event], random: Option<&RandomFaults>, streams: &Streams) -> Self {
        let mut schedule = Self {
            events: events.iter().cloned().map(Arc::new).collect(),
            fired: vec![Fired::default(); events.len()],
            agenda: BTreeMap::new(),
            next: 0,
            triggers: BTreeMap::new(),
            courses: Vec::new(),
            chances: BTreeMap::new(),
            chaos: random.map(|faults| Chaos::new(faults, streams)),
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
                When::On {
                    after, occurrence, ..
                } => {
                    if let Occurrence::Chance(chance) = occurrence {
                        let rng = streams.stream(&format!("timeline/{}", event.id));
                        schedule.chances.insert(index, (rng, chance));
                    }
                    schedule.put(SimTime::ZERO + after, Item::Arm(index));
                }
            }
        }
        schedule.put_draw(SimTime::ZERO);
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
                Item::Undo(index, steps) => self.undo(cluster, index, steps),
                Item::Step(index) => self.step(cluster, index),
                Item::End(index) => self.end(cluster, index),
                Item::Draw => self.draw(cluster),
            }
        }
    }

    /// A trigger met its moment on this host.
    pub fn tripped(&mut self, cluster: &mut Cluster, trigger: TriggerId, here: HostId) {
        if let Some(index) = self.triggers.get(&trigger).copied() {
            let chance = self.chances.get_mut(&index);
            if chance.is_some_and(|(rng, chance)| !rng.ratio(*chance)) {
                return;
            }
            self.fire(cluster, index, Some(here));
        }
    }

    /// Undoes everything and fires nothing more.
    pub fn heal(&mut self, cluster: &mut Cluster) {
        for trigger in std::mem::take(&mut self.triggers).into_keys() {
            cluster.world.disarm(trigger);
        }
        for item in std::mem::take(&mut self.agenda).into_values() {
            if let Item::Undo(index, steps) = item {
                self.undo(cluster, index, steps);
            }
        }
        for index in 0..self.courses.len() {
            self.end(cluster, index);
        }
        cluster.heal();
        // Who is still on its way down comes back when it has ended.
        self.agenda.clear();
        let hosts = cluster.hosts.all().map(|(host, _)| host);
        let late = hosts.filter(|host| cluster.world.is_stopping(*host));
        let late: Vec<Undo> = late.map(Undo::Start).collect();
        if !late.is_empty() {
            let soon = cluster.world.now() + LOOK_EVERY;
            self.put(soon, Item::Undo(NOBODY, late));
        }
    }

    /// The events with what became of them: those of the timeline, then those that were drawn.
    pub fn fired(&self) -> impl Iterator<Item = (&Event, &Fired)> {
        self.events.iter().map(|event| &**event).zip(&self.fired)
    }

    /// What became of all random faults together, where there may be some.
    pub fn random(&self) -> Option<Fired> {
        let chaos = self.chaos.as_ref()?;
        let drawn = &self.fired[self.fired.len() - chaos.made() as usize..];
        let noun = if drawn.len() == 1 { "fault" } else { "faults" };
        Some(Fired {
            at: drawn.iter().find_map(|fired| fired.at),
            hit: drawn.iter().any(|fired| fired.hit),
            what: Some(format!("{} random {noun}", drawn.len())),
        })
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
            Occurrence::Every | Occurrence::Chance(_) => Times::Every,
            Occurrence::Nth(nth) => Times::Nth(u64::from(*nth)),
        };
        let trigger = cluster.world.arm(moment.clone(), times);
        self.triggers.insert(trigger, index);
    }

    fn fire(&mut self, cluster: &mut Cluster, index: usize, here: Option<HostId>) {
        let event = Arc::clone(&self.events[index]);
        let now = cluster.world.now();
        let applied = apply(cluster, &event, here);
        let fired = &mut self.fired[index];
        fired.at.get_or_insert(now);
        fired.hit |= applied.hit;
        if fired.what.is_none() {
            fired.what = Some(applied.what.clone());
        }
        if applied.hit || !applied.undo.is_empty() {
            self.labels.push(Label {
                at: now,
                text: applied.what,
            });
        }
        // What shows its hit only when it is over is undone at the heal at the latest.
        let shows_late = matches!(event.action, Action::Corrupt(..));
        let ends = event.lasts.map(|span| now + span);
        let ends = ends.or(shows_late.then_some(SimTime::NEVER));
        if let Some(at) = ends.filter(|_| !applied.undo.is_empty()) {
            self.put(at, Item::Undo(index, applied.undo));
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

    /// A random fault comes: it happens if there is room for it.
    fn draw(&mut self, cluster: &mut Cluster) {
        let event = self.chaos.as_mut().and_then(|chaos| chaos.draw(cluster));
        if let Some(event) = event {
            self.events.push(Arc::new(event));
            self.fired.push(Fired::default());
            self.fire(cluster, self.events.len() - 1, None);
        }
        self.put_draw(cluster.world.now());
    }

    fn put_draw(&mut self, now: SimTime) {
        let next = self.chaos.as_mut().and_then(|chaos| chaos.next_time(now));
        if let Some(at) = next {
            self.put(at, Item::Draw);
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

    fn undo(&mut self, cluster: &mut Cluster, index: usize, steps: Vec<Undo>) {
        let is_early =
            |step: &Undo| matches!(step, Undo::Start(host) if cluster.world.is_stopping(*host));
        let (early, due): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_early);
        if !early.is_empty() {
            self.put(cluster.world.now() + LOOK_EVERY, Item::Undo(index, early));
        }
        let undone = undo(cluster, &due);
        if let Some(fired) = self.fired.get_mut(index) {
            fired.hit |= undone.hit;
        }
        self.label(cluster, undone.what);
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
