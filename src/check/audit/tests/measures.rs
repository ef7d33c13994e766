//! Lag and latencies.

use crate::check::audit::tests::*;

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
