//! AllocateProducerIds (API key 67) at the controller.
//!
//! Modelled: blocks of 1,000 ids, each given out once. Left out: the end of all 2^63 ids.
//! Source: ProducerIdControlManager (4.2); KIP-730.

use crate::controller::cluster::{Cluster, Decision};
use crate::controller::log::Change;
use crate::kafka::api::allocate_producer_ids::{
    AllocateProducerIdsRequest, AllocateProducerIdsResponse, PRODUCER_ID_BLOCK_SIZE,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::ids::ProducerId;
use crate::kafka::metadata_records::MetadataRecord;

/// Gives a broker the next block of producer ids.
pub(super) fn decide(
    cluster: &Cluster,
    request: AllocateProducerIdsRequest,
) -> Result<Decision<AllocateProducerIdsResponse>, ErrorCode> {
    cluster.check_epoch(request.broker, request.broker_epoch)?;
    let first = cluster.latest.next_producer_id;
    Ok(Decision {
        changes: vec![Change::of(MetadataRecord::ProducerIds {
            broker: request.broker,
            next: ProducerId(first.0 + PRODUCER_ID_BLOCK_SIZE),
        })],
        answer: AllocateProducerIdsResponse {
            error: None,
            first,
            count: PRODUCER_ID_BLOCK_SIZE,
        },
    })
}
