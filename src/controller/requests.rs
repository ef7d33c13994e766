//! Which requests change the cluster, and what each is answered.

use crate::controller::cluster::{Cluster, Decision};
use crate::controller::{
    admin, alter_partition, configs, heartbeat, log_dirs, producer_ids, registration,
};
use crate::kafka::api::admin::{AdminRequest, AdminResponse};
use crate::kafka::api::allocate_producer_ids::AllocateProducerIdsRequest;
use crate::kafka::api::allocate_producer_ids::AllocateProducerIdsResponse;
use crate::kafka::api::alter_partition::{AlterPartitionRequest, AlterPartitionResponse};
use crate::kafka::api::assign_replicas_to_dirs::{
    AssignReplicasToDirsRequest, AssignReplicasToDirsResponse,
};
use crate::kafka::api::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::kafka::api::broker_registration::{
    BrokerRegistrationRequest, BrokerRegistrationResponse,
};
use crate::kafka::api::envelope::EnvelopeResponse;
use crate::kafka::api::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::{BrokerEpoch, ProducerId};
use crate::kafka::message::{Request, Response};
use crate::sim::time::SimTime;

/// A request that only the active controller serves.
#[derive(Debug)]
pub(super) enum Command {
    /// A started broker makes itself known.
    Register(BrokerRegistrationRequest),
    /// A broker keeps its session.
    Heartbeat(BrokerHeartbeatRequest),
    /// A leader wants other in-sync sets.
    AlterPartition(Box<AlterPartitionRequest>),
    /// An administrator wants something.
    Admin(Box<AdminRequest>),
    /// A broker needs producer ids.
    AllocateProducerIds(AllocateProducerIdsRequest),
    /// A broker says where its replicas lie.
    AssignReplicasToDirs(Box<AssignReplicasToDirsRequest>),
    /// Somebody wants other configs.
    AlterConfigs(IncrementalAlterConfigsRequest),
    /// A broker passes on what a client asked it.
    Forwarded(Box<Command>),
}

impl Command {
    /// The command of a request; none for what a controller does not serve.
    pub(super) fn of(request: Request) -> Option<Self> {
        match request {
            Request::BrokerRegistration(request) => Some(Self::Register(request)),
            Request::BrokerHeartbeat(request) => Some(Self::Heartbeat(request)),
            Request::AlterPartition(request) => Some(Self::AlterPartition(request)),
            Request::AllocateProducerIds(request) => Some(Self::AllocateProducerIds(request)),
            Request::AssignReplicasToDirs(request) => Some(Self::AssignReplicasToDirs(request)),
            Request::IncrementalAlterConfigs(request) => Some(Self::AlterConfigs(request)),
            Request::Admin(request) => Some(Self::Admin(request)),
            Request::Envelope(envelope) => {
                Self::of(envelope.request).map(|inner| Self::Forwarded(Box::new(inner)))
            }
            Request::Produce(_)
            | Request::DeleteRecords(_)
            | Request::Fetch(_)
            | Request::ListOffsets(_)
            | Request::Metadata(_)
            | Request::InitProducerId(_)
            | Request::OffsetForLeaderEpoch(_)
            | Request::QuorumFetch(_) => None,
        }
    }

    /// Decides what to do about it.
    pub(super) fn decide(
        &self,
        cluster: &mut Cluster,
        now: SimTime,
    ) -> Result<Decision<Response>, ErrorCode> {
        Ok(match self {
            Self::Register(request) => {
                registration::decide(cluster, now, *request)?.map(Response::BrokerRegistration)
            }
            Self::Heartbeat(request) => {
                heartbeat::decide(cluster, now, *request)?.map(Response::BrokerHeartbeat)
            }
            Self::AlterPartition(request) => alter_partition::decide(cluster, request)?
                .map(|answer| Response::AlterPartition(Box::new(answer))),
            Self::Admin(request) => admin::decide(cluster, request)?.map(Response::Admin),
            Self::AllocateProducerIds(request) => {
                producer_ids::decide(cluster, *request)?.map(Response::AllocateProducerIds)
            }
            Self::AssignReplicasToDirs(request) => {
                log_dirs::assign(cluster, request)?.map(Response::AssignReplicasToDirs)
            }
            Self::AlterConfigs(request) => {
                configs::decide(cluster, request)?.map(Response::IncrementalAlterConfigs)
            }
            Self::Forwarded(inner) => {
                let decided = inner.decide(cluster, now);
                let decided = decided.unwrap_or_else(|error| Decision {
                    changes: Vec::new(),
                    answer: inner.refusal(error),
                });
                decided.map(|answer| {
                    Response::Envelope(Box::new(EnvelopeResponse {
                        error: None,
                        response: Some(answer),
                    }))
                })
            }
        })
    }

    /// The answer that carries nothing but an error.
    pub(super) fn refusal(&self, error: ErrorCode) -> Response {
        let error = Some(error);
        match self {
            Self::Register(_) => Response::BrokerRegistration(BrokerRegistrationResponse {
                error,
                broker_epoch: BrokerEpoch::default(),
            }),
            Self::Heartbeat(_) => Response::BrokerHeartbeat(BrokerHeartbeatResponse {
                error,
                is_caught_up: false,
                is_fenced: true,
                should_shut_down: false,
            }),
            Self::AlterPartition(_) => Response::AlterPartition(Box::new(AlterPartitionResponse {
                error,
                partitions: Vec::new(),
            })),
            Self::AlterConfigs(_) => {
                Response::IncrementalAlterConfigs(IncrementalAlterConfigsResponse {
                    error,
                    message: None,
                })
            }
            Self::Admin(_) => Response::Admin(AdminResponse::refused(error)),
            Self::Forwarded(_) => Response::Envelope(Box::new(EnvelopeResponse {
                error,
                response: None,
            })),
            Self::AssignReplicasToDirs(_) => {
                Response::AssignReplicasToDirs(AssignReplicasToDirsResponse { error })
            }
            Self::AllocateProducerIds(_) => {
                Response::AllocateProducerIds(AllocateProducerIdsResponse {
                    error,
                    first: ProducerId::default(),
                    count: 0,
                })
            }
        }
    }
}

impl<R> Decision<R> {
    fn map<S>(self, into: impl FnOnce(R) -> S) -> Decision<S> {
        Decision {
            changes: self.changes,
            answer: into(self.answer),
        }
    }
}
