//! Fetch (API key 1): records for consumers and followers, at once or when there are enough.
//!
//! Modelled: the fences of leader epochs, diverging epochs, limits in bytes with the first batch
//! always (KIP-74), the follower's offset as news for the leader even when its fetch then waits,
//! waiting for fetch.min.bytes until fetch.max.wait.ms; throttled replication, which leaves partitions
//! empty and wakes nobody.
//! Left out: fetch sessions.
//! Source: KafkaApis.handleFetchRequest, ReplicaManager.fetchMessages, readFromLog, DelayedFetch,
//! Partition.fetchRecords, updateFollowerFetchState (4.2); KIP-74, KIP-320, KIP-903, KIP-951.

// Deviation: a fetch that waits does not come back early because the leader has rolled a segment.

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::api::{delete_records, produce};
use crate::broker::connections::ReplyTo;
use crate::broker::disk_reads;
use crate::broker::leading::LeaderNow;
use crate::broker::partition::{Readable, Slot};
use crate::broker::purgatory::{ParkedFetch, ParkedId, Waiter};
use crate::broker::timer::Timer;
use crate::kafka::api::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchedPartition, Fetcher,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::{BrokerEpoch, BrokerId, Offset};
use crate::kafka::throttled_replicas::Side;
use crate::sim::time::SimTime;

/// What one partition of a fetch may see.
pub(in crate::broker) type Found = Result<(Slot, Readable), ErrorCode>;

/// Looks at every partition, notes where a follower is, then answers or parks.
pub(in crate::broker) fn handle(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    request: Box<FetchRequest>,
) {
    let mut found = std::mem::take(&mut broker.scratch.found);
    let mut answer_now = request.max_wait.is_zero() || request.partitions.is_empty();
    let mut bytes = 0_u64;
    for asked in &request.partitions {
        let mut seen = look(broker, &request, asked, cx.now());
        if let Ok((slot, readable)) = seen
            && let Fetcher::Follower {
                broker: follower,
                epoch,
            } = request.fetcher
            && readable.diverging.is_none()
        {
            let fetched = Fetched {
                follower,
                epoch,
                offset: asked.fetch_offset,
                log_start: asked.log_start_offset,
                leader_end: readable.below,
            };
            if let Err(error) = follower_fetched(broker, cx, slot, &fetched) {
                seen = Err(error);
            }
        }
        match &seen {
            Ok((slot, readable)) => {
                // A consumer beyond the high watermark, after a change of leader, gets an empty
                // answer at once.
                answer_now |= readable.diverging.is_some()
                    || readable.preferred.is_some()
                    || asked.fetch_offset > readable.below;
                bytes += available(broker, *slot, asked, readable, request.min_bytes);
            }
            Err(_) => answer_now = true,
        }
        found.push(seen);
    }
    if answer_now || bytes >= u64::from(request.min_bytes) {
        let response = read(broker, &request, |_, index, _| found[index]);
        count_copied(broker, &request, &response, cx.now());
        disk_reads::answer(broker, cx, to, request.fetcher, response);
    } else {
        park(broker, cx, to, request, &found);
    }
    found.clear();
    broker.scratch.found = found;
}

fn look(broker: &Broker, request: &FetchRequest, asked: &FetchPartition, now: SimTime) -> Found {
    let slot = broker.find(asked.tp)?;
    let mut readable = broker.replicas[slot].readable(request.fetcher, asked)?;
    readable.held_back = broker.holds_back(slot, request.fetcher, now);
    if let Some(rack) = request.rack {
        readable.preferred = broker.preferred_read_replica(slot, rack, asked.fetch_offset);
    }
    Ok((slot, readable))
}

/// The bytes that a fetch could get here; where one byte is enough, only whether there are any.
fn available(
    broker: &Broker,
    slot: Slot,
    asked: &FetchPartition,
    readable: &Readable,
    min_bytes: u32,
) -> u64 {
    let below = readable.below;
    if readable.held_back || asked.fetch_offset >= below {
        0
    } else if min_bytes <= 1 {
        1
    } else {
        let bytes = broker.replicas[slot]
            .log
            .bytes_available(asked.fetch_offset, below);
        bytes.min(u64::from(asked.max_bytes))
    }
}

/// What a follower's fetch says.
struct Fetched {
    follower: BrokerId,
    epoch: BrokerEpoch,
    offset: Offset,
    log_start: Offset,
    leader_end: Offset,
}

/// Notes how far a follower is, which may let it join the in-sync set or move the high watermark.
fn follower_fetched(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    slot: Slot,
    fetched: &Fetched,
) -> Result<(), ErrorCode> {
    let alive = broker.registrations.alive_epoch(fetched.follower);
    if alive.is_some_and(|known| known > fetched.epoch) {
        // A fetch of the broker's last life: it must not count for this one.
        return Err(ErrorCode::NotLeaderOrFollower);
    }
    let leader = LeaderNow {
        now: cx.now(),
        log_end: fetched.leader_end,
        max_lag: broker.config.replica_lag_time_max,
        registrations: &broker.registrations,
    };
    let partition = &mut broker.replicas[slot];
    let high_watermark = partition.log.high_watermark();
    let tp = partition.tp;
    let leading = partition.leading_mut().expect("a readable replica leads");
    let index = leading
        .position(fetched.follower)
        .expect("a readable replica knows its follower");
    let moved = leading.followers[index].fetched(fetched.offset, fetched.epoch, &leader);
    leading.followers[index].log_start = Some(fetched.log_start);
    let expanded = leading.expanded(index, high_watermark, &leader);
    if moved {
        cx.fact(Fact::FollowerFetched {
            broker: broker.id,
            follower: fetched.follower,
            tp,
            fetch_offset: fetched.offset,
        });
    }
    if let Some(isr) = expanded {
        broker.propose_isr(cx, slot, isr);
    }
    if moved && broker.raise_high_watermark(cx, slot) {
        broker.high_watermark_raised(cx, slot);
    }
    if !broker.replicas[slot].waiting_deletes.is_empty() {
        delete_records::wake(broker, cx, slot);
    }
    Ok(())
}

/// Reads as much as the limits allow, partition by partition.
fn read(
    broker: &Broker,
    request: &FetchRequest,
    find: impl Fn(&Broker, usize, &FetchPartition) -> Found,
) -> FetchResponse {
    let mut budget = request.max_bytes.min(broker.config.fetch_max_bytes);
    let mut at_least_one = true;
    let mut partitions = Vec::with_capacity(request.partitions.len());
    for (index, asked) in request.partitions.iter().enumerate() {
        let mut answer = FetchedPartition {
            tp: asked.tp,
            error: None,
            high_watermark: Offset::default(),
            last_stable_offset: Offset::default(),
            log_start_offset: Offset::default(),
            diverging_epoch: None,
            current_leader: None,
            preferred_read_replica: None,
            batches: Vec::new(),
            corrupt: None,
        };
        match find(broker, index, asked) {
            Ok((slot, readable)) => {
                let log = &broker.replicas[slot].log;
                answer.high_watermark = readable.high_watermark;
                answer.last_stable_offset = readable.high_watermark;
                answer.log_start_offset = log.log_start();
                answer.diverging_epoch = readable.diverging;
                answer.preferred_read_replica = readable.preferred;
                let is_elsewhere = readable.diverging.is_some() || readable.preferred.is_some();
                let is_empty = is_elsewhere || readable.held_back;
                if !is_empty && asked.fetch_offset < readable.below {
                    let (from, below) = (asked.fetch_offset, readable.below);
                    let limit = asked.max_bytes.min(budget);
                    let bytes = log.read(from, below, limit, at_least_one, &mut answer.batches);
                    budget = budget.saturating_sub(bytes);
                    at_least_one &= bytes == 0;
                }
            }
            Err(error) => {
                answer.error = Some(error);
                if matches!(
                    error,
                    ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch
                ) {
                    answer.current_leader = broker.leader_hint(asked.tp);
                }
            }
        }
        partitions.push(answer);
    }
    FetchResponse { partitions }
}

/// What a follower gets of throttled replicas counts, in sync or not.
fn count_copied(
    broker: &mut Broker,
    request: &FetchRequest,
    response: &FetchResponse,
    now: SimTime,
) {
    let is_follower = matches!(request.fetcher, Fetcher::Follower { .. });
    if !is_follower || !broker.throttles.is_limited(Side::Leader) {
        return;
    }
    for partition in &response.partitions {
        let sizes = (partition.batches.iter()).map(|stored| u64::from(stored.batch.size_bytes));
        broker.count_copied(Side::Leader, partition.tp, sizes.sum(), now);
    }
}

fn park(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    request: Box<FetchRequest>,
    found: &[Found],
) {
    let deadline = cx.now() + request.max_wait;
    let fetcher = request.fetcher;
    let parked = ParkedFetch {
        reply_to: to,
        request,
    };
    let id = broker.fetches.park(parked, deadline);
    for (part, seen) in found.iter().enumerate() {
        let (slot, _) = seen.as_ref().expect("a fetch with an error is not parked");
        let waiter = Waiter {
            id,
            part: part as u32,
        };
        waiting_mut(broker, *slot, fetcher).push(waiter);
    }
    if let Some(after) = broker.fetches.arm(cx.now()) {
        cx.set_timer(Timer::FetchPurgatory, after);
    }
}

fn waiting_mut(broker: &mut Broker, slot: Slot, fetcher: Fetcher) -> &mut Vec<Waiter> {
    let partition = &mut broker.replicas[slot];
    match fetcher {
        Fetcher::Consumer => &mut partition.waiting_consumers,
        Fetcher::Follower { .. } => &mut partition.waiting_followers,
    }
}

/// True when a parked fetch is to be answered because of this partition.
fn is_ready(broker: &Broker, waiter: Waiter, now: SimTime) -> bool {
    let request = &broker.fetches.peek(waiter.id).request;
    let min_bytes = request.min_bytes;
    let asked = &request.partitions[waiter.part as usize];
    let Ok((slot, readable)) = look(broker, request, asked, now) else {
        return true;
    };
    if readable.diverging.is_some()
        || readable.preferred.is_some()
        || asked.fetch_offset > readable.below
    {
        return true;
    }
    if min_bytes <= 1 {
        return available(broker, slot, asked, &readable, min_bytes) > 0;
    }
    let bytes = request
        .partitions
        .iter()
        .map(|asked| match look(broker, request, asked, now) {
            Ok((slot, readable)) => available(broker, slot, asked, &readable, min_bytes),
            Err(_) => u64::from(min_bytes),
        });
    bytes.sum::<u64>() >= u64::from(min_bytes)
}

/// Answers a parked fetch with what there is now.
fn complete(broker: &mut Broker, cx: BrokerCx<'_, '_>, id: ParkedId) {
    let now = cx.now();
    let parked = broker.fetches.take(id);
    let fetcher = parked.request.fetcher;
    for asked in &parked.request.partitions {
        let slot = broker
            .replicas
            .slot(asked.tp)
            .expect("who waits has a replica");
        let waiting = waiting_mut(broker, slot, fetcher);
        let at = waiting.iter().position(|waiter| waiter.id == id);
        waiting.remove(at.expect("a parked fetch waits for all its partitions"));
    }
    if broker.connections.is_open(parked.reply_to.on) {
        let response = read(broker, &parked.request, |broker, _, asked| {
            look(broker, &parked.request, asked, now)
        });
        count_copied(broker, &parked.request, &response, now);
        disk_reads::answer(broker, cx, parked.reply_to, fetcher, response);
    } else {
        broker.connections.answered(parked.reply_to.on);
    }
}

/// The purgatory's timer fired: what has waited long enough is answered.
pub(in crate::broker) fn expire(broker: &mut Broker, cx: BrokerCx<'_, '_>) {
    broker.fetches.fired();
    while let Some(id) = broker.fetches.expired(cx.now()) {
        complete(broker, cx, id);
    }
    if let Some(after) = broker.fetches.arm(cx.now()) {
        cx.set_timer(Timer::FetchPurgatory, after);
    }
}

impl Broker {
    /// The high watermark moved other than by a produce: consumers and produces may go on.
    pub(in crate::broker) fn high_watermark_raised(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) {
        self.wake_consumers(cx, slot);
        produce::wake(self, cx, slot);
    }

    /// The high watermark moved: consumers that wait for it may go on.
    pub(in crate::broker) fn wake_consumers(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) {
        let mut index = 0;
        while let Some(&waiter) = self.replicas[slot].waiting_consumers.get(index) {
            if is_ready(self, waiter, cx.now()) {
                complete(self, cx, waiter.id);
            } else {
                index += 1;
            }
        }
    }

    /// The log grew: followers that wait for it may go on.
    pub(in crate::broker) fn wake_followers(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) {
        let mut index = 0;
        while let Some(&waiter) = self.replicas[slot].waiting_followers.get(index) {
            if is_ready(self, waiter, cx.now()) {
                complete(self, cx, waiter.id);
            } else {
                index += 1;
            }
        }
    }

    /// The replica leads no more: whoever waits for it as a leader is told so.
    pub(in crate::broker) fn deposed(&mut self, cx: BrokerCx<'_, '_>, slot: Slot) {
        produce::wake(self, cx, slot);
        delete_records::wake(self, cx, slot);
        while let Some(&waiter) = self.replicas[slot].waiting_consumers.first() {
            complete(self, cx, waiter.id);
        }
        while let Some(&waiter) = self.replicas[slot].waiting_followers.first() {
            complete(self, cx, waiter.id);
        }
    }
}
