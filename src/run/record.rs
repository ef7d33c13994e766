//! What charts are drawn from: a run done once more, under the eyes of an observer that counts.
//!
//! Counts go into steps of equal length; when there are too many steps, neighbours are joined, so
//! that a recording has the same size however long the run is. Like every observer it changes
//! nothing: the fingerprint is the one of the run without it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::names::Hosts;
use crate::cluster::process::{AnyProcess, Fact};
use crate::delivery::{Delivery, Outcome as Told};
use crate::kafka::fact::Fact as Kafka;
use crate::kafka::ids::{BrokerId, TopicPartition};
use crate::run::Outcome;
use crate::run::drive::Run;
use crate::run::serving::{Serving, Standing};
use crate::scenario::model::Variant;
use crate::sim::observe::{Observer, Occasion, Seen};
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::world::World;

/// The most steps of a series; there are at least half as many.
const STEPS_MAX: usize = 240;
/// How often it is looked which brokers run.
const LOOK_EVERY: SimDuration = SimDuration::from_millis(20);
/// Parts of a doubling into which latencies are sorted.
pub const PARTS_OF_A_DOUBLING: u32 = 4;

/// What happened in a run, over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The run's own result.
    pub outcome: Outcome,
    /// Records that applications sent.
    pub sent: Series,
    /// Records of which they were told success.
    pub acked: Series,
    /// Records that groups processed, each time.
    pub processed: Series,
    /// From send to the success that the application was told.
    pub ack: Spread,
    /// From send to the first time that the record was processed by any group.
    pub end_to_end: Spread,
    /// The partitions' leaders and in-sync sets.
    pub partitions: Vec<PartitionHistory>,
}

/// Counts at equal steps from 0 s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The step.
    pub step: SimDuration,
    /// How many in each step.
    pub counts: Vec<u64>,
}

/// How many took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// By part of a doubling: the part `i` begins at [`Spread::begins`].
    pub parts: Vec<u64>,
    /// How many in all.
    pub count: u64,
}

/// One partition over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionHistory {
    /// As in `orders-0`.
    pub name: String,
    /// How many replicas it has, at most.
    pub replicas: u32,
    /// Since when who leads.
    pub leader: Vec<(SimTime, Leader)>,
    /// Since when how many replicas are in sync, as the controller has it.
    pub in_sync: Vec<(SimTime, u32)>,
}

/// Who leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leader {
    /// This broker, which serves.
    Serves(BrokerId),
    /// This broker by the controller's word, but it is down, or is back and does not lead yet.
    Away(BrokerId),
    /// Nobody.
    Nobody,
}

/// Runs a variant to its end and records it; none where Kafka refuses its config.
pub fn record(variant: &Variant, seed: u64) -> Option<Recording> {
    let setup = Arc::new(variant.setup.as_ref().ok()?.clone());
    let mut run = Run::new(Arc::clone(&setup), seed);
    let topics: Vec<Arc<str>> = (setup.cluster.topics.iter())
        .map(|topic| Arc::clone(&topic.name))
        .collect();
    let records = (setup.cluster.producers.iter())
        .map(|producer| producer.plan.first.0 as usize + producer.plan.count as usize)
        .max();
    let mut recorder = Recorder::new(&run, records.unwrap_or(0));
    run.to_the_end(&mut recorder);
    recorder.look(&run.cluster.world, run.cluster.world.now());
    let outcome = run.finish(&variant.name);
    let name = |tp: &TopicPartition| format!("{}-{}", topics[tp.topic.0 as usize], tp.partition);
    let partitions = (recorder.partitions.iter()).map(|(tp, history)| PartitionHistory {
        name: name(tp),
        ..history.clone()
    });
    Some(Recording {
        partitions: partitions.collect(),
        sent: recorder.sent,
        acked: recorder.acked,
        processed: recorder.processed,
        ack: recorder.ack,
        end_to_end: recorder.end_to_end,
        outcome,
    })
}

/// Records a run.
#[derive(Clone, Debug)]
struct Recorder {
    sent: Series,
    acked: Series,
    processed: Series,
    ack: Spread,
    end_to_end: Spread,
    partitions: BTreeMap<TopicPartition, PartitionHistory>,
    /// By record.
    sent_at: Vec<SimTime>,
    /// By record: some group has processed it.
    done: Vec<bool>,
    hosts: Hosts,
    serving: Serving,
    look_at: SimTime,
}

impl Recorder {
    fn new(run: &Run, records: usize) -> Self {
        let image = run.cluster.controller().image();
        let partitions = image.partitions().map(|(tp, registration)| {
            let standing = run.watch.serving.partition(tp);
            let history = PartitionHistory {
                name: String::new(),
                replicas: registration.replicas.len() as u32,
                leader: vec![(SimTime::ZERO, standing.map_or(Leader::Nobody, Leader::of))],
                in_sync: vec![(SimTime::ZERO, registration.isr.len() as u32)],
            };
            (tp, history)
        });
        Self {
            sent: Series::new(),
            acked: Series::new(),
            processed: Series::new(),
            ack: Spread::default(),
            end_to_end: Spread::default(),
            partitions: partitions.collect(),
            sent_at: vec![SimTime::ZERO; records],
            done: vec![false; records],
            hosts: run.cluster.hosts.clone(),
            serving: run.watch.serving.clone(),
            look_at: SimTime::ZERO,
        }
    }

    /// Looks which brokers run.
    fn look(&mut self, world: &World<AnyProcess>, at: SimTime) {
        self.look_at = at + LOOK_EVERY;
        self.serving.look(at, &self.hosts, world);
        self.tell_leaders(at);
    }

    /// Notes who leads where that is news.
    fn tell_leaders(&mut self, at: SimTime) {
        for tp in self.serving.news() {
            self.tell_leader(at, tp);
        }
    }

    fn tell_leader(&mut self, at: SimTime, tp: TopicPartition) {
        let Some(standing) = self.serving.partition(tp) else {
            return;
        };
        if let Some(history) = self.partitions.get_mut(&tp) {
            let leader = Leader::of(standing);
            if history.leader.last().map(|(_, last)| *last) != Some(leader) {
                history.leader.push((at, leader));
            }
        }
    }

    fn delivery(&mut self, at: SimTime, fact: &Delivery) {
        match fact {
            Delivery::Sent { first, count, .. } => {
                self.sent.add(at, u64::from(*count));
                let first = first.0 as usize;
                self.sent_at[first..first + *count as usize].fill(at);
            }
            Delivery::Told {
                parcel,
                outcome: Told::Acked(_),
                ..
            } => {
                self.acked.add(at, parcel.len() as u64);
                for record in parcel.iter() {
                    self.ack
                        .add(at.since(self.sent_at[record.id.0 as usize]), 1);
                }
            }
            Delivery::Processed {
                parcel, part, each, ..
            } => {
                for (index, record) in (part.from..part.to).zip(&parcel[part.from as usize..]) {
                    let before = each
                        .saturating_mul(u64::from(part.to - 1 - index))
                        .as_nanos();
                    let done_at = SimTime::from_nanos(at.as_nanos().saturating_sub(before));
                    self.processed.add(done_at, 1);
                    let id = record.id.0 as usize;
                    if !std::mem::replace(&mut self.done[id], true) {
                        self.end_to_end.add(done_at.since(self.sent_at[id]), 1);
                    }
                }
            }
            Delivery::Told { .. }
            | Delivery::Resent { .. }
            | Delivery::Rejected { .. }
            | Delivery::Read { .. } => {}
        }
    }
}

impl Observer<AnyProcess> for Recorder {
    fn event(&mut self, world: &World<AnyProcess>, seen: &Seen<'_, AnyProcess>) {
        if seen.occasion.at >= self.look_at {
            self.look(world, seen.occasion.at);
        }
    }

    fn fact(&mut self, occasion: &Occasion, fact: &Fact) {
        match fact {
            Fact::Delivery(fact) => self.delivery(occasion.at, fact),
            Fact::Kafka(fact) => {
                if self.serving.fact(occasion.at, fact) {
                    self.tell_leaders(occasion.at);
                }
                if let Kafka::PartitionChanged {
                    tp, isr, replicas, ..
                } = fact
                {
                    // Another leader that is away is no news of serving, but of who leads.
                    self.tell_leader(occasion.at, *tp);
                    let in_sync = isr.len() as u32;
                    if let Some(history) = self.partitions.get_mut(tp) {
                        history.replicas = history.replicas.max(*replicas);
                        if history.in_sync.last().map(|(_, last)| *last) != Some(in_sync) {
                            history.in_sync.push((occasion.at, in_sync));
                        }
                    }
                }
            }
        }
    }
}

impl Leader {
    fn of(standing: &Standing) -> Self {
        match standing.leader {
            None => Self::Nobody,
            Some(broker) if standing.is_served() => Self::Serves(broker),
            Some(broker) => Self::Away(broker),
        }
    }
}

impl Series {
    fn new() -> Self {
        Self {
            step: SimDuration::from_millis(1),
            counts: Vec::new(),
        }
    }

    /// `count` more at an instant.
    fn add(&mut self, at: SimTime, count: u64) {
        while at.as_nanos() / self.step.as_nanos() >= STEPS_MAX as u64 {
            self.join();
        }
        let index = (at.as_nanos() / self.step.as_nanos()) as usize;
        if index >= self.counts.len() {
            self.counts.resize(index + 1, 0);
        }
        self.counts[index] += count;
    }

    /// Makes each step twice as long.
    fn join(&mut self) {
        self.step = self.step.saturating_mul(2);
        self.counts = (self.counts.chunks(2))
            .map(|pair| pair.iter().sum())
            .collect();
    }

    /// The same with steps at least so long.
    pub fn coarser(&self, step: SimDuration) -> Self {
        let mut series = self.clone();
        while series.step < step {
            series.join();
        }
        series
    }
}

impl Spread {
    /// `count` more took so long.
    fn add(&mut self, took: SimDuration, count: u64) {
        let part = Self::part(took) as usize;
        if part >= self.parts.len() {
            self.parts.resize(part + 1, 0);
        }
        self.parts[part] += count;
        self.count += count;
    }

    /// The part of a doubling that a span belongs to.
    fn part(took: SimDuration) -> u32 {
        let nanos = took.as_nanos().max(1);
        let doubling = nanos.ilog2();
        let over = u128::from(nanos - (1 << doubling)) * u128::from(PARTS_OF_A_DOUBLING);
        doubling * PARTS_OF_A_DOUBLING + (over >> doubling) as u32
    }

    /// The shortest span of a part.
    pub fn begins(part: u32) -> SimDuration {
        let (doubling, over) = (part / PARTS_OF_A_DOUBLING, part % PARTS_OF_A_DOUBLING);
        let whole = 1_u128 << doubling;
        let nanos = whole + whole * u128::from(over) / u128::from(PARTS_OF_A_DOUBLING);
        SimDuration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::drive;
    use crate::scenario::file::parse;
    use crate::scenario::library::find;

    fn variants() -> Vec<Variant> {
        let entry = find("leader-crash-acks1").unwrap();
        parse(entry.name, entry.source, &[]).unwrap().variants
    }

    #[test]
    fn a_recorded_run_is_the_run() {
        for variant in variants() {
            let recording = record(&variant, 5).unwrap();
            assert_eq!(recording.outcome, drive::run(&variant, 5));
        }
    }

    #[test]
    fn a_recording_counts_what_the_audit_counts() {
        let recording = record(&variants()[0], 5).unwrap();
        let total = |series: &Series| series.counts.iter().sum::<u64>();
        let tally = recording.outcome.delivery;
        assert_eq!(total(&recording.sent), tally.sent);
        assert_eq!(total(&recording.acked), tally.acked);
        assert_eq!(recording.ack.count, tally.acked);
        let group = recording.outcome.groups.values().next().unwrap();
        assert_eq!(
            total(&recording.processed),
            group.processed + group.reprocessed
        );
        assert_eq!(recording.end_to_end.count, group.processed);
        for series in [&recording.sent, &recording.acked, &recording.processed] {
            assert!(series.counts.len() <= STEPS_MAX);
        }
    }

    #[test]
    fn a_crashed_leader_is_away_until_another_leads() {
        let recording = record(&variants()[0], 5).unwrap();
        let leaders: Vec<Leader> = (recording.partitions[0].leader.iter())
            .map(|(_, leader)| *leader)
            .collect();
        let Leader::Serves(first) = leaders[0] else {
            panic!("{leaders:?}");
        };
        assert!(leaders.contains(&Leader::Away(first)), "{leaders:?}");
        assert!(
            leaders
                .iter()
                .any(|leader| matches!(leader, Leader::Serves(other) if *other != first)),
            "{leaders:?}"
        );
        let least = recording.partitions[0]
            .in_sync
            .iter()
            .map(|(_, size)| *size)
            .min();
        assert_eq!(least, Some(1));
    }

    #[test]
    fn a_latency_is_in_the_part_that_begins_before_it() {
        for nanos in [1, 2, 3, 5, 7, 1_000, 1_500, 123_456_789, u64::MAX] {
            let span = SimDuration::from_nanos(nanos);
            let part = Spread::part(span);
            assert!(Spread::begins(part) <= span, "{nanos}");
            // Below four, a doubling has fewer whole numbers than parts.
            assert!(
                nanos < 4 || nanos == u64::MAX || Spread::begins(part + 1) > span,
                "{nanos}"
            );
        }
    }

    #[test]
    fn long_series_have_longer_steps_and_the_same_sum() {
        let mut series = Series::new();
        for second in 0..1_000 {
            series.add(SimTime::from_nanos(second * 1_000_000_000), 3);
        }
        assert!((STEPS_MAX / 2..=STEPS_MAX).contains(&series.counts.len()));
        assert_eq!(series.counts.iter().sum::<u64>(), 3_000);
    }
}
