//! Hand-made replicas, facts and deliveries.

use std::sync::Arc;

use crate::check::guarantees::Breach;
use crate::delivery::{
    Delivery, GroupId, Outcome, Parcel, Part, Place, ReaderId, Record, RecordId, SenderId,
};
use crate::kafka::compression::Packing;
use crate::kafka::fact::{Fact, PartitionChangeCause, Role, TruncationCause};
use crate::kafka::ids::{
    BrokerId, LeaderEpoch, Offset, PartitionEpoch, ProducerEpoch, ProducerId, Sequence, TopicId,
    TopicPartition,
};
use crate::kafka::records::{
    Batch, BatchTimes, Payload, ProducerStamp, StoredBatch, TimestampType,
};
use crate::kafka::view::ReplicaView;
use crate::sim::clock::WallTime;

pub(super) const TP: TopicPartition = TopicPartition {
    topic: TopicId(0),
    partition: 0,
};
pub(super) const PLACE: Place = Place { stream: 0, lane: 0 };

pub(super) fn parcel(ids: &[u32]) -> Parcel {
    let record = |id: &u32| Record {
        id: RecordId(*id),
        key: None,
        value_size: 10,
        timestamp_delta: 0,
    };
    ids.iter().map(record).collect()
}

fn batch(ids: &[u32], producer: Option<ProducerStamp>) -> Arc<Batch> {
    Arc::new(Batch {
        records: parcel(ids),
        producer,
        times: BatchTimes {
            base: WallTime(0),
            max: WallTime(0),
        },
        timestamp_type: TimestampType::CreateTime,
        size_bytes: 100,
        packing: Packing::plain(100),
        payload: Payload::Descriptor,
    })
}

/// A replica of `TP`.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    broker: BrokerId,
    pub(super) epoch: u32,
    pub(super) leads: bool,
    high_watermark: u64,
    start: u64,
    batches: Vec<StoredBatch>,
}

impl Replica {
    /// A follower with an empty log.
    pub(super) fn new(broker: u32) -> Self {
        Self {
            broker: BrokerId(broker),
            epoch: 0,
            leads: false,
            high_watermark: 0,
            start: 0,
            batches: Vec::new(),
        }
    }

    pub(super) fn starts_at(mut self, offset: u64) -> Self {
        self.start = offset;
        self
    }

    fn end(&self) -> u64 {
        let end = self.batches.last().map(StoredBatch::next_offset);
        end.map_or(self.start, |end| end.0)
    }

    pub(super) fn batch(self, epoch: u32, ids: &[u32]) -> Self {
        let end = self.end();
        self.batch_at(end, epoch, ids)
    }

    pub(super) fn batch_at(self, offset: u64, epoch: u32, ids: &[u32]) -> Self {
        self.store(offset, epoch, batch(ids, None))
    }

    pub(super) fn stamped(self, producer: u64, epoch: u16, sequence: u32, ids: &[u32]) -> Self {
        let stamp = ProducerStamp {
            id: ProducerId(producer),
            epoch: ProducerEpoch(epoch),
            base_sequence: Sequence(sequence),
        };
        let end = self.end();
        self.store(end, 0, batch(ids, Some(stamp)))
    }

    fn store(mut self, offset: u64, epoch: u32, batch: Arc<Batch>) -> Self {
        self.epoch = self.epoch.max(epoch);
        self.batches.push(StoredBatch {
            base_offset: Offset(offset),
            leader_epoch: LeaderEpoch(epoch),
            batch,
        });
        self
    }

    pub(super) fn committed(mut self, high_watermark: u64) -> Self {
        self.high_watermark = high_watermark;
        self
    }

    pub(super) fn leader(mut self, epoch: u32) -> Self {
        self.leads = true;
        self.epoch = epoch;
        self
    }

    fn view(&self) -> ReplicaView<'_> {
        ReplicaView {
            broker: self.broker,
            tp: TP,
            is_leader: self.leads,
            leader_epoch: LeaderEpoch(self.epoch),
            high_watermark: Offset(self.high_watermark),
            log_start: Offset(self.start),
            log_end: Offset(self.end()),
            isr: &[],
            segments: vec![&self.batches],
        }
    }
}

pub(super) fn views(replicas: &[Replica]) -> Vec<ReplicaView<'_>> {
    replicas.iter().map(Replica::view).collect()
}

/// What was found, in words.
pub(super) fn breaches(found: &[Breach]) -> String {
    let words = found.iter().map(|breach| {
        let evidence = breach.evidence.iter().map(|(_, words)| words.as_str());
        evidence.collect::<Vec<_>>().join("; ")
    });
    words.collect::<Vec<_>>().join(" | ")
}

/// A batch of records that were made at 0 ms, of epoch 0.
pub(super) fn stored(offset: u64, ids: &[u32]) -> StoredBatch {
    StoredBatch {
        base_offset: Offset(offset),
        leader_epoch: LeaderEpoch(0),
        batch: batch(ids, None),
    }
}

pub(super) fn appended(broker: u32, role: Role, offset: u64, epoch: u32, ids: &[u32]) -> Fact {
    Fact::Appended {
        broker: BrokerId(broker),
        role,
        tp: TP,
        stored: StoredBatch {
            base_offset: Offset(offset),
            leader_epoch: LeaderEpoch(epoch),
            batch: batch(ids, None),
        },
    }
}

pub(super) fn partition_changed(leader: Option<u32>, epoch: u32, isr: &[u32]) -> Fact {
    Fact::PartitionChanged {
        tp: TP,
        leader: leader.map(BrokerId),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(epoch),
        isr: isr.iter().map(|id| BrokerId(*id)).collect(),
        isr_before: [].into(),
        replicas: 3,
        why: PartitionChangeCause::Fenced,
    }
}

pub(super) fn unclean_election(tp: TopicPartition, leader: u32, epoch: u32) -> Fact {
    Fact::PartitionChanged {
        tp,
        leader: Some(BrokerId(leader)),
        leader_epoch: LeaderEpoch(epoch),
        partition_epoch: PartitionEpoch(epoch),
        isr: [BrokerId(leader)].into(),
        isr_before: [].into(),
        replicas: 3,
        why: PartitionChangeCause::UncleanElection,
    }
}

pub(super) fn became_leader(broker: u32, epoch: u32, end: u64, high_watermark: u64) -> Fact {
    Fact::BecameLeader {
        broker: BrokerId(broker),
        tp: TP,
        leader_epoch: LeaderEpoch(epoch),
        log_end: Offset(end),
        high_watermark: Offset(high_watermark),
    }
}

pub(super) fn became_follower(broker: u32, epoch: u32, leader: Option<u32>) -> Fact {
    Fact::BecameFollower {
        broker: BrokerId(broker),
        tp: TP,
        leader_epoch: LeaderEpoch(epoch),
        leader: leader.map(BrokerId),
    }
}

pub(super) fn advanced(broker: u32, role: Role, epoch: u32, to: u64) -> Fact {
    Fact::HighWatermarkAdvanced {
        broker: BrokerId(broker),
        role,
        tp: TP,
        leader_epoch: LeaderEpoch(epoch),
        high_watermark: Offset(to),
    }
}

pub(super) fn truncated(broker: u32, from: u64, to: u64, why: TruncationCause) -> Fact {
    Fact::Truncated {
        broker: BrokerId(broker),
        tp: TP,
        to: Offset(to),
        from: Offset(from),
        why,
    }
}

pub(super) fn reset(to: u64) -> Fact {
    Fact::PositionReset {
        tp: TP,
        from: None,
        to: Offset(to),
    }
}

pub(super) fn acked(offset: Option<u64>, ids: &[u32]) -> Delivery {
    Delivery::Told {
        by: SenderId(0),
        place: PLACE,
        parcel: parcel(ids),
        outcome: Outcome::Acked(offset),
    }
}

/// Member `member` of group 0 reads all of a batch at `offset`.
pub(super) fn read(member: u32, offset: u64, ids: &[u32]) -> Delivery {
    Delivery::Read {
        by: ReaderId {
            group: GroupId(0),
            member,
        },
        place: PLACE,
        base_offset: offset,
        parcel: parcel(ids),
        part: Part {
            from: 0,
            to: ids.len() as u32,
        },
    }
}
