//! CPU time for compressed batches: a broker opens each to check its records, and compresses anew
//! what the topic wants otherwise than the producer.
//!
//! Modelled: the declared cost of both, before the append, on as many threads as num.io.threads.
//! Left out: batches that need no new offsets (followers' and fetches' are never opened).
//! Source: LogValidator, ReplicaManager.appendRecords (4.2).

// Deviation: threads for compression stand beside the threads for requests; in Kafka the thread
// that handles a request also opens its batches.

use std::collections::BTreeMap;

use crate::broker::connections::ReplyTo;
use crate::broker::{Broker, BrokerCx, Timer, api};
use crate::kafka::api::produce::ProduceRequest;
use crate::kafka::compression::Codec;
use crate::kafka::message::Request;
use crate::sim::time::{SimDuration, SimTime};

/// Produce requests whose batches are being opened or compressed.
#[derive(Clone, Debug)]
pub(super) struct CodecWork {
    /// When each thread that has ever worked is free again.
    threads: Vec<SimTime>,
    /// How many there are.
    most: u32,
    /// By the end of the work, then in the order of arrival.
    working: BTreeMap<(SimTime, u64), (ReplyTo, ProduceRequest)>,
    taken: u64,
}

impl CodecWork {
    /// No work yet.
    pub(super) fn new(threads: u32) -> Self {
        Self {
            threads: Vec::new(),
            most: threads.max(1),
            working: BTreeMap::new(),
            taken: 0,
        }
    }

    /// The process died.
    pub(super) fn clear(&mut self) {
        self.threads.clear();
        self.working.clear();
    }

    /// Gives work to the thread that is free first.
    fn begin(&mut self, now: SimTime, cost: SimDuration, to: ReplyTo, request: ProduceRequest) {
        let all_busy = self.threads.iter().all(|free| *free > now);
        if all_busy && self.threads.len() < self.most as usize {
            self.threads.push(now);
        }
        let first = (0..self.threads.len()).min_by_key(|index| self.threads[*index]);
        let thread = &mut self.threads[first.expect("there is a thread")];
        *thread = (*thread).max(now) + cost;
        self.working.insert((*thread, self.taken), (to, request));
        self.taken += 1;
    }

    /// The next request whose work is done.
    fn next_done(&mut self, now: SimTime) -> Option<(ReplyTo, ProduceRequest)> {
        let first = self.working.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// Appends a produce request's batches once they have been opened and compressed.
pub(super) fn produce(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    request: ProduceRequest,
) {
    let cost = broker.compression_cost(&request);
    if cost.is_zero() {
        return api::produce::handle(broker, cx, to, request);
    }
    broker.codec_work.begin(cx.now(), cost, to, request);
    arm(broker, cx);
}

/// Some work is done.
pub(super) fn done(broker: &mut Broker, cx: BrokerCx<'_, '_>) {
    while let Some((to, request)) = broker.codec_work.next_done(cx.now()) {
        api::produce::handle(broker, cx, to, request);
    }
    arm(broker, cx);
}

fn arm(broker: &Broker, cx: BrokerCx<'_, '_>) {
    if let Some(((end, _), _)) = broker.codec_work.working.first_key_value() {
        cx.set_timer(Timer::CodecWork, end.since(cx.now()));
    }
}

impl Broker {
    /// What a request's batches take of a thread, beside the request itself.
    pub(super) fn codec_cost(&self, request: &Request) -> SimDuration {
        let Request::Produce(request) = request else {
            return SimDuration::ZERO;
        };
        self.compression_cost(request)
    }

    /// What opening and compressing a produce request's batches takes.
    fn compression_cost(&self, request: &ProduceRequest) -> SimDuration {
        let mut sum = SimDuration::ZERO;
        for part in &request.partitions {
            let packing = part.batch.packing;
            let wanted = match self.replica(part.tp) {
                Ok(replica) => replica.settings.compression.codec_for(packing.codec),
                Err(_) => continue,
            };
            if packing.codec == Codec::None && wanted == Codec::None {
                continue;
            }
            let costs = &self.costs.codecs;
            sum = sum.saturating_add(costs.decompress(packing.codec, packing.raw_bytes));
            if wanted != packing.codec {
                sum = sum.saturating_add(costs.compress(wanted, packing.raw_bytes));
            }
        }
        sum
    }
}
