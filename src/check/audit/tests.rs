//! Each word of the audit from a hand-made list of facts, and the whole against a naive one.

mod measures;
mod random;
mod words;

use std::sync::Arc;

use proptest::prelude::*;

use crate::check::audit::{Audit, Audited, End, GroupPlan, Plan, SenderPlan, naive};
use crate::delivery::{
    Delivery, GroupId, KeyId, Outcome, Parcel, Part, Place, ReaderId, Record, RecordId, SenderId,
};
use crate::kafka::compression::Packing;
use crate::kafka::ids::{BrokerId, LeaderEpoch, Offset, TopicId, TopicPartition};
use crate::kafka::records::{Batch, BatchTimes, Payload, StoredBatch, TimestampType};
use crate::kafka::view::ReplicaView;
use crate::sim::clock::WallTime;
use crate::sim::time::{SimDuration, SimTime};

/// What the audit is told.
#[derive(Clone, Debug)]
pub(super) enum Note {
    Delivery(Delivery),
    Expired(Vec<u32>),
    Lost(Place),
    Found(Place),
}

/// One replica in the end; its batches follow each other from offset 0.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) place: Place,
    pub(super) leads: bool,
    pub(super) epoch: u32,
    pub(super) log_start: u64,
    pub(super) high_watermark: u64,
    pub(super) batches: Vec<Vec<u32>>,
}

impl Log {
    pub(super) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.batches.iter().flatten().copied()
    }
}

/// A run in the words of the audit.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) plan: Plan,
    pub(super) notes: Vec<(u64, Note)>,
    pub(super) replicas: Vec<Log>,
    pub(super) end: u64,
    pub(super) lag_steps: u32,
}

const P0: Place = Place { stream: 0, lane: 0 };
const P1: Place = Place { stream: 0, lane: 1 };
const OTHER: Place = Place { stream: 1, lane: 0 };

/// Every fifth record has no key; the others share three.
fn record(id: u32) -> Record {
    Record {
        id: RecordId(id),
        key: (!id.is_multiple_of(5)).then_some(KeyId(id % 3)),
        value_size: 100,
        timestamp_delta: 0,
    }
}

fn parcel(ids: &[u32]) -> Parcel {
    ids.iter().map(|id| record(*id)).collect()
}

fn whole(ids: &[u32]) -> Part {
    Part {
        from: 0,
        to: ids.len() as u32,
    }
}

fn stored(base: u64, ids: &[u32]) -> StoredBatch {
    StoredBatch {
        base_offset: Offset(base),
        leader_epoch: LeaderEpoch(0),
        batch: Arc::new(Batch {
            records: parcel(ids),
            producer: None,
            times: BatchTimes {
                base: WallTime(0),
                max: WallTime(0),
            },
            timestamp_type: TimestampType::CreateTime,
            size_bytes: 100,
            packing: Packing::plain(100),
            payload: Payload::Descriptor,
        }),
    }
}

impl Case {
    /// Two senders with 40 records each, to a stream of two lanes and one of one; one group reads
    /// both; the faults heal at 100.
    fn new() -> Self {
        Self {
            plan: Plan {
                senders: vec![
                    SenderPlan {
                        first: RecordId(0),
                        count: 40,
                        stream: 0,
                    },
                    SenderPlan {
                        first: RecordId(40),
                        count: 40,
                        stream: 1,
                    },
                ],
                streams: vec![2, 1],
                groups: vec![GroupPlan {
                    streams: vec![0, 1],
                    interleaved: false,
                }],
                heal_at: SimTime::from_nanos(100),
            },
            notes: Vec::new(),
            replicas: Vec::new(),
            end: 200,
            lag_steps: 10,
        }
    }

    fn note(&mut self, at: u64, fact: Delivery) -> &mut Self {
        self.notes.push((at, Note::Delivery(fact)));
        self
    }

    fn sent(&mut self, at: u64, first: u32, count: u32) -> &mut Self {
        let by = SenderId(first / 40);
        self.note(
            at,
            Delivery::Sent {
                by,
                stream: by.0,
                first: RecordId(first),
                count,
            },
        )
    }

    fn told(&mut self, at: u64, ids: &[u32], outcome: Outcome) -> &mut Self {
        let by = SenderId(ids[0] / 40);
        self.note(
            at,
            Delivery::Told {
                by,
                place: P0,
                parcel: parcel(ids),
                outcome,
            },
        )
    }

    fn acked(&mut self, at: u64, ids: &[u32]) -> &mut Self {
        self.told(at, ids, Outcome::Acked(None))
    }

    fn read(&mut self, at: u64, group: u32, place: Place, ids: &[u32]) -> &mut Self {
        self.note(
            at,
            Delivery::Read {
                by: reader(group),
                place,
                base_offset: 0,
                parcel: parcel(ids),
                part: whole(ids),
            },
        )
    }

    fn processed(&mut self, at: u64, each: u64, base_offset: u64, ids: &[u32]) -> &mut Self {
        self.note(
            at,
            Delivery::Processed {
                by: reader(0),
                place: P0,
                base_offset,
                parcel: parcel(ids),
                part: whole(ids),
                each: SimDuration::from_nanos(each),
            },
        )
    }

    /// The leader's log of `P0` in the end, all of it below the high watermark.
    fn log(&mut self, batches: &[&[u32]]) -> &mut Self {
        let log = leader(P0, batches);
        self.replicas.push(log);
        self
    }

    fn run(&self) -> Audited {
        let mut audit = Audit::new(&self.plan);
        for (index, (at, note)) in (1..).zip(&self.notes) {
            let at = SimTime::from_nanos(*at);
            match note {
                Note::Delivery(fact) => audit.delivery(at, fact),
                Note::Expired(ids) => {
                    // Each is a copy of its own.
                    let mut copy = stored(0, ids);
                    copy.leader_epoch = LeaderEpoch(index);
                    audit.removed(P0, &[copy]);
                }
                Note::Lost(place) => audit.leader_lost(at, *place),
                Note::Found(place) => audit.leader_found(at, *place),
            }
        }
        let logs: Vec<Vec<StoredBatch>> = self.replicas.iter().map(batches).collect();
        let replicas: Vec<ReplicaView<'_>> = (self.replicas.iter().zip(&logs))
            .map(|(log, batches)| view(log, batches))
            .collect();
        audit.close(&End {
            replicas: &replicas,
            at: SimTime::from_nanos(self.end),
            lag_steps: self.lag_steps,
        })
    }
}

fn reader(group: u32) -> ReaderId {
    ReaderId {
        group: GroupId(group),
        member: 0,
    }
}

fn leader(place: Place, batches: &[&[u32]]) -> Log {
    let batches: Vec<Vec<u32>> = batches.iter().map(|ids| ids.to_vec()).collect();
    Log {
        place,
        leads: true,
        epoch: 0,
        log_start: 0,
        high_watermark: batches.iter().map(|ids| ids.len() as u64).sum(),
        batches,
    }
}

fn batches(log: &Log) -> Vec<StoredBatch> {
    let mut base = 0;
    (log.batches.iter())
        .map(|ids| {
            let batch = stored(base, ids);
            base += ids.len() as u64;
            batch
        })
        .collect()
}

fn view<'a>(log: &Log, batches: &'a [StoredBatch]) -> ReplicaView<'a> {
    ReplicaView {
        broker: BrokerId(1),
        tp: TopicPartition {
            topic: TopicId(log.place.stream),
            partition: log.place.lane,
        },
        is_leader: log.leads,
        leader_epoch: LeaderEpoch(log.epoch),
        high_watermark: Offset(log.high_watermark),
        log_start: Offset(log.log_start),
        log_end: Offset(log.ids().count() as u64),
        isr: &[],
        segments: vec![batches],
    }
}

const FAILED: Outcome = Outcome::Failed { timeout: false };
const TIMED_OUT: Outcome = Outcome::Failed { timeout: true };
