//! Each word of the audit from a hand-made list of facts, and the whole against a naive one.

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

#[test]
fn acked_and_not_readable_is_lost() {
    let mut case = Case::new();
    case.sent(1, 0, 3).acked(5, &[0, 1, 2]).log(&[&[0], &[2]]);
    let tally = case.run().tally;
    assert_eq!(
        (tally.sent, tally.acked, tally.readable, tally.lost),
        (3, 3, 2, 1)
    );
}

#[test]
fn what_lies_above_the_high_watermark_is_not_readable() {
    let mut case = Case::new();
    case.sent(1, 0, 3).acked(5, &[0, 1, 2]).log(&[&[0, 1, 2]]);
    case.replicas[0].high_watermark = 2;
    let tally = case.run().tally;
    assert_eq!((tally.readable, tally.lost), (2, 1));
}

#[test]
fn the_surviving_leader_is_the_one_of_the_highest_epoch() {
    let mut case = Case::new();
    case.sent(1, 0, 2)
        .acked(5, &[0, 1])
        .log(&[&[0, 1]])
        .log(&[&[0]]);
    case.replicas[1].epoch = 3;
    assert_eq!(case.run().tally.lost, 1);
}

#[test]
fn a_partition_without_a_leader_cannot_be_read() {
    let mut case = Case::new();
    case.sent(1, 0, 1).acked(5, &[0]).log(&[&[0]]);
    case.replicas[0].leads = false;
    assert_eq!(case.run().tally.lost, 1);
}

#[test]
fn told_a_failure_and_no_copy_anywhere_is_refused() {
    let mut case = Case::new();
    case.sent(1, 0, 2).told(5, &[0], FAILED).acked(5, &[1]);
    case.log(&[&[1]]);
    let tally = case.run().tally;
    assert_eq!((tally.refused, tally.unknown), (1, 0));
}

#[test]
fn told_a_failure_although_any_replica_holds_a_copy_is_unknown() {
    let mut case = Case::new();
    case.sent(1, 0, 2).told(5, &[0], FAILED).acked(5, &[1]);
    case.log(&[&[1]]).log(&[&[1], &[0]]);
    case.replicas[1].leads = false;
    let tally = case.run().tally;
    assert_eq!((tally.refused, tally.unknown, tally.readable), (0, 1, 1));
}

#[test]
fn told_nothing_is_unknown_with_a_copy_and_without() {
    let mut case = Case::new();
    case.sent(1, 0, 2).log(&[&[0]]);
    let audited = case.run();
    assert_eq!((audited.tally.unknown, audited.untold), (2, 1));
}

#[test]
fn a_time_out_is_counted_beside_refused_and_unknown() {
    let mut case = Case::new();
    case.sent(1, 0, 3).told(5, &[0, 1], TIMED_OUT);
    case.note(
        6,
        Delivery::Rejected {
            by: SenderId(0),
            first: RecordId(2),
            count: 1,
            timeout: true,
        },
    );
    case.log(&[&[0]]);
    let tally = case.run().tally;
    assert_eq!(
        (tally.refused, tally.unknown, tally.told_timeout),
        (2, 1, 3)
    );
}

#[test]
fn an_ack_without_an_offset_is_an_ack() {
    let mut case = Case::new();
    case.sent(1, 0, 1).acked(1, &[0]);
    let tally = case.run().tally;
    assert_eq!((tally.acked, tally.lost), (1, 1));
}

#[test]
fn a_record_that_is_sent_again_is_what_it_is_told_last_and_its_surplus_copy_a_duplicate() {
    let mut case = Case::new();
    case.sent(1, 0, 3).told(5, &[0, 1, 2], TIMED_OUT);
    for id in 0..3 {
        let by = SenderId(0);
        case.note(
            6,
            Delivery::Resent {
                by,
                id: RecordId(id),
            },
        );
    }
    case.acked(8, &[0]).told(9, &[1], FAILED);
    // The first copy of 0 was there all along; of 2 nothing was heard again.
    case.log(&[&[0], &[0]]);
    let audited = case.run();
    let tally = audited.tally;
    assert_eq!((tally.acked, tally.refused, tally.unknown), (1, 1, 1));
    assert_eq!((tally.duplicated, tally.told_timeout), (1, 3));
    assert_eq!((audited.told_twice, audited.untold), (0, 1));
}

#[test]
fn a_record_told_twice_is_acked_if_any_news_was_good() {
    let mut case = Case::new();
    case.sent(1, 0, 1).told(5, &[0], FAILED).acked(6, &[0]);
    case.log(&[&[0]]);
    let audited = case.run();
    assert_eq!((audited.tally.acked, audited.told_twice), (1, 1));
}

#[test]
fn what_retention_removed_is_expired_and_not_lost() {
    let mut case = Case::new();
    case.sent(1, 0, 3).acked(5, &[0, 1, 2]);
    case.read(6, 0, P0, &[0]);
    case.notes.push((7, Note::Expired(vec![0, 1])));
    case.log(&[&[2]]);
    let audited = case.run();
    assert_eq!(
        (
            audited.tally.expired,
            audited.tally.lost,
            audited.tally.readable
        ),
        (2, 0, 1)
    );
    assert_eq!(audited.groups[0].tally.unread_expired, 1);
}

#[test]
fn below_the_log_start_is_expired() {
    let mut case = Case::new();
    case.sent(1, 0, 3).acked(5, &[0, 1, 2]).log(&[&[0, 1, 2]]);
    case.replicas[0].log_start = 1;
    let tally = case.run().tally;
    assert_eq!((tally.expired, tally.readable, tally.lost), (1, 2, 0));
}

#[test]
fn a_batch_that_several_replicas_remove_is_one_copy() {
    let mut case = Case::new();
    case.sent(0, 0, 2);
    let mut audit = Audit::new(&case.plan);
    for (at, note) in &case.notes {
        if let Note::Delivery(fact) = note {
            audit.delivery(SimTime::from_nanos(*at), fact);
        }
    }
    let batch = stored(0, &[0, 1]);
    for _ in 0..3 {
        audit.removed(P0, std::slice::from_ref(&batch));
    }
    // The leader has not removed it yet.
    let kept = leader(P0, &[&[0, 1]]);
    let batches = batches(&kept);
    let replicas = [view(&kept, &batches)];
    let end = End {
        replicas: &replicas,
        at: SimTime::from_nanos(9),
        lag_steps: 1,
    };
    let tally = audit.clone().close(&end).tally;
    assert_eq!((tally.readable, tally.expired, tally.duplicated), (2, 0, 0));
    let end = End {
        replicas: &[],
        ..end
    };
    let tally = audit.close(&end).tally;
    assert_eq!((tally.readable, tally.expired, tally.duplicated), (0, 2, 0));
}

#[test]
fn an_expired_record_whose_other_copy_can_be_read_is_readable_and_duplicated() {
    let mut case = Case::new();
    case.sent(1, 0, 1).acked(5, &[0]);
    case.notes.push((7, Note::Expired(vec![0])));
    case.log(&[&[0]]);
    let tally = case.run().tally;
    assert_eq!((tally.expired, tally.readable, tally.duplicated), (0, 1, 1));
}

#[test]
fn surplus_copies_are_duplicates_in_any_partition() {
    let mut case = Case::new();
    case.sent(1, 0, 2)
        .acked(5, &[0, 1])
        .log(&[&[0], &[0], &[1]]);
    case.replicas.push(leader(P1, &[&[0]]));
    let tally = case.run().tally;
    assert_eq!((tally.duplicated, tally.readable), (2, 2));
}

#[test]
fn read_after_one_that_was_sent_later_is_reordered() {
    let mut case = Case::new();
    case.sent(1, 0, 4).read(9, 0, P0, &[1, 0, 3, 2, 0]);
    assert_eq!(case.run().tally.reordered, 2);
}

#[test]
fn order_holds_within_one_partition_and_sender_and_group_only() {
    let mut case = Case::new();
    case.plan.groups.push(case.plan.groups[0].clone());
    case.sent(1, 0, 4).sent(1, 40, 2);
    case.read(9, 0, P0, &[2, 3]).read(9, 0, P1, &[0, 1]);
    case.read(9, 0, OTHER, &[41]).read(9, 1, OTHER, &[40, 41]);
    assert_eq!(case.run().tally.reordered, 0);
}

#[test]
fn without_a_group_the_surviving_log_is_read_for_its_order() {
    let mut case = Case::new();
    case.plan.groups.clear();
    case.sent(1, 0, 3).log(&[&[1], &[0, 0], &[2]]);
    let tally = case.run().tally;
    assert_eq!((tally.reordered, tally.late), (1, 0));
}

#[test]
fn a_key_is_reordered_across_partitions_by_processing() {
    // 1 and 4 share a key; 2 does not.
    let mut case = Case::new();
    case.sent(1, 0, 5);
    case.processed(9, 0, 0, &[4, 2]).processed(10, 0, 2, &[1]);
    assert_eq!(case.run().tally.reordered_keys, 1);
}

#[test]
fn overlapping_handlers_are_ordered_by_when_each_record_was_done() {
    // 1, 4 and 7 share a key; the first fact says 7 was done at 90, the second 4 at 40, 1 at 95.
    let mut case = Case::new();
    case.plan.groups[0].interleaved = true;
    case.sent(1, 0, 9);
    case.processed(90, 0, 0, &[7]).processed(95, 55, 1, &[4, 1]);
    assert_eq!(case.run().tally.reordered_keys, 1);
}

#[test]
fn first_read_after_the_heal_is_late() {
    let mut case = Case::new();
    case.plan.groups.push(case.plan.groups[0].clone());
    case.sent(1, 0, 3).read(100, 0, P0, &[0]);
    case.read(101, 0, P0, &[1]).read(102, 1, P0, &[0, 1]);
    assert_eq!(case.run().tally.late, 1);
}

#[test]
fn processed_again_is_reprocessed_and_passed_over_is_skipped() {
    let mut case = Case::new();
    case.sent(1, 0, 5).log(&[&[0, 1, 2], &[3, 4]]);
    case.processed(9, 0, 0, &[0]).processed(12, 0, 2, &[2, 3]);
    case.processed(13, 0, 2, &[2]);
    let group = case.run().groups[0].tally;
    assert_eq!(
        (group.processed, group.reprocessed, group.skipped),
        (3, 1, 1)
    );
}

#[test]
fn lag_counts_from_send_to_the_end_of_the_handler() {
    let mut case = Case::new();
    case.sent(10, 0, 2).sent(20, 2, 2).sent(30, 4, 1);
    // 0 done at 25, 1 at 35, 2 at 45. 3 and 4 never: no lag, since nobody will process them.
    case.processed(45, 10, 0, &[0, 1, 2]);
    case.end = 50;
    case.lag_steps = 5;
    let lag = case.run().groups.remove(0).lag;
    assert_eq!(lag.values, [0, 2, 3, 2, 1, 0]);
    assert_eq!((lag.peak, lag.peak_at.as_nanos()), (3, 20));
    assert_eq!(lag.peak_gone_at, Some(SimTime::from_nanos(45)));
}

#[test]
fn waiting_while_there_was_no_leader_is_told_apart() {
    let mut case = Case::new();
    case.sent(10, 0, 1);
    case.notes.push((20, Note::Lost(P0)));
    case.notes.push((25, Note::Lost(P1)));
    case.notes.push((50, Note::Found(P0)));
    case.processed(110, 0, 0, &[0]);
    assert_eq!(case.run().groups[0].lag.no_leader_per_mille, 300);
}

#[test]
fn latencies_run_from_send_to_the_news_and_to_the_first_processing() {
    let mut case = Case::new();
    case.sent(10, 0, 2).acked(13, &[0]).told(20, &[1], FAILED);
    case.processed(40, 0, 0, &[0, 1]).processed(90, 0, 0, &[0]);
    let audited = case.run();
    assert_eq!(audited.ack.expect("one was acked").max.as_nanos(), 3);
    let end_to_end = audited.end_to_end.expect("two were processed");
    assert_eq!(end_to_end.max.as_nanos(), 30);
    assert_eq!(audited.groups[0].end_to_end, Some(end_to_end));
}

/// What may happen next, by choice numbers that are resolved when it does.
#[derive(Clone, Debug)]
enum Action {
    Wait(u64),
    Send {
        sender: u32,
        count: u32,
    },
    Tell {
        ids: Choice,
        outcome: u8,
    },
    Reject {
        ids: Choice,
        timeout: bool,
    },
    Read {
        group: u32,
        lane: u32,
        ids: Choice,
    },
    Process {
        group: u32,
        lane: u32,
        base: u64,
        each: u64,
        ids: Choice,
    },
    Expire(Choice),
    Leader {
        lane: u32,
        lost: bool,
    },
}

/// Records of one sender: where to begin, how many, and how far apart.
#[derive(Clone, Debug)]
struct Choice {
    sender: u32,
    from: u32,
    count: u32,
    stride: u32,
}

/// A replica in the end, by choices.
#[derive(Clone, Debug)]
struct LogChoice {
    lane: u32,
    leads: bool,
    epoch: u32,
    start: u64,
    tail: u64,
    batches: Vec<Choice>,
}

fn choice() -> impl Strategy<Value = Choice> {
    (0..2_u32, 0..40_u32, 1..6_u32, 1..39_u32).prop_map(|(sender, from, count, stride)| Choice {
        sender,
        from,
        count,
        stride,
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (0..9_u64).prop_map(Action::Wait),
        3 => (0..2_u32, 1..9_u32).prop_map(|(sender, count)| Action::Send { sender, count }),
        3 => (choice(), 0..4_u8).prop_map(|(ids, outcome)| Action::Tell { ids, outcome }),
        1 => (choice(), any::<bool>()).prop_map(|(ids, timeout)| Action::Reject { ids, timeout }),
        4 => (0..2_u32, 0..2_u32, choice())
            .prop_map(|(group, lane, ids)| Action::Read { group, lane, ids }),
        4 => (0..2_u32, 0..2_u32, 0..9_u64, 0..5_u64, choice()).prop_map(
            |(group, lane, base, each, ids)| Action::Process { group, lane, base, each, ids }
        ),
        1 => choice().prop_map(Action::Expire),
        1 => (0..3_u32, any::<bool>()).prop_map(|(lane, lost)| Action::Leader { lane, lost }),
    ]
}

fn log_choice() -> impl Strategy<Value = LogChoice> {
    (
        0..3_u32,
        any::<bool>(),
        0..3_u32,
        0..4_u64,
        0..4_u64,
        prop::collection::vec(choice(), 0..8),
    )
        .prop_map(|(lane, leads, epoch, start, tail, batches)| LogChoice {
            lane,
            leads,
            epoch,
            start,
            tail,
            batches,
        })
}

/// A lane of the sender's stream.
fn place(sender: u32, lane: u32) -> Place {
    match (sender, lane) {
        (0, 0) => P0,
        (0, _) => P1,
        _ => OTHER,
    }
}

/// Resolves choices against what has been sent.
struct Builder {
    case: Case,
    now: u64,
    sent: [u32; 2],
    last_sent_at: [u64; 2],
}

impl Builder {
    fn ids(&self, choice: &Choice) -> Vec<u32> {
        let sent = self.sent[choice.sender as usize];
        let mut ids: Vec<u32> = (0..choice.count.min(sent))
            .map(|i| choice.sender * 40 + (choice.from + i * choice.stride) % sent)
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        ids.retain(|id| seen.insert(*id));
        ids
    }

    #[expect(clippy::too_many_lines, reason = "one arm per action")]
    fn act(&mut self, action: &Action) {
        let now = self.now;
        match action {
            Action::Wait(span) => self.now += span,
            Action::Send { sender, count } => {
                let sent = &mut self.sent[*sender as usize];
                let count = (*count).min(40 - *sent);
                self.last_sent_at[*sender as usize] = now;
                let first = sender * 40 + *sent;
                *sent += count;
                if count > 0 {
                    self.case.sent(now, first, count);
                }
            }
            Action::Tell { ids, outcome } => {
                let ids = self.ids(ids);
                let outcome = [
                    FAILED,
                    TIMED_OUT,
                    Outcome::Acked(None),
                    Outcome::Acked(Some(0)),
                ][usize::from(*outcome)];
                if !ids.is_empty() {
                    self.case.told(now, &ids, outcome);
                }
            }
            Action::Reject { ids, timeout } => {
                if let Some(first) = self.ids(ids).first() {
                    self.case.note(
                        now,
                        Delivery::Rejected {
                            by: SenderId(ids.sender),
                            first: RecordId(*first),
                            count: 1,
                            timeout: *timeout,
                        },
                    );
                }
            }
            Action::Read { group, lane, ids } => {
                let place = place(ids.sender, *lane);
                let ids = self.ids(ids);
                if !ids.is_empty() {
                    self.case.read(now, *group, place, &ids);
                }
            }
            Action::Process {
                group,
                lane,
                base,
                each,
                ids: choice,
            } => {
                let ids = self.ids(choice);
                if ids.is_empty() {
                    return;
                }
                let room = now - self.last_sent_at[choice.sender as usize];
                // The first group reports in order; the second's handlers overlap.
                let each = if *group == 0 {
                    0
                } else {
                    (*each).min(room / ids.len() as u64)
                };
                self.case.note(
                    now,
                    Delivery::Processed {
                        by: reader(*group),
                        place: place(choice.sender, *lane),
                        base_offset: *base,
                        parcel: parcel(&ids),
                        part: whole(&ids),
                        each: SimDuration::from_nanos(each),
                    },
                );
            }
            Action::Expire(ids) => {
                let ids = self.ids(ids);
                self.case.notes.push((now, Note::Expired(ids)));
            }
            Action::Leader { lane, lost } => {
                let place = [P0, P1, OTHER][*lane as usize];
                let note = if *lost {
                    Note::Lost(place)
                } else {
                    Note::Found(place)
                };
                self.case.notes.push((now, note));
            }
        }
    }

    fn log(&mut self, choice: &LogChoice) {
        let place = [P0, P1, OTHER][choice.lane as usize];
        let batches: Vec<Vec<u32>> = (choice.batches.iter())
            .map(|batch| Choice {
                sender: place.stream,
                ..batch.clone()
            })
            .map(|batch| self.ids(&batch))
            .filter(|ids| !ids.is_empty())
            .collect();
        let end: u64 = batches.iter().map(|ids| ids.len() as u64).sum();
        let high_watermark = end.saturating_sub(choice.tail);
        self.case.replicas.push(Log {
            place,
            leads: choice.leads,
            epoch: choice.epoch,
            log_start: choice.start.min(high_watermark),
            high_watermark,
            batches,
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_audit_counts_what_the_definitions_say(
        actions in prop::collection::vec(action(), 1..80),
        logs in prop::collection::vec(log_choice(), 0..6),
        groups in 0..3_usize,
        lag_steps in 1..30_u32,
    ) {
        let mut builder = Builder { case: Case::new(), now: 0, sent: [0; 2], last_sent_at: [0; 2] };
        let group = builder.case.plan.groups[0].clone();
        builder.case.plan.groups.push(GroupPlan { interleaved: true, ..group });
        builder.case.plan.groups.truncate(groups);
        for action in &actions {
            let reader = match action {
                Action::Read { group, .. } | Action::Process { group, .. } => Some(*group),
                Action::Wait(_) | Action::Send { .. } | Action::Tell { .. }
                | Action::Reject { .. } | Action::Expire(_) | Action::Leader { .. } => None,
            };
            if reader.is_none_or(|group| (group as usize) < groups) {
                builder.act(action);
            }
        }
        for log in &logs {
            builder.log(log);
        }
        let mut case = builder.case;
        case.end = builder.now;
        case.lag_steps = lag_steps;
        prop_assert_eq!(case.run(), naive::audit(&case));
    }
}
