//! Along a log offsets follow each other and leader epochs never fall. Holds whatever happens.
//!
//! Left out: gaps, which compaction will make.
//! Source: LeaderEpochFileCache's invariant; KIP-101.

use crate::check::guarantees::{Breach, Breaches, name};
use crate::kafka::ids::{LeaderEpoch, Offset};
use crate::kafka::view::ReplicaView;
use crate::sim::process::EventId;
use crate::sim::time::SimTime;

/// The checker.
#[derive(Clone, Debug)]
pub struct LeaderEpochsIncreaseAlongALog {
    breaches: Breaches,
}

impl Default for LeaderEpochsIncreaseAlongALog {
    fn default() -> Self {
        Self::new()
    }
}

impl LeaderEpochsIncreaseAlongALog {
    /// At the start of a run.
    pub fn new() -> Self {
        Self {
            breaches: Breaches::of("leader_epochs_increase_along_a_log"),
        }
    }

    /// All replicas, between two events.
    pub fn inspect(&mut self, at: SimTime, views: &[ReplicaView<'_>]) {
        for view in views {
            if let Some(problem) = problem(view) {
                let where_ = format!("{} on {}", name(view.tp), view.broker);
                let no_event = EventId::default();
                self.breaches
                    .add(at, vec![(no_event, where_), (no_event, problem)]);
            }
        }
    }

    /// What did not hold.
    pub fn violations(&self) -> &[Breach] {
        &self.breaches.found
    }
}

fn problem(view: &ReplicaView<'_>) -> Option<String> {
    let mut last: Option<(Offset, LeaderEpoch)> = None;
    for stored in view.batches() {
        match last {
            Some((end, _)) if stored.base_offset != end => {
                return Some(format!("offset {} follows {end}", stored.base_offset));
            }
            Some((end, epoch)) if stored.leader_epoch < epoch => {
                let earlier = stored.leader_epoch;
                return Some(format!("at {end} epoch {earlier} follows {epoch}"));
            }
            // Retention may end within the first batch.
            None if stored.base_offset > view.log_start => {
                return Some(format!("the log starts at {}", stored.base_offset));
            }
            Some(_) | None => {}
        }
        last = Some((stored.next_offset(), stored.leader_epoch));
    }
    let (end, epoch) = last?;
    if end != view.log_end {
        return Some(format!(
            "the last batch ends at {end}, the log at {}",
            view.log_end
        ));
    }
    (epoch > view.leader_epoch).then(|| {
        let own = view.leader_epoch;
        format!("the last batch is of epoch {epoch}, the replica of {own}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::guarantees::testing::{Replica, breaches, views};

    fn inspect(replica: Replica) -> String {
        let mut checker = LeaderEpochsIncreaseAlongALog::new();
        checker.inspect(SimTime::ZERO, &views(&[replica]));
        breaches(checker.violations())
    }

    #[test]
    fn it_fires_when_an_epoch_falls() {
        let replica = Replica::new(1).batch(0, &[1]).batch(2, &[2]).batch(1, &[3]);
        assert_eq!(
            inspect(replica),
            "partition 0 of topic 0 on b1; at 2 epoch 1 follows 2"
        );
    }

    #[test]
    fn it_fires_at_a_gap_and_at_an_overlap() {
        for offset in [1, 3] {
            let replica = Replica::new(1).batch(0, &[1, 2]).batch_at(offset, 0, &[3]);
            assert_eq!(
                inspect(replica),
                format!("partition 0 of topic 0 on b1; offset {offset} follows 2")
            );
        }
    }

    #[test]
    fn it_fires_when_a_replica_has_batches_of_an_epoch_to_come() {
        let mut replica = Replica::new(1).batch(3, &[1]);
        replica.epoch = 2;
        assert_ne!(inspect(replica), "");
    }

    #[test]
    fn it_is_silent_about_a_log_whose_start_retention_cut() {
        let mut replica = Replica::new(1)
            .starts_at(5)
            .batch_at(4, 0, &[1, 2])
            .batch(3, &[3]);
        replica.epoch = 7;
        assert_eq!(inspect(replica), "");
        assert_eq!(inspect(Replica::new(1)), "");
    }
}
