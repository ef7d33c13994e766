//! How a run goes: up to the heal under its timeline, then on until everything is at rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::audit::{Audit, Audited, End, GroupPlan, Plan, SenderPlan};
use crate::cluster::Cluster;
use crate::cluster::process::AnyProcess;
use crate::cluster::spec::{ClusterSpec, CommandSpec};
use crate::fault::Action;
use crate::fault::schedule::{Fired, Schedule};
use crate::run::guarantees::Checked;
use crate::run::serving::Serving;
use crate::run::watch::{CommandEnd, Counts, Watch};
use crate::run::{DiskReadReport, FaultReport, Mark, Outcome, ThrottleReport, metrics};
use crate::scenario::faults::TOGETHER;
use crate::scenario::model::{Setup, Variant};
use crate::sim::observe::Observer;
use crate::sim::process::HostId;
use crate::sim::rng::Streams;
use crate::sim::time::{SimDuration, SimTime};
use crate::sim::world::Step;

/// How often a run that drains looks whether it is at rest, in virtual time.
const LOOK_EVERY: SimDuration = SimDuration::from_millis(100);
/// How many points a lag series has.
const LAG_STEPS: u32 = 240;
/// How many things that never drained are named.
const UNSETTLED_MAX: usize = 8;

/// A run in progress: a value, so that it can be cloned and continued twice.
#[derive(Clone, Debug)]
pub struct Run {
    /// The cluster.
    pub cluster: Cluster,
    /// What breaks.
    pub schedule: Schedule,
    /// The books and counts.
    pub watch: Watch,
    /// What must hold.
    pub checked: Checked,
    setup: Arc<Setup>,
}

/// Runs a variant to its end.
pub fn run(variant: &Variant, seed: u64) -> Outcome {
    run_observed(variant, seed, &mut ())
}

/// Runs a variant to its end under the eyes of one more observer.
pub fn run_observed<O: Observer<AnyProcess>>(
    variant: &Variant,
    seed: u64,
    observer: &mut O,
) -> Outcome {
    match &variant.setup {
        Err(refused) => Outcome::refused(&variant.name, refused),
        Ok(setup) => {
            let mut run = Run::new(Arc::new(setup.clone()), seed);
            run.to_the_end(observer);
            run.finish(&variant.name)
        }
    }
}

impl Run {
    /// The set-up at 0 s under this seed.
    pub fn new(setup: Arc<Setup>, seed: u64) -> Self {
        let cluster = Cluster::build(&setup.cluster, seed);
        let audit = Audit::new(&plan(&setup));
        let names = setup
            .cluster
            .topics
            .iter()
            .map(|topic| topic.name.to_string())
            .collect();
        let minimum = setup.cluster.broker_config.min_insync_replicas;
        Self {
            schedule: Schedule::new(&setup.timeline, setup.faults.as_ref(), &Streams::new(seed)),
            watch: Watch::new(audit, names, Serving::of(&cluster, minimum)),
            checked: Checked::of(&setup),
            cluster,
            setup,
        }
    }

    /// Runs until the heal, heals, and drains.
    pub fn to_the_end<O: Observer<AnyProcess>>(&mut self, observer: &mut O) {
        let heal_at = SimTime::ZERO + self.setup.run_for;
        self.advance(heal_at, observer);
        self.schedule.heal(&mut self.cluster);
        self.watch.look(&self.cluster);
        let end = heal_at + self.setup.drain_for;
        while self.cluster.world.now() < end && !self.cluster.unsettled(1).is_empty() {
            let next = (self.cluster.world.now() + LOOK_EVERY).min(end);
            self.advance(next, observer);
        }
    }

    /// Runs until an instant, with what breaks on the way.
    pub fn advance<O: Observer<AnyProcess>>(&mut self, until: SimTime, observer: &mut O) {
        loop {
            let due = self.schedule.next_time().map_or(until, |at| at.min(until));
            let mut own = (&mut self.watch, &mut self.checked);
            let step = self
                .cluster
                .world
                .run_until(due, &mut (&mut own, &mut *observer));
            match step {
                Step::Tripped(trigger) => {
                    let trip = self
                        .cluster
                        .world
                        .trip()
                        .expect("a trigger has just tripped");
                    let here = trip.occasion.host;
                    self.schedule.tripped(&mut self.cluster, trigger, here);
                }
                Step::Handled(_) | Step::Idle => {
                    if self.schedule.next_time().is_none_or(|at| at > due) {
                        return;
                    }
                    self.checked.inspect(&self.cluster);
                    self.schedule.fire_due(&mut self.cluster);
                }
            }
            self.watch.look(&self.cluster);
        }
    }

    /// Closes the books.
    #[expect(clippy::too_many_lines, reason = "every field by hand")]
    pub fn finish(self, variant: &Arc<str>) -> Outcome {
        let Self {
            cluster,
            schedule,
            watch,
            mut checked,
            setup,
        } = self;
        let ended_at = cluster.world.now();
        let unsettled = cluster.unsettled(UNSETTLED_MAX);
        let replicas = cluster.replicas();
        checked.finish(&cluster);
        let violations = checked.violations();
        let totals = metrics::Totals {
            unavailable_ms: watch.serving.unavailable_ms(ended_at),
            unwritable_ms: watch.serving.unwritable_ms(ended_at),
            disks: cluster.broker_disks(),
            request_queues: cluster.request_queues(),
        };
        let Watch {
            audit,
            counts,
            mut marks,
            commands,
            ..
        } = watch;
        let audited = audit.close(&End {
            replicas: &replicas,
            at: ended_at,
            lag_steps: LAG_STEPS,
        });
        let labels = schedule.labels().iter();
        marks.extend(labels.map(|l| Mark {
            at: l.at,
            label: l.text.clone(),
        }));
        let faults = faults(&cluster, &schedule, &commands, setup.timeline.len());
        marks.extend(commands.iter().filter_map(|(host, end)| {
            let (at, error) = end.refused?;
            let tool = cluster.hosts.name(*host);
            let event = tool.strip_prefix("command ").unwrap_or(tool);
            let label = format!("{event}: {}", error.name());
            Some(Mark { at, label })
        }));
        let throttles = throttles(&setup.cluster, &counts);
        marks.extend(throttles.iter().map(|throttle| Mark {
            at: throttle.throttled.first,
            label: format!("{} throttled", throttle.client),
        }));
        marks.sort_by_key(|mark| mark.at);
        let disk_reads = disk_reads(&setup.cluster, &counts);
        let (mut groups, mut lag) = (BTreeMap::new(), BTreeMap::new());
        let metrics = metrics::collect(&setup.cluster, &audited, &counts, &totals);
        let Audited {
            tally,
            groups: audited_groups,
            ..
        } = audited;
        for (spec, audited) in setup.cluster.groups.iter().zip(audited_groups) {
            groups.insert(Arc::clone(&spec.name), audited.tally);
            lag.insert(Arc::clone(&spec.name), audited.lag);
        }
        Outcome {
            variant: Arc::clone(variant),
            refused: None,
            fingerprint: cluster.world.fingerprint(),
            ended_at,
            events: cluster.world.events(),
            delivery: tally,
            groups,
            metrics,
            faults,
            violations,
            lag,
            marks,
            throttles,
            disk_reads,
            settled: unsettled.is_empty(),
            unsettled,
        }
    }
}

/// What became of the timeline, of all random faults together, and of each of them.
///
/// A command has hit when its tool was answered with success.
fn faults(
    cluster: &Cluster,
    schedule: &Schedule,
    commands: &BTreeMap<HostId, CommandEnd>,
    timeline: usize,
) -> Vec<FaultReport> {
    let report = |id: Arc<str>, fired: &Fired| FaultReport {
        id,
        hit: fired.hit,
        at: fired.at,
        what: fired.what.clone().unwrap_or_else(|| "never due".to_owned()),
    };
    let mut reports = Vec::new();
    for (event, fired) in schedule.fired() {
        let mut report = report(Arc::clone(&event.id), fired);
        if let Action::Command(_) = event.action {
            let host = cluster.hosts.find(&CommandSpec::host(&event.id));
            let end = host.and_then(|host| commands.get(&host));
            report.hit &= end.is_some_and(|end| end.granted);
            if let Some((_, error)) = end.and_then(|end| end.refused) {
                report.what = format!("{}: {}", report.what, error.name());
            }
        }
        reports.push(report);
    }
    if let Some(together) = schedule.random() {
        reports.insert(timeline, report(Arc::from(TOGETHER), &together));
    }
    reports
}

/// Who was throttled, by client.id and quota.
fn throttles(spec: &ClusterSpec, counts: &Counts) -> Vec<ThrottleReport> {
    let names = spec.client_ids();
    let all = counts.throttles.iter();
    all.map(|((client, quota), throttled)| ThrottleReport {
        client: Arc::clone(&names[client.0 as usize]),
        quota: *quota,
        throttled: *throttled,
    })
    .collect()
}

/// What disks read, for whom.
fn disk_reads(spec: &ClusterSpec, counts: &Counts) -> Vec<DiskReadReport> {
    let all = counts.disk_readers.iter();
    all.map(|((broker, reader, tp), reads)| DiskReadReport {
        broker: *broker,
        reader: *reader,
        partition: format!("{}-{}", spec.topics[tp.topic.0 as usize].name, tp.partition),
        reads: *reads,
    })
    .collect()
}

/// What sizes the audit.
fn plan(setup: &Setup) -> Plan {
    let spec: &ClusterSpec = &setup.cluster;
    Plan {
        senders: spec
            .producers
            .iter()
            .map(|producer| SenderPlan {
                first: producer.plan.first,
                count: producer.plan.count,
                stream: producer.plan.topic.0,
            })
            .collect(),
        streams: spec.topics.iter().map(|topic| topic.grows_to).collect(),
        groups: spec
            .groups
            .iter()
            .map(|group| {
                let partitions = group.members.iter().flat_map(|m| m.partitions.iter());
                let mut streams: Vec<u32> = partitions.map(|tp| tp.topic.0).collect();
                streams.sort_unstable();
                streams.dedup();
                let slow = group
                    .members
                    .iter()
                    .filter(|m| !m.handler.is_zero())
                    .count();
                GroupPlan {
                    streams,
                    interleaved: slow > 1,
                }
            })
            .collect(),
        heal_at: SimTime::ZERO + setup.run_for,
    }
}
