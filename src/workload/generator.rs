//! What a producer application sends, record by record, and when.
//!
//! Modelled: arrivals that do not wait for the application (what came while it was blocked is sent
//! at once afterwards), keys, sizes. Left out: bursts, skewed keys, sizes that vary.

use crate::delivery::{KeyId, Record, RecordId};
use crate::sim::rng::{Rng, Streams};
use crate::sim::time::SimTime;
use crate::workload::{Arrivals, Keys, Placement, SendPlan};

/// A record before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Identity.
    pub id: RecordId,
    /// The key, or none.
    pub key: Option<KeyId>,
    /// Bytes of the value.
    pub value_size: u32,
}

impl Draft {
    /// The record in a batch whose first timestamp is so many milliseconds earlier.
    #[inline]
    pub fn at(self, timestamp_delta: i32) -> Record {
        Record {
            id: self.id,
            key: self.key,
            value_size: self.value_size,
            timestamp_delta,
        }
    }
}

/// The records of a plan, in order.
#[derive(Clone, Debug)]
pub struct Generator {
    plan: SendPlan,
    arrival_rng: Rng,
    key_rng: Rng,
    taken: u32,
    /// When the next record arrives.
    next_at: SimTime,
}

impl Generator {
    /// The records of `plan`; arrivals and keys are drawn from streams of the sender's own.
    pub fn new(plan: SendPlan, streams: &Streams) -> Self {
        let sender = plan.sender.0;
        Self {
            arrival_rng: streams.stream(&format!("workload/{sender}/arrivals")),
            key_rng: streams.stream(&format!("workload/{sender}/keys")),
            plan,
            taken: 0,
            next_at: SimTime::NEVER,
        }
    }

    /// The plan.
    pub fn plan(&self) -> &SendPlan {
        &self.plan
    }

    /// The application starts, or starts again: arrivals go on from here.
    pub fn start(&mut self, now: SimTime) {
        self.next_at = now;
        self.advance();
    }

    /// When the next record arrives; none when all have been taken.
    pub fn next_arrival(&self) -> Option<SimTime> {
        (self.taken < self.plan.count).then_some(self.next_at)
    }

    /// The next record, if it has arrived.
    #[inline]
    pub fn take(&mut self, now: SimTime) -> Option<Draft> {
        if self.next_at > now || self.taken == self.plan.count {
            return None;
        }
        let number = self.taken;
        let key = match self.plan.keys {
            Keys::Null => None,
            Keys::Uniform { count } => Some(KeyId(self.key_rng.below(u64::from(count)) as u32)),
            Keys::Cycle { count } => Some(KeyId(number % count)),
        };
        self.taken += 1;
        self.advance();
        Some(Draft {
            id: RecordId(self.plan.first.0 + number),
            key,
            value_size: self.plan.value_size,
        })
    }

    /// The partition that the application wants for a record; none when it leaves that to the
    /// partitioner.
    #[inline]
    pub fn partition_of(&self, draft: Draft) -> Option<u32> {
        match &self.plan.placement {
            Placement::Partitioner => None,
            Placement::Fixed(partition) => Some(*partition),
            Placement::KeyModulo => draft.key.map(|key| key.0 % self.plan.partitions),
            Placement::Listed(list) => {
                let number = (draft.id.0 - self.plan.first.0) as usize;
                Some(list[number % list.len()])
            }
        }
    }

    #[inline]
    fn advance(&mut self) {
        match self.plan.arrivals {
            Arrivals::Every { period } => self.next_at += period,
            Arrivals::Poisson { mean } => self.next_at += self.arrival_rng.exponential(mean),
            Arrivals::Flood => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::SenderId;
    use crate::kafka::ids::TopicId;
    use crate::sim::ratio::Ratio;
    use crate::sim::time::SimDuration;
    use crate::workload::Behaviour;

    fn generator(arrivals: Arrivals, keys: Keys, count: u32) -> Generator {
        let plan = SendPlan {
            sender: SenderId(0),
            topic: TopicId(0),
            partitions: 1,
            first: RecordId(100),
            count,
            start: SimDuration::ZERO,
            arrivals,
            keys,
            placement: Placement::Partitioner,
            value_size: 10,
            compression_ratio: Ratio::ONE,
            behaviour: Behaviour::default(),
            keep_payload: false,
        };
        Generator::new(plan, &Streams::new(3))
    }

    fn at(millis: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(millis)
    }

    #[test]
    fn records_arrive_each_period_the_first_after_one() {
        let period = SimDuration::from_millis(10);
        let mut generator = generator(Arrivals::Every { period }, Keys::Null, 2);
        generator.start(at(5));
        assert_eq!(generator.take(at(14)), None);
        assert_eq!(generator.next_arrival(), Some(at(15)));
        assert_eq!(generator.take(at(15)).map(|d| d.id), Some(RecordId(100)));
        assert_eq!(generator.next_arrival(), Some(at(25)));
        // What came while the application was busy is there at once.
        assert_eq!(generator.take(at(90)).map(|d| d.id), Some(RecordId(101)));
        assert_eq!(generator.next_arrival(), None);
        assert_eq!(generator.take(at(99)), None);
    }

    #[test]
    fn poisson_arrivals_are_the_mean_apart_on_average() {
        let mean = SimDuration::from_millis(2);
        let mut generator = generator(Arrivals::Poisson { mean }, Keys::Null, 50_000);
        generator.start(at(0));
        let mut last = SimTime::ZERO;
        while let Some(time) = generator.next_arrival() {
            last = time;
            generator.take(time);
        }
        assert!(last.as_millis().abs_diff(100_000) < 2_000, "{last:?}");
    }

    #[test]
    fn a_flood_has_every_record_at_once() {
        let mut generator = generator(Arrivals::Flood, Keys::Cycle { count: 2 }, 3);
        generator.start(at(7));
        let keys: Vec<_> = std::iter::from_fn(|| generator.take(at(7))).collect();
        let keys: Vec<u32> = keys.iter().map(|d| d.key.unwrap().0).collect();
        assert_eq!(keys, [0, 1, 0]);
    }

    #[test]
    fn uniform_keys_are_all_used() {
        let mut generator = generator(Arrivals::Flood, Keys::Uniform { count: 8 }, 8_000);
        generator.start(at(0));
        let mut counts = [0_u32; 8];
        while let Some(draft) = generator.take(at(0)) {
            counts[draft.key.unwrap().0 as usize] += 1;
        }
        assert!(counts.iter().all(|c| c.abs_diff(1_000) < 200), "{counts:?}");
    }

    #[test]
    fn an_application_can_choose_partitions_itself() {
        let mut generator = generator(Arrivals::Flood, Keys::Cycle { count: 5 }, 4);
        generator.plan.partitions = 3;
        generator.start(at(0));
        let drafts: Vec<Draft> = std::iter::from_fn(|| generator.take(at(0))).collect();
        for (placement, expected) in [
            (Placement::Partitioner, [None; 4]),
            (Placement::Fixed(2), [Some(2); 4]),
            (Placement::KeyModulo, [0, 1, 2, 0].map(Some)),
            (Placement::Listed([2, 0].into()), [2, 0, 2, 0].map(Some)),
        ] {
            generator.plan.placement = placement;
            let found: Vec<_> = drafts.iter().map(|d| generator.partition_of(*d)).collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_restarted_application_goes_on_with_the_next_record_from_now() {
        let period = SimDuration::from_millis(10);
        let mut generator = generator(Arrivals::Every { period }, Keys::Null, 9);
        generator.start(at(0));
        generator.take(at(10));
        generator.start(at(1_000));
        assert_eq!(generator.next_arrival(), Some(at(1_010)));
        let next = generator.take(at(1_010)).unwrap();
        assert_eq!(next.id, RecordId(101));
    }
}
