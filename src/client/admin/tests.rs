//! The administrator's client, one rule each, against brokers that say what the test wants.

use super::*;
use crate::kafka::api::admin::{AdminResponse, ElectionType};
use crate::kafka::api::delete_records::{
    DeleteRecordsRequest, DeleteRecordsResponse, DeletedRecords,
};
use crate::kafka::api::metadata::PartitionMetadata;
use crate::kafka::ids::{LeaderEpoch, Offset, TopicId};
use crate::sim::process::{Effect, HostState};

const TP: TopicPartition = TopicPartition {
    topic: TopicId(0),
    partition: 0,
};

/// A client of three brokers, b1 on host 1 and so on.
struct Lab {
    client: AdminClient,
    host: HostState,
    opened: Vec<(ConnectionId, HostId)>,
    /// Requests without an answer: connection, broker, number, body.
    asked: Vec<(ConnectionId, u32, CorrelationId, Request)>,
    wake: Option<SimDuration>,
}

impl Lab {
    fn new() -> Self {
        let brokers: Vec<_> = (1..=3).map(|id| (BrokerId(id), HostId(id))).collect();
        Self {
            client: AdminClient::new(
                Settings::default(),
                brokers.into(),
                &Streams::new(7),
                "tool",
            ),
            host: HostState::new(HostId(0)),
            opened: Vec::new(),
            asked: Vec::new(),
            wake: None,
        }
    }

    fn run(
        &mut self,
        step: impl FnOnce(&mut AdminClient, &mut Cx<'_, Message, (), Timer>) -> Progress,
    ) -> Progress {
        let mut effects = Vec::new();
        let progress = step(&mut self.client, &mut Cx::new(&mut self.host, &mut effects));
        for effect in effects {
            match effect {
                Effect::Open { connection, to } => self.opened.push((connection, to)),
                Effect::Send {
                    on,
                    body: Message::Request { correlation, body },
                } => {
                    let (_, host) = self.opened.iter().find(|(id, _)| *id == on).unwrap();
                    self.asked.push((on, host.0, correlation, body));
                }
                Effect::SetTimer {
                    timer: Timer::Wake,
                    after,
                } => self.wake = Some(after),
                Effect::Send { .. }
                | Effect::SetTimer { .. }
                | Effect::CancelTimer(_)
                | Effect::Close(_)
                | Effect::Flush { .. }
                | Effect::AwaitRead { .. }
                | Effect::Fact(())
                | Effect::Exit => {}
            }
        }
        progress
    }

    /// Opens what the client has asked to open; the last progress that was any.
    fn connect(&mut self) -> Progress {
        let (on, _) = *self.opened.last().expect("the client connects");
        self.run(|client, cx| client.connected(cx, on))
    }

    /// Answers the newest request.
    fn answer(&mut self, body: Response) -> Progress {
        let (on, _, correlation, _) = self.asked.pop().expect("the client has asked");
        self.run(|client, cx| client.answered(cx, on, correlation, &body))
    }

    fn tell_controller(&mut self, controller: u32) -> Progress {
        assert!(matches!(
            self.asked.last(),
            Some((.., Request::Metadata(_)))
        ));
        self.answer(metadata(controller, None))
    }

    fn wake(&mut self) -> Progress {
        let after = self.wake.take().expect("the client waits");
        self.host.now += after;
        self.run(|client, cx| client.timer(cx, Timer::Wake))
    }

    fn break_last(&mut self) -> Progress {
        let (on, ..) = self.asked.pop().expect("the client has asked");
        self.run(|client, cx| client.disconnected(cx, on))
    }
}

fn metadata(controller: u32, leader: Option<u32>) -> Response {
    Response::Metadata(Box::new(MetadataResponse {
        brokers: (1..=3).map(BrokerId).collect(),
        controller: Some(BrokerId(controller)),
        topics: vec![TopicMetadata {
            topic: TP.topic,
            error: None,
            partitions: vec![PartitionMetadata {
                leader: leader.map(BrokerId),
                leader_epoch: LeaderEpoch(0),
            }],
            replicas: Vec::new(),
        }],
    }))
}

fn elect() -> Request {
    Request::Admin(Box::new(AdminRequest::ElectLeaders {
        tp: TP,
        election: ElectionType::Preferred,
    }))
}

fn granted(error: Option<ErrorCode>) -> Response {
    Response::Admin(AdminResponse::refused(error))
}

fn deleted(error: Option<ErrorCode>) -> Response {
    let partition = DeletedRecords {
        tp: TP,
        error,
        low_watermark: error.is_none().then_some(Offset(1)),
    };
    Response::DeleteRecords(DeleteRecordsResponse {
        partitions: vec![partition],
    })
}

/// A client whose metadata calls b2 the controller, and which has asked it for an election.
fn electing() -> Lab {
    let mut lab = Lab::new();
    lab.run(|client, cx| client.call(cx, Target::Controller, elect()));
    lab.connect();
    lab.tell_controller(2);
    if lab.asked.is_empty() {
        lab.connect();
    }
    let (_, broker, _, body) = lab.asked.last().expect("the call was sent");
    assert_eq!(*broker, 2);
    assert!(matches!(body, Request::Admin(_)));
    lab
}

#[test]
fn a_call_waits_for_metadata_and_goes_to_the_broker_that_it_calls_the_controller() {
    let mut lab = electing();
    assert!(matches!(
        lab.answer(granted(None)),
        Progress::Answered(None)
    ));
    assert!(lab.asked.is_empty());
}

#[test]
fn an_error_of_the_controller_is_the_callers() {
    let mut lab = electing();
    let error = Some(ErrorCode::ElectionNotNeeded);
    let Progress::Answered(told) = lab.answer(granted(error)) else {
        panic!("it is not tried again");
    };
    assert_eq!(told, error);
}

#[test]
fn a_call_whose_connection_was_lost_is_made_again_after_the_back_off() {
    let mut lab = electing();
    assert!(matches!(lab.break_last(), Progress::TriedInVain(None)));
    assert!(
        lab.asked
            .iter()
            .all(|(.., body)| !matches!(body, Request::Admin(_)))
    );
    let again = lab.wake.expect("it waits for its back-off");
    assert!(again >= SimDuration::from_millis(80) && again <= SimDuration::from_millis(120));
}

#[test]
fn default_api_timeout_ends_a_call() {
    let mut lab = electing();
    let late = lab.run(|client, cx| client.timer(cx, Timer::Deadline));
    assert!(matches!(late, Progress::GivenUp));
    let (on, _, correlation, _) = lab.asked.pop().unwrap();
    let answered = lab.run(|client, cx| client.answered(cx, on, correlation, &granted(None)));
    assert!(matches!(answered, Progress::Nothing), "nobody waits for it");
}

#[test]
fn a_leader_is_looked_up_and_again_when_it_leads_no_more() {
    let mut lab = Lab::new();
    let delete = Request::DeleteRecords(DeleteRecordsRequest {
        timeout: SimDuration::from_secs(30),
        partitions: Vec::new(),
    });
    lab.run(|client, cx| client.call(cx, Target::Leader(TP), delete));
    lab.connect();
    lab.tell_controller(1);
    for (leader, error) in [(3, Some(ErrorCode::NotLeaderOrFollower)), (1, None)] {
        let sent = |lab: &Lab| {
            lab.asked
                .last()
                .map(|(_, broker, _, body)| (*broker, body.clone()))
        };
        if sent(&lab).is_none() {
            lab.connect();
        }
        let (_, Request::Metadata(lookup)) = sent(&lab).expect("it looks the leader up") else {
            panic!("a leader is looked up first");
        };
        assert_eq!(lookup.topics, [TP.topic]);
        lab.answer(metadata(1, Some(leader)));
        if sent(&lab).is_none() {
            lab.connect();
        }
        let (broker, Request::DeleteRecords(_)) = sent(&lab).expect("it asks the leader") else {
            panic!("the leader is asked");
        };
        assert_eq!(broker, leader);
        let progress = lab.answer(deleted(error));
        match error {
            Some(_) => {
                assert!(matches!(progress, Progress::TriedInVain(_)));
                lab.wake();
            }
            None => assert!(matches!(progress, Progress::Answered(None))),
        }
    }
}
