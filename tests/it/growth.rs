//! What clients make of a topic that gets more partitions: each sees it in its own time.

use std::collections::BTreeMap;
use std::sync::Arc;

use retrial::cluster::process::{AnyProcess, Fact};
use retrial::delivery::KeyId;
use retrial::kafka::fact::{Fact as Kafka, Role};
use retrial::run::drive::Run;
use retrial::sim::observe::{Observer, Occasion};
use retrial::sim::time::SimTime;

use crate::case::parse;

/// How many records the first producer sends; the second one's are numbered on.
const FIRST: u32 = 1_200;

/// The partitions that leaders have put each key's records in, by producer.
#[derive(Default)]
struct Placed(Vec<(SimTime, Producer, KeyId, u32)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Producer {
    Early,
    Late,
}

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
        for record in stored.batch.records.iter() {
            let producer = if record.id.0 < FIRST {
                Producer::Early
            } else {
                Producer::Late
            };
            let key = record.key.expect("all have keys");
            self.0.push((occasion.at, producer, key, tp.partition));
        }
    }
}

impl Placed {
    /// When a producer first wrote to a partition that was not there at the start.
    fn noticed(&self, by: Producer) -> SimTime {
        let mut writes = self.0.iter();
        let first = writes.find(|(_, producer, _, partition)| *producer == by && *partition >= 2);
        first.expect("it has noticed").0
    }

    /// The keys that the two put in different partitions between two times.
    fn disputed(&self, from: SimTime, to: SimTime) -> Vec<KeyId> {
        let mut places: BTreeMap<KeyId, BTreeMap<Producer, u32>> = BTreeMap::new();
        for (at, producer, key, partition) in &self.0 {
            if (from..to).contains(at) {
                places
                    .entry(*key)
                    .or_default()
                    .insert(*producer, *partition);
            }
        }
        let differ = |of: &BTreeMap<Producer, u32>| {
            of.len() == 2 && of[&Producer::Early] != of[&Producer::Late]
        };
        let disputed = places.iter().filter(|(_, of)| differ(of));
        disputed.map(|(key, _)| *key).collect()
    }
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
    let scenario = parse(text);
    let setup = scenario.variants[0].setup.clone();
    let mut run = Run::new(Arc::new(setup.expect("nothing is refused")), 3);
    let mut placed = Placed::default();
    run.to_the_end(&mut placed);

    let grown = SimTime::from_nanos(20_000_000_000);
    let end = SimTime::from_nanos(60_000_000_000);
    let (early, late) = (
        placed.noticed(Producer::Early),
        placed.noticed(Producer::Late),
    );
    assert!(grown < early && early <= SimTime::from_nanos(23_000_000_000));
    assert!(early < late && late <= SimTime::from_nanos(33_000_000_000));
    assert_eq!(placed.disputed(SimTime::ZERO, grown), []);
    let between = placed.disputed(early, late);
    assert!((5..20).contains(&between.len()), "{between:?}");
    assert_eq!(placed.disputed(late, end), []);
}
