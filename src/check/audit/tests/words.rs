//! The words of the audit, one a test.

use crate::check::audit::tests::*;

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
