//! What a broker passes on to the controller.

use super::*;
use crate::kafka::api::admin::{AdminRequest, AdminResponse};
use crate::kafka::api::envelope::EnvelopeResponse;

fn unregister(broker: BrokerId) -> Request {
    Request::Admin(Box::new(AdminRequest::UnregisterBroker { broker }))
}

/// Whom the request in the envelope strikes off.
fn struck_off(body: Request) -> BrokerId {
    let Request::Envelope(envelope) = body else {
        panic!("it travels in an envelope: {body:?}");
    };
    let Request::Admin(inner) = envelope.request else {
        panic!("it is the client's own request");
    };
    let AdminRequest::UnregisterBroker { broker } = *inner else {
        panic!("it is the client's own request");
    };
    broker
}

fn told(error: Option<ErrorCode>) -> Response {
    Response::Envelope(Box::new(EnvelopeResponse {
        error: None,
        response: Some(Response::Admin(AdminResponse::refused(error))),
    }))
}

fn answered(lab: &Lab) -> Option<(ConnectionId, Option<ErrorCode>)> {
    match lab.answers()[..] {
        [(to, Response::Admin(answer))] => Some((to, answer.error)),
        [] => None,
        ref others => panic!("one client is answered: {others:?}"),
    }
}

#[test]
fn what_only_the_controller_does_is_passed_on_one_by_one_and_its_answers_back() {
    let mut lab = Lab::leader();
    let first = lab.request(unregister(B2));
    let (on, correlation, body) = lab.asked_controller();
    assert_eq!(struck_off(body), B2);
    let second = lab.request(unregister(B3));
    assert!(lab.requests().is_empty(), "one at a time");
    lab.respond(on, correlation, told(None));
    assert_eq!(answered(&lab), Some((first, None)));
    let (on, correlation, body) = lab.asked();
    assert_eq!(struck_off(body), B3);
    let error = Some(ErrorCode::BrokerIdNotRegistered);
    lab.respond(on, correlation, told(error));
    assert_eq!(answered(&lab), Some((second, error)));
}

#[test]
fn an_envelope_that_reached_another_controller_is_sent_again_and_nobody_is_told() {
    let mut lab = Lab::leader();
    let client = lab.request(unregister(B2));
    let (on, correlation, _) = lab.asked_controller();
    let refused = EnvelopeResponse {
        error: Some(ErrorCode::NotController),
        response: None,
    };
    lab.respond(on, correlation, Response::Envelope(Box::new(refused)));
    assert_eq!(answered(&lab), None);
    lab.timer(Timer::Link(Link::Forwarding, LinkTimer::Retry));
    let (on, correlation, body) = lab.asked();
    assert_eq!(struck_off(body), B2);
    lab.respond(on, correlation, told(None));
    assert_eq!(answered(&lab), Some((client, None)));
}
