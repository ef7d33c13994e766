//! From a request to what is committed: lingering, flushes, crashes, observers.

use crate::controller::tests::*;

#[test]
fn an_answer_waits_until_its_records_have_lingered_and_are_flushed() {
    let mut lab = Lab::new();
    let key = lab.ask(
        1,
        Request::AllocateProducerIds(AllocateProducerIdsRequest {
            broker: BrokerId(1),
            broker_epoch: BrokerEpoch(0),
        }),
    );
    lab.run_to(100);
    assert_eq!(lab.answers[&key].0.as_millis(), 25 + 1);
}

#[test]
fn what_is_appended_during_a_flush_is_written_after_it() {
    let mut lab = Lab::new();
    let allocate = |broker: u32| {
        Request::AllocateProducerIds(AllocateProducerIdsRequest {
            broker: BrokerId(broker),
            broker_epoch: BrokerEpoch(u64::from(broker) - 1),
        })
    };
    let first = lab.ask(1, allocate(1));
    lab.run_to(25);
    let second = lab.ask(2, allocate(2));
    lab.run_to(100);
    assert_eq!(lab.answers[&first].0.as_millis(), 26);
    assert_eq!(lab.answers[&second].0.as_millis(), 25 + 25 + 1);
}

#[test]
fn an_answer_without_records_waits_for_what_it_may_have_read() {
    let mut lab = Lab::new();
    lab.run_to(10);
    let at_once = lab.ask(1, Request::BrokerHeartbeat(beat(1, 0)));
    assert!(lab.answers.contains_key(&at_once), "nothing is uncommitted");
    lab.run_to(501);
    let later = lab.ask(1, Request::BrokerHeartbeat(beat(1, 0)));
    assert!(
        !lab.answers.contains_key(&later),
        "the NoOp of 500 ms lingers"
    );
    lab.run_to(526);
    assert_eq!(lab.answers[&later].0.as_millis(), 526);
}

#[test]
fn a_noop_record_advances_the_log_every_idle_interval() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    lab.run_to(2_100);
    assert_eq!(lab.controller.image().end.0, end + 4);
}

#[test]
fn without_an_idle_interval_there_are_no_noop_records() {
    let config = BrokerConfig {
        metadata_max_idle_interval: SimDuration::ZERO,
        ..BrokerConfig::default()
    };
    let mut lab = Lab::with(config, TopicConfig::default(), false);
    let end = lab.controller.image().end;
    lab.run_to(5_000);
    assert_eq!(lab.controller.image().end, end);
}

#[test]
fn a_kill_keeps_what_was_written_and_a_power_loss_what_was_flushed() {
    for (crash, kept) in [(Crash::Kill, 1), (Crash::PowerLoss, 0)] {
        let mut lab = Lab::new();
        let end = lab.controller.image().end.0;
        // At 525 ms the NoOp is written, at 526 ms it would be flushed.
        lab.run_to(525);
        lab.restart(crash);
        lab.run_to(530);
        let of_the_new_life = 1;
        assert_eq!(lab.controller.image().end.0, end + kept + of_the_new_life);
    }
}

#[test]
fn a_controller_that_cannot_write_its_log_halts_and_has_lost_nothing_committed() {
    let mut lab = Lab::new();
    lab.run_to(1_200);
    let end = lab.controller.image().end;
    lab.host.disk.set_fault(DiskFault::Full, SimTime::ZERO);
    lab.run_to(2_000);
    assert!(lab.exited && !lab.controller.is_active());
    lab.host.disk.set_fault(DiskFault::None, SimTime::ZERO);
    lab.restart(Crash::Kill);
    lab.run_for(FLUSH);
    assert!(lab.controller.is_active());
    assert_eq!(lab.controller.image().end, end.plus(1));
}

#[test]
fn a_controller_whose_flush_fails_halts() {
    let mut lab = Lab::new();
    lab.run_to(1_200);
    lab.input(Input::FlushFailed(FlushId(0)));
    assert!(lab.exited && !lab.controller.is_active());
}

#[test]
fn what_only_lingered_is_lost_with_the_process() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    lab.run_to(520);
    lab.restart(Crash::Kill);
    lab.run_to(530);
    assert_eq!(lab.controller.image().end.0, end + 1);
}

#[test]
fn a_node_whose_disk_is_lost_does_not_start() {
    let mut lab = Lab::new();
    lab.run_to(1_000);
    lab.restart(Crash::DiskLost);
    assert!(lab.exited);
    assert!(!lab.controller.is_active());
}

// Observers.

#[test]
fn an_observer_learns_a_record_when_it_is_committed() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    let key = lab.fetch(7, end);
    lab.run_to(1_000);
    let (at, response) = lab.fetched(key);
    // Its long poll ends at 500 ms; the NoOp of 500 ms is committed at 526 ms.
    assert_eq!((at.as_millis(), response.records.len()), (500, 0));
    let key = lab.fetch(7, end + 1);
    lab.run_to(1_400);
    let key_late = lab.fetch(8, end + 1);
    lab.run_to(2_000);
    let (at, response) = lab.fetched(key);
    assert_eq!((at.as_millis(), response.records.len()), (1_026, 1));
    let (at, response) = lab.fetched(key_late);
    assert_eq!((at.as_millis(), response.base_offset.0), (1_400, end + 1));
    assert_eq!(response.high_watermark.0, end + 2);
}

#[test]
fn an_observer_behind_the_log_gets_a_snapshot() {
    let mut lab = Lab::new();
    let key = lab.fetch(7, 0);
    let (_, response) = lab.fetched(key);
    let end = lab.controller.image().end;
    assert_eq!(response.snapshot_end, Some(end));
    let image = MetadataImage::restore(&response.records, end);
    assert_eq!(image.brokers, lab.controller.image().brokers);
    assert_eq!(image.partition(TP), lab.controller.image().partition(TP));
}

#[test]
fn the_log_in_memory_stays_bounded() {
    let mut lab = Lab::new();
    lab.keep_alive(&[1, 2, 3], 1_500_000);
    assert!(lab.controller.image().end.0 > 3_000);
    let end = lab.controller.image().end.0;
    let recent = lab.fetch(7, end - 1_000);
    assert_eq!(lab.fetched(recent).1.snapshot_end, None);
    let old = lab.fetch(7, 100);
    assert!(lab.fetched(old).1.snapshot_end.is_some());
}
