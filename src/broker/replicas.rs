//! The replicas of this broker, found by topic and partition without a map.

use crate::broker::partition::{Partition, Settings, Slot};
use crate::kafka::ids::TopicPartition;
use crate::log::Log;
use crate::sim::process::FileId;
use std::ops::{Index, IndexMut};

/// All replicas of one broker. Slots are never given to another partition.
#[derive(Clone, Debug, Default)]
pub(super) struct Replicas {
    slots: Vec<Partition>,
    /// By topic, then partition.
    by_topic: Vec<Vec<Option<Slot>>>,
}

impl Replicas {
    /// The slot of a partition.
    pub(super) fn slot(&self, tp: TopicPartition) -> Option<Slot> {
        let topic = self.by_topic.get(tp.topic.0 as usize)?;
        topic.get(tp.partition as usize).copied().flatten()
    }

    /// The slot of a partition, made now if there is none.
    pub(super) fn slot_or_new(
        &mut self,
        tp: TopicPartition,
        settings: Settings,
        jitter_key: impl FnOnce(u32) -> u64,
    ) -> Slot {
        if let Some(slot) = self.slot(tp) {
            return slot;
        }
        let slot = Slot(self.slots.len() as u32);
        let log = Log::open(jitter_key(slot.0), &settings.log.roll);
        self.slots
            .push(Partition::new(tp, FileId(slot.0), settings, log));
        let (topic, partition) = (tp.topic.0 as usize, tp.partition as usize);
        if self.by_topic.len() <= topic {
            self.by_topic.resize(topic + 1, Vec::new());
        }
        let topic = &mut self.by_topic[topic];
        if topic.len() <= partition {
            topic.resize(partition + 1, None);
        }
        topic[partition] = Some(slot);
        slot
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> u32 {
        self.slots.len() as u32
    }

    /// All slots, in the order in which the replicas were made.
    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..self.len()).map(Slot)
    }

    /// All replicas, by topic and partition.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Partition> {
        let slots = self.by_topic.iter().flatten().flatten();
        slots.map(|slot| &self[*slot])
    }

    /// All replicas.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.slots.iter_mut()
    }
}

impl Index<Slot> for Replicas {
    type Output = Partition;

    fn index(&self, slot: Slot) -> &Partition {
        &self.slots[slot.0 as usize]
    }
}

impl IndexMut<Slot> for Replicas {
    fn index_mut(&mut self, slot: Slot) -> &mut Partition {
        &mut self.slots[slot.0 as usize]
    }
}
