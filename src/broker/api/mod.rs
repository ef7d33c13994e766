//! One handler file per API key that clients and followers use.

pub(super) mod delete_records;
pub(super) mod fetch;
pub(super) mod init_producer_id;
pub(super) mod list_offsets;
pub(super) mod metadata;
pub(super) mod offset_for_leader_epoch;
pub(super) mod produce;

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::codec_work;
use crate::broker::connections::ReplyTo;
use crate::kafka::message::{Request, Response};

/// Hands a request to its handler.
pub(super) fn dispatch(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    mut request: Request,
) {
    broker.meter(to.on, &mut request);
    match request {
        Request::Produce(request) => codec_work::produce(broker, cx, to, *request),
        Request::Fetch(request) => fetch::handle(broker, cx, to, request),
        Request::ListOffsets(request) => {
            let response = list_offsets::handle(broker, &request);
            broker.respond(cx, to, Response::ListOffsets(response));
        }
        Request::Metadata(request) => {
            let response = metadata::handle(broker, cx, &request);
            broker.respond(cx, to, Response::Metadata(Box::new(response)));
        }
        Request::InitProducerId(request) => {
            let response = init_producer_id::handle(broker, cx, request);
            broker.respond(cx, to, Response::InitProducerId(response));
        }
        Request::OffsetForLeaderEpoch(request) => {
            let response = offset_for_leader_epoch::handle(broker, &request);
            broker.respond(cx, to, Response::OffsetForLeaderEpoch(response));
        }
        Request::DeleteRecords(request) => delete_records::handle(broker, cx, to, &request),
        Request::Admin(_) | Request::IncrementalAlterConfigs(_) => broker.forward(cx, to, request),
        // Only controllers answer these; a broker knows no such API and hangs up.
        Request::AlterPartition(_)
        | Request::Envelope(_)
        | Request::BrokerRegistration(_)
        | Request::BrokerHeartbeat(_)
        | Request::AllocateProducerIds(_)
        | Request::AssignReplicasToDirs(_)
        | Request::QuorumFetch(_) => broker.hang_up(cx, to.on),
    }
}
