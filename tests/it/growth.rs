//! What clients make of a topic that gets more partitions: each sees it in its own time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use retrial::cluster::process::{AnyProcess, Fact};
use retrial::delivery::KeyId;
use retrial::kafka::fact::{Fact as Kafka, Role};
use retrial::kafka::ids::ProducerId;
use retrial::run::drive::Run;
use retrial::sim::observe::{Observer, Occasion};
use retrial::sim::time::{SimDuration, SimTime};

use crate::case::parse;

/// The partitions that leaders have put each key's records in, by producer.
#[derive(Default)]
struct Placed(Vec<(SimTime, ProducerId, KeyId, u32)>);

impl Observer<AnyProcess> for Placed {
    fn fact(&mut self, occasion: &Occasion, fact: &Fact) {
        let Fact::Kafka(Kafka::Appended {
            role: Role::Leader,
            tp,
            stored,
            ..
        }) = fact
        else {
            return;
        };
        let stamp = stored.batch.producer.expect("all are idempotent");
        for record in stored.batch.records.iter() {
            let key = record.key.expect("all have keys");
            self.0.push((occasion.at, stamp.id, key, tp.partition));
        }
    }
}

impl Placed {
    /// When the two producers first wrote to a partition that was not there at the start: the one
    /// that noticed first, and the other.
    fn noticed(&self) -> (SimTime, SimTime) {
        let mut first: BTreeMap<ProducerId, SimTime> = BTreeMap::new();
        for (at, producer, _, partition) in &self.0 {
            if *partition >= 2 {
                first.entry(*producer).or_insert(*at);
            }
        }
        let times: Vec<SimTime> = first.into_values().collect();
        assert_eq!(times.len(), 2, "both have noticed");
        (times[0].min(times[1]), times[0].max(times[1]))
    }

    /// The keys that the two put in different partitions between two times.
    fn disputed(&self, from: SimTime, to: SimTime) -> Vec<KeyId> {
        let mut places: BTreeMap<KeyId, BTreeMap<ProducerId, u32>> = BTreeMap::new();
        for (at, producer, key, partition) in &self.0 {
            if (from..to).contains(at) {
                places
                    .entry(*key)
                    .or_default()
                    .insert(*producer, *partition);
            }
        }
        let differ = |of: &BTreeMap<ProducerId, u32>| {
            let places: BTreeSet<&u32> = of.values().collect();
            places.len() == 2
        };
        let disputed = places.iter().filter(|(_, of)| differ(of));
        disputed.map(|(key, _)| *key).collect()
    }
}

/// Where all records of a run were put.
fn placed(text: &str, seed: u64) -> Placed {
    let scenario = parse(text);
    let setup = scenario.variants[0].setup.clone();
    let mut run = Run::new(Arc::new(setup.expect("nothing is refused")), seed);
    let mut placed = Placed::default();
    run.to_the_end(&mut placed);
    placed
}

#[test]
fn two_producers_that_see_growth_at_different_times_put_a_key_in_two_partitions() {
    let text = r#"
        question = "Who writes where while a topic grows?"
        run_for = "60s"
        timeline = [{ id = "grow", at = "20s", grow = "orders", to = 4 }]
        [topics.orders]
        partitions = 2
        replication_factor = 3
        [producers.early]
        topic = "orders"
        rate = "20/s"
        count = 1200
        keys = { cycle = 20 }
        config = { "metadata.max.age.ms" = "2s" }
        [producers.late]
        topic = "orders"
        rate = "20/s"
        count = 1200
        keys = { cycle = 20 }
        config = { "metadata.max.age.ms" = "30s" }
    "#;
    let placed = placed(text, 3);
    let grown = SimTime::from_nanos(20_000_000_000);
    let end = SimTime::from_nanos(60_000_000_000);
    let (early, late) = placed.noticed();
    assert!(grown < early && early <= SimTime::from_nanos(23_000_000_000));
    assert!(early < late && late <= SimTime::from_nanos(33_000_000_000));
    assert_eq!(placed.disputed(SimTime::ZERO, grown), []);
    let between = placed.disputed(early, late);
    assert!((5..20).contains(&between.len()), "{between:?}");
    assert_eq!(placed.disputed(late, end), []);
}

#[test]
fn two_producers_of_one_application_see_growth_at_different_times() {
    // Nobody can be reached at first, and each producer tries again in its own time.
    let text = r#"
        question = "Do the producers of one application agree?"
        run_for = "60s"
        timeline = [
          { id = "unreachable", at = "0s", isolate = "app", for = "15s" },
          { id = "grow", at = "40s", grow = "orders", to = 4 },
        ]
        [topics.orders]
        partitions = 2
        replication_factor = 3
        [producers.app]
        topic = "orders"
        rate = "100/s"
        count = 6000
        keys = { uniform = 20 }
        threads = 4
        producers = 2
        config = { "metadata.max.age.ms" = "12s", "socket.connection.setup.timeout.ms" = "10s" }
    "#;
    let placed = placed(text, 3);
    let grown = SimTime::from_nanos(40_000_000_000);
    let end = SimTime::from_nanos(60_000_000_000);
    let (early, late) = placed.noticed();
    assert!(grown < early && early < late, "{early:?} {late:?}");
    assert!(late <= grown + SimDuration::from_secs(13), "{late:?}");
    assert_eq!(placed.disputed(SimTime::ZERO, grown), []);
    let between = placed.disputed(early, late);
    assert!(
        (5..20).contains(&between.len()),
        "{early:?} {late:?} {between:?}"
    );
    assert_eq!(placed.disputed(late, end), []);
}
