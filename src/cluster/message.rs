//! What travels between hosts: one enum over all protocols, with sizes as if encoded.
//!
//! Modelled: bytes of each request and answer to within a few header bytes; which CPU cost the
//! receiver pays. Left out: the exact varint lengths of flexible headers.

use crate::kafka::api::fetch::FetchedPartition;
use crate::kafka::message::{Message as Kafka, Request, Response};
use crate::kafka::size;
use crate::sim::process::Payload;
use crate::sim::rng::scale;

/// Whose CPU time a message costs, and how much: an index into a host's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CostClass {
    /// None: clients' handling of answers, and fetchers' own threads.
    Free,
    /// A produce request.
    Produce,
    /// A fetch request of a consumer or a follower.
    Fetch,
    /// Any other request.
    Other,
    /// An answer, to its sender.
    Answer,
    /// An answer with records, to its sender.
    Records,
}

impl CostClass {
    /// How many classes there are.
    pub const COUNT: usize = 6;
}

/// A message of any protocol. RabbitMQ's will stand beside Kafka's.
#[derive(Clone, Debug)]
pub enum Message {
    /// Between Kafka's brokers, controllers and clients.
    Kafka(Kafka),
}

/// In the digest of what was damaged.
const DAMAGED: u64 = 1 << 63;

impl Payload for Message {
    fn size_bytes(&self) -> u64 {
        let Self::Kafka(message) = self;
        match message {
            Kafka::Request { body, .. } => size::of_request(body),
            Kafka::Response { body, .. } => size::of_response(body),
        }
    }

    fn digest(&self) -> u64 {
        let Self::Kafka(message) = self;
        match message {
            Kafka::Request { correlation, body } => {
                fold(1 + request_digest(body), u64::from(correlation.0))
            }
            Kafka::Response {
                correlation,
                throttle_time,
                body,
            } => {
                let word = fold(101 + response_digest(body), u64::from(correlation.0));
                word ^ throttle_time.as_nanos()
            }
        }
    }

    fn cost_class(&self) -> usize {
        let Self::Kafka(message) = self;
        let class = match message {
            Kafka::Response { .. } => CostClass::Free,
            Kafka::Request {
                body: Request::Produce(_),
                ..
            } => CostClass::Produce,
            Kafka::Request {
                body: Request::Fetch(_),
                ..
            } => CostClass::Fetch,
            Kafka::Request { .. } => CostClass::Other,
        };
        class as usize
    }

    fn write_class(&self) -> usize {
        let Self::Kafka(message) = self;
        let class = match message {
            Kafka::Response {
                body: Response::Fetch(_),
                ..
            } => CostClass::Records,
            Kafka::Response { .. } => CostClass::Answer,
            Kafka::Request { .. } => CostClass::Free,
        };
        class as usize
    }

    // Deviation: what is damaged on the wire is a record batch; damage to anything else in a message,
    // for which Kafka closes the connection or which it does not notice, is left out.
    fn damage(&mut self, bits: u64) -> bool {
        let Self::Kafka(message) = self;
        match message {
            Kafka::Request {
                body: Request::Produce(produce),
                ..
            } => {
                let index = scale(bits, produce.partitions.len() as u64) as usize;
                let found = produce.partitions.get_mut(index);
                found.map(|part| part.corrupt = true).is_some()
            }
            Kafka::Response {
                body: Response::Fetch(fetch),
                ..
            } => damage_fetched(&mut fetch.partitions, bits),
            Kafka::Request { .. } | Kafka::Response { .. } => false,
        }
    }
}

/// Damages one of the batches of an answer.
fn damage_fetched(partitions: &mut [FetchedPartition], bits: u64) -> bool {
    let count: usize = partitions.iter().map(|p| p.batches.len()).sum();
    let mut index = scale(bits, count as u64) as usize;
    for partition in partitions {
        if index < partition.batches.len() {
            partition.corrupt = Some(index as u32);
            return true;
        }
        index -= partition.batches.len();
    }
    false
}

/// Kind and what makes this request another than the last of its kind.
fn request_digest(request: &Request) -> u64 {
    match request {
        Request::Produce(produce) => {
            let ids = produce.partitions.iter().fold(0, |word, p| {
                let damage = if p.corrupt { DAMAGED } else { 0 };
                fold(
                    fold(word, u64::from(p.tp.partition)),
                    u64::from(p.batch.records[0].id.0) ^ damage,
                )
            });
            fold(1, ids)
        }
        Request::Fetch(fetch) => fetch
            .partitions
            .iter()
            .fold(2, |word, p| fold(word, p.fetch_offset.0)),
        Request::ListOffsets(_) => 3,
        Request::Metadata(_) => 4,
        Request::InitProducerId(_) => 5,
        Request::OffsetForLeaderEpoch(_) => 6,
        Request::AlterPartition(_) => 7,
        Request::BrokerRegistration(_) => 8,
        Request::BrokerHeartbeat(beat) => fold(9, beat.metadata_offset.0),
        Request::AllocateProducerIds(_) => 10,
        Request::QuorumFetch(fetch) => fold(11, fetch.fetch_offset.0),
        Request::DeleteRecords(_) => 12,
        Request::IncrementalAlterConfigs(_) => 13,
        Request::Admin(_) => 14,
        Request::Envelope(envelope) => fold(15, request_digest(&envelope.request)),
        Request::AssignReplicasToDirs(assign) => fold(16, assign.assignments.len() as u64),
    }
}

/// As [`request_digest`], for answers.
fn response_digest(response: &Response) -> u64 {
    match response {
        Response::Produce(produce) => produce.partitions.iter().fold(1, |word, p| {
            let code = p.error.map_or(0, |e| u64::from(e.code().unsigned_abs()));
            fold(fold(word, code), p.base_offset.map_or(0, |o| o.0))
        }),
        Response::Fetch(fetch) => fetch.partitions.iter().fold(2, |word, p| {
            let code = p.error.map_or(0, |e| u64::from(e.code().unsigned_abs()));
            let damage = p
                .corrupt
                .map_or(0, |index| DAMAGED ^ u64::from(index) << 32);
            fold(
                fold(word, code),
                p.high_watermark.0 ^ (p.batches.len() as u64) << 48 ^ damage,
            )
        }),
        Response::ListOffsets(_) => 3,
        Response::Metadata(metadata) => fold(4, metadata.brokers.len() as u64),
        Response::AssignReplicasToDirs(_) => 15,
        Response::InitProducerId(init) => fold(5, init.producer_id.0),
        Response::OffsetForLeaderEpoch(_) => 6,
        Response::AlterPartition(alter) => fold(7, alter.partitions.len() as u64),
        Response::BrokerRegistration(registration) => fold(8, registration.broker_epoch.0),
        Response::BrokerHeartbeat(beat) => fold(9, u64::from(beat.is_fenced)),
        Response::AllocateProducerIds(block) => fold(10, block.first.0),
        Response::QuorumFetch(fetch) => fold(11, fetch.high_watermark.0),
        Response::DeleteRecords(delete) => delete.partitions.iter().fold(12, |word, p| {
            let code = p.error.map_or(0, |e| u64::from(e.code().unsigned_abs()));
            fold(fold(word, code), p.low_watermark.map_or(0, |o| o.0))
        }),
        Response::IncrementalAlterConfigs(alter) => fold(13, u64::from(alter.error.is_some())),
        Response::Admin(admin) => fold(14, u64::from(admin.error.is_some())),
        Response::Envelope(envelope) => {
            fold(15, envelope.response.as_ref().map_or(0, response_digest))
        }
    }
}

/// Mixes one word into another.
fn fold(word: u64, next: u64) -> u64 {
    (word.rotate_left(5) ^ next).wrapping_mul(0x517c_c1b7_2722_0a95)
}
