//! Beginning again, closing, and having nothing to do.

use crate::client::producer::tests::*;

#[test]
fn when_no_broker_can_be_reached_the_producer_starts_again_from_its_bootstrap_servers() {
    let mut bench = Bench::started(defaults(), 1);
    bench.connects = false;
    bench.disconnect(HostId(10));
    bench.disconnect(HostId(20));
    bench.send();
    bench.wait(SimDuration::from_secs(60));
    assert_eq!(
        bench.append(Some(0), 10),
        SendResult::WouldBlock(Wait::Metadata)
    );
    bench.connects = true;
    bench.wait(SimDuration::from_secs(2));
    assert_eq!(bench.waiting(), [0]);
    assert_eq!(bench.append(Some(0), 10), SendResult::Accepted);
}

#[test]
fn close_sends_what_lingers_and_is_over_when_it_is_answered() {
    let config = ProducerConfig {
        linger: SimDuration::from_secs(60),
        ..defaults()
    };
    let mut bench = Bench::started(config, 1);
    bench.send();
    bench.input(Input::Terminate);
    assert_eq!(bench.waiting(), [0]);
    assert!(!bench.producer.is_closed());
    bench.answer(Ok(0));
    assert!(bench.producer.is_closed());
    assert_eq!(
        bench.append(Some(0), 1),
        SendResult::Rejected(ProduceError::Closed)
    );
}

#[test]
fn an_idle_producer_sets_one_timer_for_the_age_of_its_metadata() {
    let mut bench = Bench::started(defaults(), 1);
    bench.send();
    bench.answer(Ok(0));
    // Timers of requests and batches that are done find nothing to do when they fire.
    bench.wait(SimDuration::from_secs(299));
    assert_eq!(bench.timers.len(), 1);
}
