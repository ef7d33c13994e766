//! Produce (API key 0): append, and answer when as many replicas have the batch as was asked for.
//!
//! Modelled: acks 0, 1 and all; the minimum of in-sync replicas, checked before the append and again
//! at the answer; the sequence check, which the log makes; duplicates, which wait like new batches;
//! leaders that lose their office while a produce waits; time-outs; flush.messages.
//! Left out: transactions, compacted topics.
//! Source: KafkaApis.handleProduceRequest, ReplicaManager.appendRecords, DelayedProduce,
//! Partition.appendRecordsToLeader (4.2); KIP-951.

// Deviation: a duplicate under LogAppendTime is answered without a time of append; Kafka answers with
// the timestamp of the producer's last batch.
// Deviation: an append behind a running flush of the same log is not held up by it.

use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::connections::ReplyTo;
use crate::broker::mutation::Mutation;
use crate::broker::partition::{Partition, Slot};
use crate::broker::purgatory::{ParkedId, ParkedProduce, Wait, Waiter};
use crate::broker::storage::FlushTarget;
use crate::broker::timer::Timer;
use crate::kafka::api::produce::{
    Acks, ProducePartition, ProducePartitionResponse, ProduceRequest, ProduceResponse,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::{Fact, Role};
use crate::kafka::ids::{Offset, TopicPartition};
use crate::kafka::message::Response;
use crate::kafka::records::{Batch, TimestampType};
use crate::log::LeaderAppend;
use crate::log::rules::LogRules;
use crate::log::segment::Incoming;
use crate::sim::clock::WallTime;
use crate::sim::process::FlushId;
use crate::sim::time::{SimDuration, SimTime};

/// A batch that was not refused.
struct Accepted {
    slot: Slot,
    base_offset: Offset,
    /// The offset after its last record.
    next_offset: Offset,
    /// The leader's time of append, with LogAppendTime.
    log_append_time: Option<WallTime>,
    kind: Kind,
}

impl Accepted {
    fn duplicate(slot: Slot, base_offset: Offset, last_offset: Offset) -> Self {
        Self {
            slot,
            base_offset,
            next_offset: last_offset.plus(1),
            log_append_time: None,
            kind: Kind::Duplicate,
        }
    }
}

enum Kind {
    /// It was in the log before.
    Duplicate,
    /// It is in the log now; whether the high watermark moved with it.
    Appended { raised: bool },
    /// It is in the log, and what follows waits for a flush.
    Flushing(FlushId),
}

/// Appends every batch, then answers or parks, then wakes those who waited for the records.
pub(in crate::broker) fn handle(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    request: ProduceRequest,
) {
    let acks = request.acks;
    let mut parked = ParkedProduce {
        reply_to: to,
        acks,
        arrived_in: cx.cause(),
        response: Box::new(ProduceResponse {
            partitions: Vec::with_capacity(request.partitions.len()),
        }),
        waits: broker.scratch.waits.pop().unwrap_or_default(),
        left: 0,
    };
    let mut grown = std::mem::take(&mut broker.scratch.grown);
    for part in request.partitions {
        let tp = part.tp;
        let accepted = append(broker, cx, acks, part);
        if let Ok(accepted) = &accepted
            && let Kind::Appended { raised } = accepted.kind
        {
            grown.push((accepted.slot, raised));
        }
        let acks_early = broker.mutation == Some(Mutation::AckBeforeAppend);
        let wait = accepted
            .as_ref()
            .ok()
            .filter(|_| !acks_early)
            .map_or(Wait::Done, |accepted| wait_of(acks, accepted));
        parked.left += u32::from(wait != Wait::Done);
        parked.waits.push(wait);
        let mut response = describe(broker, cx, tp, accepted);
        if acks_early {
            response.error = None;
            response.base_offset = response.base_offset.or(Some(Offset::default()));
        }
        parked.response.partitions.push(response);
    }
    // What the high watermark already covers is checked at once.
    for part in 0..parked.waits.len() {
        if let Wait::Replication(required) = parked.waits[part]
            && let Some(verdict) = verdict(broker, parked.response.partitions[part].tp, required)
        {
            parked.waits[part] = Wait::Done;
            parked.left -= 1;
            parked.response.partitions[part].error = verdict.err();
        }
    }
    if parked.left == 0 {
        answer(broker, cx, parked, Waited::No);
    } else {
        park(broker, cx, parked, request.timeout);
    }
    for (slot, raised) in grown.drain(..) {
        if raised {
            wake(broker, cx, slot);
            broker.wake_consumers(cx, slot);
        }
        broker.wake_followers(cx, slot);
    }
    broker.scratch.grown = grown;
}

/// What the answer for an accepted batch waits for.
fn wait_of(acks: Acks, accepted: &Accepted) -> Wait {
    let then = (acks == Acks::All).then_some(accepted.next_offset);
    match (&accepted.kind, then) {
        (Kind::Flushing(flush), then) => Wait::Flush {
            flush: *flush,
            then,
        },
        (Kind::Duplicate | Kind::Appended { .. }, Some(required)) => Wait::Replication(required),
        (Kind::Duplicate | Kind::Appended { .. }, None) => Wait::Done,
    }
}

/// Checks and appends one batch.
fn append(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    acks: Acks,
    part: ProducePartition,
) -> Result<Accepted, ErrorCode> {
    let slot = broker.find(part.tp)?;
    let partition = &mut broker.replicas[slot];
    let leading = partition.leading().ok_or(ErrorCode::NotLeaderOrFollower)?;
    if acks == Acks::All && leading.is_under_min_isr() {
        return Err(ErrorCode::NotEnoughReplicas);
    }
    if part.batch.size_bytes > partition.settings.max_message_bytes {
        return Err(ErrorCode::MessageTooLarge);
    }
    if part.corrupt {
        return Err(ErrorCode::CorruptMessage);
    }
    let epoch = leading.epoch;
    let batch = compressed_for(partition, part.batch)?;
    let (batch, log_append_time) = admit(batch, &partition.settings.log, cx.wall_clock())?;
    roll_for(broker, cx, slot, &batch);
    let partition = &mut broker.replicas[slot];
    let stored = match partition.log.append_as_leader(batch, epoch)? {
        LeaderAppend::Appended(stored) => stored,
        LeaderAppend::Duplicate {
            base_offset,
            last_offset,
        } => {
            cx.fact(Fact::DuplicateDetected {
                broker: broker.id,
                tp: part.tp,
                base_offset,
            });
            return Ok(Accepted::duplicate(slot, base_offset, last_offset));
        }
    };
    let (base_offset, next_offset) = (stored.base_offset, stored.next_offset());
    let now = cx.now();
    let bytes = u64::from(stored.batch.size_bytes);
    if cx.disk().append(partition.file, bytes, now).is_err() {
        partition.log.truncate_to(base_offset);
        broker.log_dir_failed(slot);
        return Err(ErrorCode::KafkaStorageError);
    }
    let records = u64::from(stored.batch.count());
    cx.fact(Fact::Appended {
        broker: broker.id,
        role: Role::Leader,
        tp: part.tp,
        stored,
    });
    let kind = match broker.flush_if_due(cx, slot, records) {
        Some(flush) => Kind::Flushing(flush),
        None => Kind::Appended {
            raised: broker.raise_high_watermark(cx, slot),
        },
    };
    Ok(Accepted {
        slot,
        base_offset,
        next_offset,
        log_append_time,
        kind,
    })
}

/// Begins a segment if the batch does not belong into the active one.
#[inline]
fn roll_for(broker: &mut Broker, cx: BrokerCx<'_, '_>, slot: Slot, batch: &Batch) {
    let partition = &mut broker.replicas[slot];
    let incoming = Incoming {
        bytes: u64::from(batch.size_bytes),
        max_timestamp: batch.times.max,
        last_offset: partition.log.log_end().plus(u64::from(batch.count()) - 1),
    };
    let rolled = partition
        .log
        .roll_if_due(&incoming, &partition.settings.log.roll);
    if let Some(base) = rolled {
        broker.segment_rolled(cx, slot, base);
    }
}

/// Checks a batch's size and timestamps as the log would, or gives it the leader's time.
fn admit(
    batch: Arc<Batch>,
    rules: &LogRules,
    now: WallTime,
) -> Result<(Arc<Batch>, Option<WallTime>), ErrorCode> {
    let admitted = match rules.timestamps.kind {
        TimestampType::CreateTime if !rules.timestamps.admit(&batch, now) => {
            return Err(ErrorCode::InvalidTimestamp);
        }
        TimestampType::CreateTime => (batch, None),
        TimestampType::LogAppendTime => (Arc::new(batch.appended_at(now)), Some(now)),
    };
    if admitted.0.size_bytes > rules.roll.segment_bytes {
        return Err(ErrorCode::RecordListTooLarge);
    }
    Ok(admitted)
}

/// The batch as the topic wants it; it must fit in that form too.
fn compressed_for(partition: &Partition, batch: Arc<Batch>) -> Result<Arc<Batch>, ErrorCode> {
    let own = batch.packing.codec;
    let wanted = partition.settings.compression.codec_for(own);
    if wanted == own {
        return Ok(batch);
    }
    let batch = batch.recompressed(wanted);
    if batch.size_bytes > partition.settings.max_message_bytes {
        return Err(ErrorCode::MessageTooLarge);
    }
    Ok(Arc::new(batch))
}

/// The answer for one partition as it is known so far.
fn describe(
    broker: &Broker,
    cx: BrokerCx<'_, '_>,
    tp: TopicPartition,
    accepted: Result<Accepted, ErrorCode>,
) -> ProducePartitionResponse {
    let mut response = ProducePartitionResponse {
        tp,
        error: None,
        base_offset: None,
        log_append_time: None,
        log_start_offset: Offset::default(),
        current_leader: None,
    };
    match accepted {
        Ok(accepted) => {
            response.base_offset = Some(accepted.base_offset);
            response.log_append_time = accepted.log_append_time;
            response.log_start_offset = broker.replicas[accepted.slot].log.log_start();
        }
        Err(error) => {
            response.error = Some(error);
            cx.fact(Fact::ProduceRefused {
                broker: broker.id,
                tp,
                error,
            });
        }
    }
    response
}

/// Whether the partition has replicated what ends before `required`.
fn verdict(broker: &Broker, tp: TopicPartition, required: Offset) -> Option<Result<(), ErrorCode>> {
    match broker.replica(tp) {
        Ok(partition) => replicated(partition, required),
        Err(error) => Some(Err(error)),
    }
}

fn replicated(partition: &Partition, required: Offset) -> Option<Result<(), ErrorCode>> {
    match partition.leading() {
        Some(leading) => leading.acknowledges(required, partition.log.high_watermark()),
        None => Some(Err(ErrorCode::NotLeaderOrFollower)),
    }
}

fn park(broker: &mut Broker, cx: BrokerCx<'_, '_>, parked: ParkedProduce, timeout: SimDuration) {
    // Without acks=all nothing is waited for but a flush, which blocks the handler for as long as
    // it takes.
    let deadline = match parked.acks {
        Acks::All => cx.now() + timeout,
        Acks::None | Acks::Leader => SimTime::NEVER,
    };
    let id = broker.produces.park(parked, deadline);
    for part in 0..broker.produces.peek(id).waits.len() {
        let parked = broker.produces.peek(id);
        let waiter = Waiter {
            id,
            part: part as u32,
        };
        let tp = parked.response.partitions[part].tp;
        match parked.waits[part] {
            Wait::Done => {}
            Wait::Flush { flush, .. } => broker.await_flush(flush, waiter),
            Wait::Replication(required) => await_replication(broker, tp, required, waiter),
        }
    }
    if let Some(after) = broker.produces.arm(cx.now()) {
        cx.set_timer(Timer::ProducePurgatory, after);
    }
}

fn await_replication(broker: &mut Broker, tp: TopicPartition, required: Offset, waiter: Waiter) {
    let slot = broker.replicas.slot(tp).expect("who waits has a replica");
    let waiting = &mut broker.replicas[slot].waiting_produces;
    let behind = waiting
        .iter()
        .rev()
        .take_while(|(other, _)| *other > required)
        .count();
    waiting.insert(waiting.len() - behind, (required, waiter));
}

/// Completes the produces that the partition's high watermark has reached.
pub(in crate::broker) fn wake(broker: &mut Broker, cx: BrokerCx<'_, '_>, slot: Slot) {
    loop {
        let partition = &broker.replicas[slot];
        let Some(&(required, waiter)) = partition.waiting_produces.front() else {
            return;
        };
        let Some(verdict) = replicated(partition, required) else {
            return;
        };
        broker.replicas[slot].waiting_produces.pop_front();
        settle(broker, cx, waiter, verdict.err());
    }
}

/// A flush for a produce is done: what Kafka does after the append happens now.
pub(in crate::broker) fn flushed(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    slot: Slot,
    waiter: Option<Waiter>,
) {
    let raised = broker.raise_high_watermark(cx, slot);
    if let Some(waiter) = waiter {
        after_flush(broker, cx, slot, waiter);
    }
    if raised {
        wake(broker, cx, slot);
        broker.wake_consumers(cx, slot);
    }
    broker.wake_followers(cx, slot);
}

/// A flush for a produce failed, and with it the produce.
pub(in crate::broker) fn flush_failed(broker: &mut Broker, cx: BrokerCx<'_, '_>, waiter: Waiter) {
    settle(broker, cx, waiter, Some(ErrorCode::KafkaStorageError));
}

fn after_flush(broker: &mut Broker, cx: BrokerCx<'_, '_>, slot: Slot, waiter: Waiter) {
    let wait = &mut broker.produces.peek_mut(waiter.id).waits[waiter.part as usize];
    let Wait::Flush { then, .. } = *wait else {
        unreachable!("a flush is awaited once");
    };
    let Some(required) = then else {
        settle(broker, cx, waiter, None);
        return;
    };
    *wait = Wait::Replication(required);
    match replicated(&broker.replicas[slot], required) {
        Some(verdict) => settle(broker, cx, waiter, verdict.err()),
        None => await_replication(broker, broker.replicas[slot].tp, required, waiter),
    }
}

/// One partition of a parked produce waits no more.
fn settle(broker: &mut Broker, cx: BrokerCx<'_, '_>, waiter: Waiter, error: Option<ErrorCode>) {
    let parked = broker.produces.peek_mut(waiter.id);
    let part = waiter.part as usize;
    parked.waits[part] = Wait::Done;
    parked.response.partitions[part].error = error;
    parked.left -= 1;
    if parked.left == 0 {
        let parked = broker.produces.take(waiter.id);
        answer(broker, cx, parked, Waited::Yes);
    }
}

/// The purgatory's timer fired: what has waited too long is answered. The records stay in the log.
pub(in crate::broker) fn expire(broker: &mut Broker, cx: BrokerCx<'_, '_>) {
    broker.produces.fired();
    while let Some(id) = broker.produces.expired(cx.now()) {
        give_up(broker, cx, id);
    }
    if let Some(after) = broker.produces.arm(cx.now()) {
        cx.set_timer(Timer::ProducePurgatory, after);
    }
}

fn give_up(broker: &mut Broker, cx: BrokerCx<'_, '_>, id: ParkedId) {
    let mut parked = broker.produces.take(id);
    for (wait, response) in parked.waits.iter().zip(&mut parked.response.partitions) {
        match wait {
            Wait::Done => continue,
            Wait::Flush { flush, .. } => broker.forget_flush_waiter(*flush),
            Wait::Replication(_) => {
                let slot = broker
                    .replicas
                    .slot(response.tp)
                    .expect("who waits has a replica");
                let waiting = &mut broker.replicas[slot].waiting_produces;
                waiting.retain(|(_, waiter)| waiter.id != id);
            }
        }
        response.error = Some(ErrorCode::RequestTimedOut);
    }
    answer(broker, cx, parked, Waited::Yes);
}

/// Whether a request was parked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waited {
    No,
    Yes,
}

/// Sends the answer. With acks=0 there is none, so an error closes the connection.
fn answer(broker: &mut Broker, cx: BrokerCx<'_, '_>, parked: ParkedProduce, waited: Waited) {
    let ParkedProduce {
        reply_to,
        acks,
        arrived_in,
        mut response,
        mut waits,
        ..
    } = parked;
    waits.clear();
    broker.scratch.waits.push(waits);
    if acks == Acks::None {
        broker.throttle_unanswered(cx, reply_to.on);
        if response
            .partitions
            .iter()
            .any(|partition| partition.error.is_some())
        {
            broker.hang_up(cx, reply_to.on);
        } else {
            broker.connections.finished_without_answer(reply_to.on);
        }
        return;
    }
    for partition in &mut response.partitions {
        let tp = partition.tp;
        match (partition.error, partition.base_offset) {
            (None, Some(base_offset)) => {
                let leader_epoch = broker.replica(tp).ok().and_then(|p| p.leader_epoch);
                cx.fact(Fact::ProduceAcked {
                    broker: broker.id,
                    tp,
                    leader_epoch: leader_epoch.unwrap_or_default(),
                    base_offset,
                    produced_in: (waited == Waited::Yes).then_some(arrived_in),
                });
            }
            (Some(error), base_offset) => {
                if base_offset.is_some() {
                    cx.fact(Fact::ProduceRefused {
                        broker: broker.id,
                        tp,
                        error,
                    });
                }
                if error == ErrorCode::NotLeaderOrFollower {
                    partition.current_leader = broker.leader_hint(tp);
                }
            }
            (None, None) => unreachable!("an accepted batch has an offset"),
        }
    }
    broker.respond(cx, reply_to, Response::Produce(response));
}

impl Broker {
    /// Remembers that a parked produce waits for this flush.
    fn await_flush(&mut self, flush: FlushId, waiter: Waiter) {
        if let Some((_, FlushTarget::Leader { waiter: known, .. })) = self.flushes.get_mut(&flush) {
            *known = Some(waiter);
        }
    }

    /// Nobody waits for this flush any more.
    fn forget_flush_waiter(&mut self, flush: FlushId) {
        if let Some((_, FlushTarget::Leader { waiter, .. })) = self.flushes.get_mut(&flush) {
            *waiter = None;
        }
    }
}
