//! Connections, requests that nobody knows, and blocks of producer ids.

use crate::controller::tests::*;

#[test]
fn a_connection_is_served_one_request_at_a_time() {
    let mut lab = Lab::new();
    let end = lab.controller.image().end.0;
    let parked = lab.fetch(7, end);
    let behind = lab.ask(7, Request::BrokerHeartbeat(beat(1, 0)));
    lab.run_to(499);
    assert!(
        !lab.answers.contains_key(&behind),
        "the fetch is not answered yet"
    );
    lab.run_to(600);
    assert!(lab.answers[&behind].0 >= lab.answers[&parked].0);
}

#[test]
fn who_hung_up_gets_no_answer() {
    let mut lab = Lab::new();
    let key = lab.ask(
        7,
        Request::BrokerRegistration(BrokerRegistrationRequest {
            broker: BrokerId(4),
            incarnation: Incarnation(0),
            previous_broker_epoch: None,
            rack: None,
        }),
    );
    lab.input(Input::Disconnected(ConnectionId(7)));
    lab.run_to(100);
    assert!(!lab.answers.contains_key(&key));
    assert!(
        lab.controller.image().brokers.contains_key(&BrokerId(4)),
        "it is registered anyway"
    );
}

// Producer ids.

#[test]
fn blocks_of_producer_ids_never_overlap() {
    let mut lab = Lab::new();
    for block in 0..3 {
        let response = lab.call(Request::AllocateProducerIds(AllocateProducerIdsRequest {
            broker: BrokerId(1),
            broker_epoch: BrokerEpoch(0),
        }));
        let Response::AllocateProducerIds(response) = response else {
            panic!("the answer fits the request");
        };
        assert_eq!(
            (response.first, response.count),
            (ProducerId(block * 1_000), 1_000)
        );
        if block == 1 {
            lab.restart(Crash::Kill);
            lab.run_for(COMMIT);
        }
    }
}

#[test]
fn a_request_that_controllers_do_not_know_ends_the_connection() {
    let mut host = HostState::new(HostId(0));
    let mut controller = Lab::new().controller;
    let mut effects: Vec<Effect<Message, Fact, Timer>> = Vec::new();
    let body = Request::Metadata(crate::kafka::api::metadata::MetadataRequest {
        topics: vec![],
        allow_auto_topic_creation: false,
    });
    let correlation = CorrelationId(0);
    controller.handle(
        &mut SimCx::new(&mut host, &mut effects),
        Input::Message {
            on: ConnectionId(5),
            body: Message::Request { correlation, body },
        },
    );
    assert!(matches!(effects[..], [Effect::Close(ConnectionId(5))]));
}
