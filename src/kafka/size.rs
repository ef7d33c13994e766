//! The bytes of requests and answers, as if encoded.
//!
//! Modelled: bytes to within a few header bytes. Left out: the exact varint lengths of flexible
//! headers.

// Deviation: sizes of requests and answers count their batches exactly and everything else by a
// fixed number of bytes per entry, not by the encoded length of topic names.

use crate::kafka::api::admin::AdminRequest;
use crate::kafka::api::incremental_alter_configs::IncrementalAlterConfigsRequest;
use crate::kafka::message::{Request, Response};

/// Header of a request or an answer: size, API key, version, correlation id, client id.
const HEADER: u64 = 40;
/// What one partition takes in a request or an answer, beside its batches.
const PER_PARTITION: u64 = 32;

/// A request's bytes.
pub fn of_request(request: &Request) -> u64 {
    let body = match request {
        Request::Produce(produce) => {
            let batches = produce
                .partitions
                .iter()
                .map(|p| u64::from(p.batch.size_bytes));
            batches.sum::<u64>() + PER_PARTITION * produce.partitions.len() as u64
        }
        Request::Fetch(fetch) => PER_PARTITION * (1 + fetch.partitions.len() as u64),
        Request::ListOffsets(list) => PER_PARTITION * list.partitions.len() as u64,
        Request::Metadata(metadata) => 16 * metadata.topics.len() as u64,
        Request::OffsetForLeaderEpoch(end) => PER_PARTITION * end.partitions.len() as u64,
        Request::AlterPartition(alter) => 2 * PER_PARTITION * alter.partitions.len() as u64,
        Request::DeleteRecords(delete) => PER_PARTITION * delete.partitions.len() as u64,
        Request::IncrementalAlterConfigs(alter) => match alter {
            IncrementalAlterConfigsRequest::Topic { changes, .. } => {
                PER_PARTITION * changes.len() as u64
            }
            IncrementalAlterConfigsRequest::ThrottledReplicas { .. }
            | IncrementalAlterConfigsRequest::ThrottledRate { .. } => 2 * PER_PARTITION,
        },
        Request::Envelope(envelope) => of_request(&envelope.request),
        Request::AssignReplicasToDirs(assign) => PER_PARTITION * assign.assignments.len() as u64,
        Request::Admin(admin) => match &**admin {
            AdminRequest::AlterClientQuotas { changes, .. } => PER_PARTITION * changes.len() as u64,
            AdminRequest::CreateTopics { .. }
            | AdminRequest::ElectLeaders { .. }
            | AdminRequest::CreatePartitions { .. }
            | AdminRequest::AlterPartitionReassignments { .. }
            | AdminRequest::ListPartitionReassignments { .. }
            | AdminRequest::UnregisterBroker { .. } => PER_PARTITION,
        },
        Request::InitProducerId(_)
        | Request::BrokerRegistration(_)
        | Request::BrokerHeartbeat(_)
        | Request::AllocateProducerIds(_)
        | Request::QuorumFetch(_) => PER_PARTITION,
    };
    HEADER + body
}

/// An answer's bytes.
pub fn of_response(response: &Response) -> u64 {
    let body = match response {
        Response::Produce(produce) => PER_PARTITION * produce.partitions.len() as u64,
        Response::Fetch(fetch) => fetch
            .partitions
            .iter()
            .map(|p| {
                let batches = p.batches.iter().map(|b| u64::from(b.batch.size_bytes));
                PER_PARTITION + batches.sum::<u64>()
            })
            .sum(),
        Response::ListOffsets(list) => PER_PARTITION * list.partitions.len() as u64,
        Response::Metadata(metadata) => {
            let partitions = metadata.topics.iter().map(|t| t.partitions.len() as u64);
            24 * metadata.brokers.len() as u64 + PER_PARTITION * partitions.sum::<u64>()
        }
        Response::OffsetForLeaderEpoch(end) => PER_PARTITION * end.partitions.len() as u64,
        Response::AlterPartition(alter) => 2 * PER_PARTITION * alter.partitions.len() as u64,
        Response::DeleteRecords(delete) => PER_PARTITION * delete.partitions.len() as u64,
        Response::QuorumFetch(fetch) => 64 * fetch.records.len() as u64 + PER_PARTITION,
        Response::Envelope(envelope) => envelope.response.as_ref().map_or(HEADER, of_response),
        Response::IncrementalAlterConfigs(_)
        | Response::Admin(_)
        | Response::InitProducerId(_)
        | Response::BrokerRegistration(_)
        | Response::BrokerHeartbeat(_)
        | Response::AssignReplicasToDirs(_)
        | Response::AllocateProducerIds(_) => PER_PARTITION,
    };
    HEADER + body
}
