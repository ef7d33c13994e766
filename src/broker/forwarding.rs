//! Passes on what clients ask this broker and only the active controller does.
//!
//! Modelled: the client's request travels in an envelope, in order of arrival and one at a time; it
//! survives lost connections and a controller that is not the active one; after a minute without a
//! controller the client is told `REQUEST_TIMED_OUT`. Topics that a client's metadata request is to
//! create go the same way, each once at a time; nobody is told what became of them.
//! Left out: principals, quotas of the controller.
//! Source: ForwardingManagerImpl, DefaultAutoTopicCreationManager, NodeToControllerRequestThread,
//! KafkaApis.forwardToController (4.2); KIP-590.

use std::collections::VecDeque;

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::connections::ReplyTo;
use crate::broker::timer::Link;
use crate::kafka::api::admin::{AdminRequest, AdminResponse};
use crate::kafka::api::envelope::{EnvelopeRequest, EnvelopeResponse};
use crate::kafka::api::incremental_alter_configs::IncrementalAlterConfigsResponse;
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::TopicId;
use crate::kafka::message::{Request, Response};

/// What waits for the controller, oldest first; the first one is under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Forwarding {
    waiting: VecDeque<(Origin, Request)>,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A client's, which waits for the answer.
    Client(ReplyTo),
    /// The broker's own: a client asked for a topic that does not exist.
    MissingTopic(TopicId),
}

impl Broker {
    /// Passes a client's request on.
    pub(super) fn forward(&mut self, cx: BrokerCx<'_, '_>, to: ReplyTo, request: Request) {
        let asked = (Origin::Client(to), request);
        self.forwarding.waiting.push_back(asked);
        self.forward_next(cx);
    }

    /// Has the controller create a topic that a client has asked for, unless that is under way.
    pub(super) fn create_topic(&mut self, cx: BrokerCx<'_, '_>, topic: TopicId) {
        let origin = Origin::MissingTopic(topic);
        let mut waiting = self.forwarding.waiting.iter();
        if waiting.any(|(known, _)| *known == origin) {
            return;
        }
        let request = Request::Admin(Box::new(AdminRequest::CreateTopics {
            topic,
            partitions: self.config.num_partitions,
            replication_factor: self.config.default_replication_factor,
        }));
        self.forwarding.waiting.push_back((origin, request));
        self.forward_next(cx);
    }

    fn forward_next(&mut self, cx: BrokerCx<'_, '_>) {
        if self.link(Link::Forwarding).is_busy() {
            return;
        }
        if let Some((_, request)) = self.forwarding.waiting.front() {
            let request = request.clone();
            let envelope = Request::Envelope(Box::new(EnvelopeRequest { request }));
            self.ask(cx, Link::Forwarding, envelope);
        }
    }

    /// The controller answered the request under way.
    pub(super) fn forwarded(&mut self, cx: BrokerCx<'_, '_>, envelope: EnvelopeResponse) {
        let answer = envelope.response;
        self.end_forwarding(
            cx,
            answer.expect("an envelope without an error has an answer"),
        );
    }

    /// No controller answered for too long.
    pub(super) fn forwarding_given_up(&mut self, cx: BrokerCx<'_, '_>) {
        let error = Some(ErrorCode::RequestTimedOut);
        let asked = self.forwarding.waiting.front();
        let alters = asked
            .is_some_and(|(_, request)| matches!(request, Request::IncrementalAlterConfigs(_)));
        let answer = if alters {
            let message = None;
            Response::IncrementalAlterConfigs(IncrementalAlterConfigsResponse { error, message })
        } else {
            Response::Admin(AdminResponse::refused(error))
        };
        self.end_forwarding(cx, answer);
    }

    fn end_forwarding(&mut self, cx: BrokerCx<'_, '_>, answer: Response) {
        let asked = self.forwarding.waiting.pop_front();
        match asked.expect("an answer has a request") {
            (Origin::Client(to), _) => self.respond(cx, to, answer),
            (Origin::MissingTopic(_), _) => {}
        }
        self.forward_next(cx);
    }
}
