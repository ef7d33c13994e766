//! Client quotas: who is over one is answered at once, and then not read from for a while.
//!
//! Modelled: one rate per quota and client.id on this broker, whatever the connection; the time of
//! threads counts for every request, the bytes of produce requests and of answers to consumers;
//! the longer of two throttle times holds; a throttled fetch brings nothing and counts no bytes;
//! a fetch is never larger than what ten windows allow; request_percentage never throttles for
//! longer than a window and spares acks=0; a quota that changes holds at once, for what was taken
//! before too.
//! Source: ClientQuotaManager, ClientQuotaMetadataManager, ClientRequestQuotaManager, KafkaApis,
//! ThrottledChannel (4.2); KIP-13, KIP-124, KIP-219.

// Deviation: quotas are counted in virtual time, not by the broker's wall clock.

pub(super) mod rate;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::broker::connections::{ReplyTo, Usage};
use crate::broker::quotas::rate::{Rate, Violation, Windows};
use crate::broker::timer::Timer;
use crate::broker::{Broker, BrokerCx};
use crate::kafka::api::fetch::{FetchRequest, Fetcher};
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::fact::Fact;
use crate::kafka::message::{Request, Response};
use crate::kafka::quota::{ClientId, ClientIds, Limits, QuotaType, Throttle};
use crate::kafka::size;
use crate::metadata::image::MetadataImage;
use crate::sim::process::{ConnectionId, HostId};
use crate::sim::time::{SimDuration, SimTime};

/// The quotas of a broker's clients and what they have taken lately.
#[derive(Clone, Debug)]
pub(super) struct Quotas {
    clients: Arc<ClientIds>,
    /// By client.id.
    limits: Vec<Limits>,
    windows: Windows,
    rates: BTreeMap<(QuotaType, ClientId), Rate>,
}

impl Quotas {
    /// Nothing taken yet.
    pub(super) fn new(clients: Arc<ClientIds>, config: &BrokerConfig) -> Self {
        Self {
            limits: vec![Limits::default(); clients.names.len()],
            clients,
            windows: Windows {
                count: u64::from(config.quota_window_num),
                size_ms: u64::from(config.quota_window_size_seconds) * 1_000,
            },
            rates: BTreeMap::new(),
        }
    }

    /// The process died.
    pub(super) fn clear(&mut self) {
        self.rates.clear();
    }

    /// Limits clients as the metadata says; what they have taken lately stays counted.
    pub(super) fn limit(&mut self, image: &MetadataImage) {
        self.limits = self.clients.limits(&image.client_quotas);
    }

    /// A client's limit; none without one.
    fn limit_of(&self, client: ClientId, quota: QuotaType) -> Option<u64> {
        self.limits.get(client.0 as usize)?.per_second(quota)
    }

    /// True when anybody has a quota of this type: then what all take is counted.
    fn has(&self, quota: QuotaType) -> bool {
        (self.limits.iter()).any(|limits| limits.per_second(quota).is_some())
    }

    /// Counts what a client took; says whether it is too much.
    fn take(
        &mut self,
        now: SimTime,
        client: ClientId,
        quota: QuotaType,
        amount: u64,
    ) -> Option<Throttle> {
        if !self.has(quota) {
            return None;
        }
        let limit = self.limit_of(client, quota);
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        let rate = self.rates.entry((quota, client)).or_default();
        rate.record(self.windows, now, amount);
        let Violation { rate, throttle_ms } = rate.above(self.windows, now, limit?)?;
        let longest_ms = match quota {
            QuotaType::Produce | QuotaType::Fetch => i32::MAX as u64,
            QuotaType::Request => self.windows.size_ms,
        };
        let time = SimDuration::from_millis(throttle_ms.min(longest_ms));
        (!time.is_zero()).then_some(Throttle {
            quota,
            time,
            rate,
            limit: limit?,
        })
    }

    /// Counts what a client took without asking whether it is too much.
    fn note(&mut self, now: SimTime, client: ClientId, quota: QuotaType, amount: u64) {
        if self.has(quota) {
            let rate = self.rates.entry((quota, client)).or_default();
            let amount = i64::try_from(amount).unwrap_or(i64::MAX);
            rate.record(self.windows, now, amount);
        }
    }

    /// A fetch's answer is not sent: its bytes were not taken.
    fn give_back(&mut self, now: SimTime, client: ClientId, amount: u64) {
        if let Some(rate) = self.rates.get_mut(&(QuotaType::Fetch, client)) {
            rate.record(
                self.windows,
                now,
                -i64::try_from(amount).unwrap_or(i64::MAX),
            );
        }
    }

    /// What one fetch may bring so that it can be within the quota at all.
    fn largest_fetch(&self, client: ClientId) -> Option<u32> {
        let limit = self.limit_of(client, QuotaType::Fetch)?;
        let windows = (self.windows.count - 1).saturating_mul(self.windows.size_ms) / 1_000;
        let bytes = limit.saturating_mul(windows).min(i32::MAX as u64);
        Some(bytes as u32)
    }
}

impl Broker {
    /// The client.id of a connection that opened, where anybody has or gets a quota.
    pub(super) fn client_of(&self, peer: HostId) -> Option<ClientId> {
        self.quotas.as_ref()?.clients.of(peer)
    }

    /// A quota has changed.
    pub(super) fn limit_clients(&mut self) {
        if let Some(quotas) = &mut self.quotas {
            quotas.limit(self.metadata.image());
        }
    }

    /// A request is about to be handled: notes what it takes, and keeps a consumer's fetch from
    /// being larger than its quota can ever allow.
    pub(super) fn meter(&mut self, on: ConnectionId, request: &mut Request) {
        let Some(quotas) = &self.quotas else { return };
        if let Request::Fetch(fetch) = request
            && fetch.fetcher == Fetcher::Consumer
            && let Some((client, _)) = self.connections.usage(on)
            && let Some(largest) = quotas.largest_fetch(client)
        {
            cap(fetch, largest);
        }
        let times_requests = quotas.has(QuotaType::Request);
        let (costs, codecs) = (&self.costs, self.codec_cost(request));
        let reading = self.network.read;
        self.connections.note_usage(on, || {
            let bytes = size::of_request(request);
            let handling = || costs.handling(request).saturating_add(codecs);
            let thread_time = if times_requests {
                handling().saturating_add(reading.of(bytes))
            } else {
                SimDuration::ZERO
            };
            Usage { bytes, thread_time }
        });
    }

    /// An answer is about to be sent: how long its connection is throttled. A throttled fetch's
    /// answer is empty.
    pub(super) fn throttle(
        &mut self,
        cx: BrokerCx<'_, '_>,
        to: ReplyTo,
        body: &mut Response,
    ) -> SimDuration {
        let Some(quotas) = &mut self.quotas else {
            return SimDuration::ZERO;
        };
        let Some((client, usage)) = self.connections.usage(to.on) else {
            return SimDuration::ZERO;
        };
        let now = cx.now();
        let time = usage.thread_time.as_nanos();
        let busy = quotas.take(now, client, QuotaType::Request, time);
        let throttle = match body {
            Response::Produce(_) => {
                let bytes = quotas.take(now, client, QuotaType::Produce, usage.bytes);
                longer(bytes, busy)
            }
            Response::Fetch(_) => {
                let size = size::of_response(body);
                let bytes = quotas.take(now, client, QuotaType::Fetch, size);
                let throttle = longer(bytes, busy);
                if throttle.is_some() {
                    quotas.give_back(now, client, size);
                }
                throttle
            }
            Response::ListOffsets(_)
            | Response::Metadata(_)
            | Response::InitProducerId(_)
            | Response::OffsetForLeaderEpoch(_)
            | Response::AlterPartition(_)
            | Response::BrokerRegistration(_)
            | Response::BrokerHeartbeat(_)
            | Response::AssignReplicasToDirs(_)
            | Response::AllocateProducerIds(_)
            | Response::QuorumFetch(_)
            | Response::DeleteRecords(_)
            | Response::IncrementalAlterConfigs(_)
            | Response::Envelope(_)
            | Response::Admin(_) => busy,
        };
        let Some(throttle) = throttle else {
            return SimDuration::ZERO;
        };
        if let Response::Fetch(fetch) = body {
            fetch.partitions.clear();
        }
        self.mute(cx, to.on, client, throttle);
        throttle.time
    }

    /// The time of the network thread that writes an answer counts afterwards, and for every API.
    pub(super) fn meter_answer(&mut self, cx: BrokerCx<'_, '_>, on: ConnectionId, body: &Response) {
        if let Some(quotas) = &mut self.quotas
            && !self.network.is_free()
            && let Some((client, _)) = self.connections.usage(on)
        {
            let writing = self.network.writing(body).as_nanos();
            quotas.note(cx.now(), client, QuotaType::Request, writing);
        }
    }

    /// A produce with acks=0 was appended: its bytes count, its time does not.
    pub(super) fn throttle_unanswered(&mut self, cx: BrokerCx<'_, '_>, on: ConnectionId) {
        if let Some(quotas) = &mut self.quotas
            && let Some((client, usage)) = self.connections.usage(on)
            && let Some(throttle) = quotas.take(cx.now(), client, QuotaType::Produce, usage.bytes)
        {
            self.mute(cx, on, client, throttle);
        }
    }

    fn mute(
        &mut self,
        cx: BrokerCx<'_, '_>,
        on: ConnectionId,
        client: ClientId,
        throttle: Throttle,
    ) {
        cx.fact(Fact::ClientThrottled {
            broker: self.id,
            client,
            throttle,
        });
        self.connections.throttle(on, cx.now() + throttle.time);
        self.end_throttling(cx);
    }

    /// Reads again from connections whose throttle time is over.
    pub(super) fn end_throttling(&mut self, cx: BrokerCx<'_, '_>) {
        if let Some(next) = self.connections.end_throttling(cx.now()) {
            cx.set_timer(Timer::Throttle, next.since(cx.now()));
        }
    }
}

fn cap(fetch: &mut FetchRequest, largest: u32) {
    fetch.max_bytes = fetch.max_bytes.min(largest);
    fetch.min_bytes = fetch.min_bytes.min(fetch.max_bytes);
}

/// The longer of two; of equals that of the request quota.
fn longer(bytes: Option<Throttle>, busy: Option<Throttle>) -> Option<Throttle> {
    match (bytes, busy) {
        (Some(bytes), Some(busy)) if bytes.time > busy.time => Some(bytes),
        (bytes, None) => bytes,
        (_, busy) => busy,
    }
}
