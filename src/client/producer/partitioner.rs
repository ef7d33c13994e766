//! Which partition a record goes to: by key, or sticky by bytes with weights by queue length.
//!
//! Modelled: hashes over all partitions for keyed records; the built-in sticky partitioner and
//! its adaptive weights (KIP-794); exclusion of partitions of brokers that do not drain; those of
//! older versions, in turn or sticky by batch (KIP-480); those of kafkajs and librdkafka.
//! Left out: rack awareness, partitioners of an application's own.
//! Source: BuiltInPartitioner, RecordAccumulator.partitionReady, RoundRobinPartitioner,
//! StickyPartitionCache (3.2); kafkajs 2.2.4; rdkafka_msg.c of librdkafka.

use crate::delivery::KeyId;
use crate::kafka::partitioner::{KeyHash, PartitionerClass, partition_by};
use crate::sim::rng::Rng;
use crate::sim::time::{SimDuration, SimTime};

/// Keys up to this number are remembered.
const REMEMBERED_KEYS: u32 = 1 << 20;

/// sticky.partitioning.linger.ms of librdkafka.
const RANDOM_FOR: SimDuration = SimDuration::from_millis(10);

/// How records are placed that no key places.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keyless {
    /// Sticky by bytes: see [`Sticky`].
    ByBytes,
    /// The same partition until a new batch begins.
    ByBatch {
        /// The partition, once there is one.
        current: Option<u32>,
    },
    /// One partition after the other.
    InTurn {
        /// The number of the next choice.
        next: u32,
        /// Whether a record that begins a batch takes the choice after that.
        asked: Asked,
    },
    /// Another draw for each record.
    Random,
    /// A draw that holds for a while.
    RandomFor {
        /// The partition, once there is one.
        current: Option<u32>,
        /// When it is drawn again.
        until: SimTime,
    },
}

/// How often a partitioner is asked for a record that begins a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Once.
    Once,
    /// Once more, which moves it on (KAFKA-9965).
    Twice,
}

impl Keyless {
    /// As this partitioner does it.
    pub(super) fn new(class: PartitionerClass, rng: &mut Rng) -> Self {
        let in_turn = |next, asked| Self::InTurn { next, asked };
        match class {
            PartitionerClass::BuiltIn => Self::ByBytes,
            PartitionerClass::RoundRobin | PartitionerClass::Default23 => in_turn(0, Asked::Once),
            PartitionerClass::RoundRobinAskedTwice => in_turn(0, Asked::Twice),
            PartitionerClass::StickyByBatch | PartitionerClass::UniformSticky => {
                Self::ByBatch { current: None }
            }
            // It counts up before it chooses.
            PartitionerClass::KafkaJs => {
                in_turn((rng.below(1 << 32) as u32).wrapping_add(1), Asked::Once)
            }
            PartitionerClass::ConsistentRandom | PartitionerClass::Murmur2Random => {
                Self::RandomFor {
                    current: None,
                    until: SimTime::ZERO,
                }
            }
            PartitionerClass::Random => Self::Random,
        }
    }

    /// When a partition drawn at `now` is drawn again.
    pub(super) fn drawn_until(now: SimTime) -> SimTime {
        now + RANDOM_FOR
    }
}

/// The partitions of keys, each computed once.
#[derive(Clone, Debug)]
pub(super) struct KeyTable {
    /// None when keys place nothing.
    hash: Option<KeyHash>,
    partitions: u32,
    /// By key: the partition and one more, or 0 when it was not computed yet.
    by_key: Vec<u32>,
}

impl KeyTable {
    /// Nothing computed yet.
    pub(super) fn new(hash: Option<KeyHash>) -> Self {
        Self {
            hash,
            partitions: 0,
            by_key: Vec::new(),
        }
    }

    /// The partition of a key among `partitions`, available or not; none when keys do not matter.
    #[inline]
    pub(super) fn partition(&mut self, key: KeyId, partitions: u32) -> Option<u32> {
        match self.by_key.get(key.0 as usize) {
            Some(known) if *known != 0 && self.partitions == partitions => Some(*known - 1),
            Some(_) | None => Some(self.compute(self.hash?, key, partitions)),
        }
    }

    #[cold]
    fn compute(&mut self, hash: KeyHash, key: KeyId, partitions: u32) -> u32 {
        if self.partitions != partitions {
            self.partitions = partitions;
            self.by_key.clear();
        }
        let partition = partition_by(hash, key, partitions);
        if key.0 < REMEMBERED_KEYS {
            let index = key.0 as usize;
            if self.by_key.len() <= index {
                self.by_key.resize(index + 1, 0);
            }
            self.by_key[index] = partition + 1;
        }
        partition
    }
}

/// The partition that records without a key go to now.
#[derive(Clone, Debug)]
pub(super) struct Sticky {
    batch_size: u32,
    current: Option<u32>,
    produced: u32,
}

impl Sticky {
    /// Changes partition about every `batch_size` bytes.
    pub(super) fn new(batch_size: u32) -> Self {
        Self {
            batch_size: batch_size.max(1),
            current: None,
            produced: 0,
        }
    }

    /// The current partition, once there is one.
    #[inline]
    pub(super) fn current(&self) -> Option<u32> {
        self.current
    }

    /// Goes on with another partition.
    pub(super) fn switch_to(&mut self, partition: u32) {
        self.current = Some(partition);
        self.produced = 0;
    }

    /// Counts bytes that were appended. True when the next record belongs to another partition:
    /// after a batch's worth of bytes if no batch of the partition is left half full, after two in
    /// any case.
    #[inline]
    pub(super) fn appended(&mut self, bytes: u32, queue: QueueTail) -> bool {
        self.produced += bytes;
        match queue {
            QueueTail::Full => self.produced >= self.batch_size,
            QueueTail::Open => self.produced >= self.batch_size.saturating_mul(2),
        }
    }
}

/// Whether the last batch of a partition's queue can take more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueTail {
    /// There is no batch, or the last one is full.
    Full,
    /// The last batch has room.
    Open,
}

/// A partition that can be chosen and the batches that wait in its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// The partition.
    pub(super) partition: u32,
    /// Batches in its queue.
    pub(super) queue: u32,
    /// True while its broker takes no batches (partitioner.availability.timeout.ms).
    pub(super) excluded: bool,
}

/// How the next sticky partition is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weighting {
    /// All alike.
    Uniform,
    /// The shorter the queue, the likelier (partitioner.adaptive.partitioning.enable).
    Adaptive,
}

/// Draws the next partition. `available` are those with a leader, `all` is how many there are.
pub(super) fn next_partition(
    rng: &mut Rng,
    available: &[Candidate],
    all: u32,
    weighting: Weighting,
) -> u32 {
    let open: Vec<Candidate> = available.iter().copied().filter(|c| !c.excluded).collect();
    let all_equal = open.iter().all(|c| c.queue == open[0].queue) && open.len() == all as usize;
    if weighting == Weighting::Uniform || open.is_empty() || all < 2 || all_equal {
        let Some(count) = std::num::NonZero::new(available.len() as u64) else {
            return rng.below(u64::from(all)) as u32;
        };
        return available[rng.below(count.get()) as usize].partition;
    }
    let mut table: Vec<u32> = open.iter().map(|c| c.queue).collect();
    cumulate(&mut table);
    let end = *table.last().expect("some partition is open");
    let drawn = rng.below(u64::from(end)) as u32;
    let index = table.partition_point(|bound| *bound <= drawn);
    open[index].partition
}

/// Draws another of these partitions than `before`, if there is another.
pub(super) fn other_partition(rng: &mut Rng, among: &[u32], before: Option<u32>) -> u32 {
    if let [only] = among {
        return *only;
    }
    loop {
        let partition = among[rng.below(among.len() as u64) as usize];
        if Some(partition) != before {
            return partition;
        }
    }
}

/// Turns queue lengths into a cumulative frequency table of `longest + 1 - length`.
fn cumulate(queues: &mut [u32]) {
    let top = queues.iter().max().copied().unwrap_or(0) + 1;
    let mut sum = 0;
    for queue in queues {
        sum += top - *queue;
        *queue = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rng::Streams;

    fn candidates(queues: &[u32]) -> Vec<Candidate> {
        (0..)
            .zip(queues)
            .map(|(partition, queue)| Candidate {
                partition,
                queue: *queue,
                excluded: false,
            })
            .collect()
    }

    fn draws(available: &[Candidate], all: u32, weighting: Weighting) -> Vec<u32> {
        let mut rng = Streams::new(7).stream("partitioner");
        let mut counts = vec![0; all as usize];
        for _ in 0..80_000 {
            counts[next_partition(&mut rng, available, all, weighting) as usize] += 1;
        }
        counts
    }

    #[test]
    fn queue_lengths_become_a_cumulative_table_of_inverted_lengths() {
        for (queues, expected) in [
            (vec![0, 3, 1], vec![4, 5, 8]),
            (vec![5, 0, 3, 0, 1], vec![1, 7, 10, 16, 21]),
        ] {
            let mut table = queues;
            cumulate(&mut table);
            assert_eq!(table, expected);
        }
    }

    #[test]
    fn a_short_queue_is_chosen_in_proportion_to_its_weight() {
        let counts = draws(&candidates(&[0, 3, 1]), 3, Weighting::Adaptive);
        for (count, weight) in counts.iter().zip([4, 1, 3]) {
            assert!(count.abs_diff(weight * 10_000) < 500, "{counts:?}");
        }
    }

    #[test]
    fn without_adaptive_partitioning_queues_do_not_matter() {
        let counts = draws(&candidates(&[0, 9, 0, 0]), 4, Weighting::Uniform);
        assert!(
            counts.iter().all(|count| count.abs_diff(20_000) < 600),
            "{counts:?}"
        );
    }

    #[test]
    fn only_partitions_with_a_leader_are_drawn_unless_there_is_none() {
        let some = candidates(&[0, 0]);
        assert_eq!(draws(&some[1..], 2, Weighting::Uniform), [0, 80_000]);
        assert!(
            draws(&[], 2, Weighting::Adaptive)
                .iter()
                .all(|count| *count > 0)
        );
    }

    #[test]
    fn an_excluded_partition_is_never_drawn_while_another_is_open() {
        let mut some = candidates(&[0, 0, 0]);
        some[2].excluded = true;
        let counts = draws(&some, 3, Weighting::Adaptive);
        assert!(
            counts[0] > 0 && counts[1] > 0 && counts[2] == 0,
            "{counts:?}"
        );
    }

    #[test]
    fn the_sticky_partition_changes_after_batch_size_bytes_when_no_batch_is_half_full() {
        let mut sticky = Sticky::new(100);
        sticky.switch_to(3);
        assert!(!sticky.appended(99, QueueTail::Full));
        assert!(!sticky.appended(1, QueueTail::Open));
        assert!(sticky.appended(0, QueueTail::Full));
    }

    #[test]
    fn the_sticky_partition_changes_after_twice_batch_size_bytes_in_any_case() {
        let mut sticky = Sticky::new(100);
        assert!(!sticky.appended(199, QueueTail::Open));
        assert!(sticky.appended(1, QueueTail::Open));
    }

    #[test]
    fn a_key_keeps_its_partition_until_the_number_of_partitions_changes() {
        for hash in [KeyHash::Murmur2, KeyHash::Crc32] {
            let mut table = KeyTable::new(Some(hash));
            for partitions in [6, 12] {
                for key in (0..50).chain(0..50).map(KeyId) {
                    let expected = partition_by(hash, key, partitions);
                    assert_eq!(table.partition(key, partitions), Some(expected));
                }
            }
        }
        assert_eq!(KeyTable::new(None).partition(KeyId(1), 6), None);
    }
}
