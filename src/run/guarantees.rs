//! Guarantees that hold whatever the settings, checked while a run goes and when it has ended.

use crate::check::guarantees::{Guarantees, Promises};
use crate::cluster::Cluster;
use crate::cluster::process::{AnyProcess, Fact};
use crate::kafka::api::produce::Acks;
use crate::run::Violation;
use crate::scenario::model::Setup;
use crate::sim::observe::{Observer, Occasion};

/// Runs of more records than this are not checked fact by fact: they measure scale.
const RECORDS_MAX: u64 = 100_000;

/// All checkers at work on a run.
#[derive(Clone, Debug)]
pub struct Checked {
    guarantees: Option<Box<Guarantees>>,
}

impl Checked {
    /// The checkers for a set-up; none for a scale run.
    pub fn of(setup: &Setup) -> Self {
        let producers = &setup.cluster.producers;
        let records: u64 = producers.iter().map(|p| u64::from(p.plan.count)).sum();
        let promises = Promises {
            acks_all: producers.iter().all(|p| p.config.acks == Acks::All),
            acks_survive: false,
        };
        let wanted = records <= RECORDS_MAX;
        Self {
            guarantees: wanted.then(|| Box::new(Guarantees::new(promises))),
        }
    }

    /// The checkers under other promises, whatever the size.
    pub fn promising(promises: Promises) -> Self {
        Self {
            guarantees: Some(Box::new(Guarantees::new(promises))),
        }
    }

    /// Looks at all replicas as they are now.
    pub fn inspect(&mut self, cluster: &Cluster) {
        if let Some(guarantees) = &mut self.guarantees {
            guarantees.inspect(cluster.world.now(), &cluster.living_replicas());
        }
    }

    /// Looks at all replicas for the last time.
    pub fn finish(&mut self, cluster: &Cluster) {
        if let Some(guarantees) = &mut self.guarantees {
            guarantees.finish(cluster.world.now(), &cluster.replicas());
        }
    }

    /// What broke.
    pub fn violations(&self) -> Vec<Violation> {
        let found = self
            .guarantees
            .iter()
            .flat_map(|guarantees| guarantees.violations());
        found
            .map(|breach| Violation {
                guarantee: breach.guarantee,
                at: breach.at,
                evidence: breach
                    .evidence
                    .iter()
                    .map(|(event, words)| match event.0 {
                        0 => words.clone(),
                        number => format!("{words} (e{number})"),
                    })
                    .collect(),
            })
            .collect()
    }
}

impl Observer<AnyProcess> for Checked {
    fn fact(&mut self, occasion: &Occasion, fact: &Fact) {
        let Some(guarantees) = &mut self.guarantees else {
            return;
        };
        match fact {
            Fact::Kafka(fact) => guarantees.fact(occasion.at, occasion.event, fact),
            Fact::Delivery(fact) => guarantees.delivery(occasion.at, occasion.event, fact),
        }
    }
}
