//! DeleteRecords (API key 21): moves the start of a leader's log, and answers when no live replica's
//! log begins earlier.
//!
//! Modelled: the high watermark as the bound, the wait for followers that live, who learn the new
//! start with their fetches; leaders that lose their office meanwhile; time-outs.
//! Left out: internal topics, compacted topics (POLICY_VIOLATION).
//! Source: ReplicaManager.deleteRecords, DelayedDeleteRecords, Partition.deleteRecordsOnLeader (4.2);
//! KIP-107.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::connections::ReplyTo;
use crate::broker::partition::Slot;
use crate::broker::purgatory::{ParkedDelete, ParkedId};
use crate::broker::timer::Timer;
use crate::kafka::api::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeletedRecords,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::LogStartCause;
use crate::kafka::ids::{Offset, TopicPartition};
use crate::kafka::message::Response;

/// Moves the starts, then answers or parks.
pub(in crate::broker) fn handle(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    request: &DeleteRecordsRequest,
) {
    let mut waits = Vec::with_capacity(request.partitions.len());
    for asked in &request.partitions {
        let moved = delete(broker, cx, asked);
        waits.push((asked.tp, moved));
    }
    let parked = ParkedDelete {
        reply_to: to,
        waits,
    };
    if let Some(response) = answer_of(broker, &parked) {
        broker.respond(cx, to, Response::DeleteRecords(response));
        return;
    }
    let slots: Vec<Slot> = (request.partitions.iter())
        .filter_map(|asked| broker.replicas.slot(asked.tp))
        .collect();
    let id = broker.deletes.park(parked, cx.now() + request.timeout);
    for slot in slots {
        broker.replicas[slot].waiting_deletes.push(id);
    }
    if let Some(after) = broker.deletes.arm(cx.now()) {
        cx.set_timer(Timer::DeletePurgatory, after);
    }
}

/// Moves one log's start; returns to where.
fn delete(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    asked: &DeleteRecordsPartition,
) -> Result<Offset, ErrorCode> {
    let slot = broker.find(asked.tp)?;
    let partition = &mut broker.replicas[slot];
    if partition.leading().is_none() {
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let from = partition.log.log_start();
    let before = asked.before.unwrap_or(partition.log.high_watermark());
    if partition.log.increment_start(before)? {
        broker.log_start_moved(cx, slot, from, LogStartCause::RecordDeletion);
    }
    Ok(before)
}

/// The answer, unless some partition still waits for its followers.
fn answer_of(broker: &Broker, parked: &ParkedDelete) -> Option<DeleteRecordsResponse> {
    let answers = (parked.waits.iter()).map(|(tp, wanted)| {
        let low = wanted.and_then(|wanted| Ok((low_watermark(broker, *tp)?, wanted)));
        match low {
            Ok((low, wanted)) if low < wanted => None,
            Ok((low, _)) => Some(told(*tp, Ok(low))),
            Err(error) => Some(told(*tp, Err(error))),
        }
    });
    let partitions: Option<Vec<DeletedRecords>> = answers.collect();
    Some(DeleteRecordsResponse {
        partitions: partitions?,
    })
}

fn told(tp: TopicPartition, low: Result<Offset, ErrorCode>) -> DeletedRecords {
    DeletedRecords {
        tp,
        error: low.err(),
        low_watermark: low.ok(),
    }
}

/// The least log start of the leader and of its followers that live.
fn low_watermark(broker: &Broker, tp: TopicPartition) -> Result<Offset, ErrorCode> {
    let partition = broker.replica(tp)?;
    let leading = partition.leading().ok_or(ErrorCode::NotLeaderOrFollower)?;
    let followers = leading.followers.iter().filter(|follower| {
        let alive = broker.registrations.alive_epoch(follower.broker);
        alive.is_some()
    });
    let least = followers
        .map(|follower| follower.log_start.unwrap_or_default())
        .min();
    let own = partition.log.log_start();
    Ok(least.map_or(own, |least| least.min(own)))
}

/// A follower's log begins later now, or the partition's leader changed: whoever waits may go on.
pub(in crate::broker) fn wake(broker: &mut Broker, cx: BrokerCx<'_, '_>, slot: Slot) {
    let mut index = 0;
    while let Some(&id) = broker.replicas[slot].waiting_deletes.get(index) {
        match answer_of(broker, broker.deletes.peek(id)) {
            Some(response) => complete(broker, cx, id, response),
            None => index += 1,
        }
    }
}

fn complete(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    id: ParkedId,
    response: DeleteRecordsResponse,
) {
    let parked = broker.deletes.take(id);
    for (tp, _) in &parked.waits {
        if let Some(slot) = broker.replicas.slot(*tp) {
            broker.replicas[slot]
                .waiting_deletes
                .retain(|other| *other != id);
        }
    }
    broker.respond(cx, parked.reply_to, Response::DeleteRecords(response));
}

/// The purgatory's timer fired: what has waited too long is answered. The log starts stay moved.
pub(in crate::broker) fn expire(broker: &mut Broker, cx: BrokerCx<'_, '_>) {
    broker.deletes.fired();
    while let Some(id) = broker.deletes.expired(cx.now()) {
        let partitions = (broker.deletes.peek(id).waits.iter()).map(|(tp, wanted)| {
            let low = wanted.and_then(|wanted| match low_watermark(broker, *tp)? {
                low if low < wanted => Err(ErrorCode::RequestTimedOut),
                low => Ok(low),
            });
            told(*tp, low)
        });
        let partitions = partitions.collect();
        complete(broker, cx, id, DeleteRecordsResponse { partitions });
    }
    if let Some(after) = broker.deletes.arm(cx.now()) {
        cx.set_timer(Timer::DeletePurgatory, after);
    }
}
