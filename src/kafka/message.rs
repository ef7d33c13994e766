//! What travels between brokers, controllers and clients.

use crate::kafka::api::admin::{AdminRequest, AdminResponse};
use crate::kafka::api::allocate_producer_ids::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse,
};
use crate::kafka::api::alter_partition::{AlterPartitionRequest, AlterPartitionResponse};
use crate::kafka::api::assign_replicas_to_dirs::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
};
use crate::kafka::api::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::kafka::api::broker_registration::{
    BrokerRegistrationRequest, BrokerRegistrationResponse,
};
use crate::kafka::api::delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};
use crate::kafka::api::envelope::{EnvelopeRequest, EnvelopeResponse};
use crate::kafka::api::fetch::{FetchRequest, FetchResponse};
use crate::kafka::api::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use crate::kafka::api::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::kafka::api::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
use crate::kafka::api::metadata::{MetadataRequest, MetadataResponse};
use crate::kafka::api::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use crate::kafka::api::produce::{ProduceRequest, ProduceResponse};
use crate::kafka::api::quorum_fetch::{QuorumFetchRequest, QuorumFetchResponse};
use crate::sim::time::SimDuration;

/// Pairs an answer with its request on one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorrelationId(pub u32);

/// A request or an answer.
#[derive(Clone, Debug)]
pub enum Message {
    /// From a client of the connection to its server.
    Request {
        /// Pairs the answer.
        correlation: CorrelationId,
        /// What is asked.
        body: Request,
    },
    /// The answer.
    Response {
        /// Of the request.
        correlation: CorrelationId,
        /// For how long the server reads nothing more from this connection, since its client is
        /// over a quota (throttle_time_ms, KIP-219).
        throttle_time: SimDuration,
        /// The answer.
        body: Response,
    },
}

impl Message {
    /// An answer to a client that is within its quotas.
    pub fn answer(correlation: CorrelationId, body: Response) -> Self {
        Self::Response {
            correlation,
            throttle_time: SimDuration::ZERO,
            body,
        }
    }
}

/// The requests, one variant per API key.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "each variant carries the documented type of the same name"
)]
pub enum Request {
    Produce(Box<ProduceRequest>),
    Fetch(Box<FetchRequest>),
    ListOffsets(ListOffsetsRequest),
    Metadata(MetadataRequest),
    InitProducerId(InitProducerIdRequest),
    OffsetForLeaderEpoch(OffsetForLeaderEpochRequest),
    AlterPartition(Box<AlterPartitionRequest>),
    BrokerRegistration(BrokerRegistrationRequest),
    BrokerHeartbeat(BrokerHeartbeatRequest),
    AllocateProducerIds(AllocateProducerIdsRequest),
    AssignReplicasToDirs(Box<AssignReplicasToDirsRequest>),
    QuorumFetch(QuorumFetchRequest),
    DeleteRecords(DeleteRecordsRequest),
    IncrementalAlterConfigs(IncrementalAlterConfigsRequest),
    Admin(Box<AdminRequest>),
    Envelope(Box<EnvelopeRequest>),
}

/// The answers, one variant per API key.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "each variant carries the documented type of the same name"
)]
pub enum Response {
    Produce(Box<ProduceResponse>),
    Fetch(Box<FetchResponse>),
    ListOffsets(ListOffsetsResponse),
    Metadata(Box<MetadataResponse>),
    InitProducerId(InitProducerIdResponse),
    OffsetForLeaderEpoch(OffsetForLeaderEpochResponse),
    AlterPartition(Box<AlterPartitionResponse>),
    BrokerRegistration(BrokerRegistrationResponse),
    BrokerHeartbeat(BrokerHeartbeatResponse),
    AllocateProducerIds(AllocateProducerIdsResponse),
    AssignReplicasToDirs(AssignReplicasToDirsResponse),
    QuorumFetch(Box<QuorumFetchResponse>),
    DeleteRecords(DeleteRecordsResponse),
    IncrementalAlterConfigs(IncrementalAlterConfigsResponse),
    Admin(AdminResponse),
    Envelope(Box<EnvelopeResponse>),
}
