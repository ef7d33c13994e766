//! The sender thread: which batches go to which broker now, and what an answer means for a batch.
//!
//! Modelled: readiness of brokers, requests, acks, retries, expiry in the queue and in flight,
//! splitting, errors that make metadata stale. Between two inputs the thread runs until it has
//! nothing to do.
//! Source: Sender, NetworkClient.

use crate::client::metadata::{Next, Node, node};
use crate::client::producer::accumulator::draining::Drains;
use crate::client::producer::batch::{BatchId, Slot};
use crate::client::producer::idempotence::{Failure, Identity, Initialization};
use crate::client::producer::{ProduceError, Producer, ProducerCx, Timer, Token};
use crate::kafka::api::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use crate::kafka::api::produce::{Acks, ProducePartition, ProduceRequest, ProduceResponse};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::Offset;
use crate::kafka::message::{Request, Response};
use crate::rpc::{Event, Peer};
use crate::sim::time::SimTime;

/// How an attempt to write a batch went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptError {
    /// The broker answered with this error.
    Code(ErrorCode),
    /// The connection was closed since an answer took longer than request.timeout.ms.
    TimedOut,
    /// The connection broke (NETWORK_EXCEPTION).
    Disconnected,
}

/// Whether the producer id lets batches be sent.
enum IdentityState {
    /// There is one, or none is needed.
    Usable,
    /// It is being fetched; look again at this time, if one is given.
    Awaited(Option<SimTime>),
}

impl Producer {
    /// Does what the sender thread does until it would wait, then sets its timer.
    pub(super) fn run(&mut self, cx: &mut ProducerCx<'_>) {
        self.woken = false;
        let mut wakes = loop {
            match self.prepare_identity(cx) {
                // No batch expires meanwhile: the thread does not come to that.
                IdentityState::Awaited(time) => break [time, self.poll_metadata(cx), None],
                IdentityState::Usable => {}
            }
            let (progress, metadata_at) = self.send_data(cx);
            if progress == Progress::Nothing {
                let expiry = self.accumulator.next_expiry();
                let expiry = (expiry != SimTime::NEVER).then_some(expiry);
                break [self.ready.next_check, metadata_at, expiry];
            }
        };
        self.sync_metadata();
        wakes.sort();
        if let Some(time) = wakes.into_iter().flatten().next() {
            self.arm(cx, time);
        }
    }

    /// Makes the sender run at `time` or before.
    fn arm(&mut self, cx: &mut ProducerCx<'_>, time: SimTime) {
        if self.wake_at.is_none_or(|armed| time < armed) {
            self.wake_at = Some(time);
            cx.set_timer(Timer::Sender, time.since(cx.now()));
        }
    }

    fn poll_metadata(&mut self, cx: &mut ProducerCx<'_>) -> Option<SimTime> {
        let room = self.config.max_in_flight_requests_per_connection as usize;
        cx.scoped(Timer::Rpc, |cx| {
            let rpc = &mut self.rpc;
            self.metadata.poll(cx, rpc, room, Token::Metadata)
        })
    }

    /// Settles sequences, bumps the epoch and asks for a producer id, as far as needed.
    fn prepare_identity(&mut self, cx: &mut ProducerCx<'_>) -> IdentityState {
        let Some(idempotence) = &mut self.idempotence else {
            return IdentityState::Usable;
        };
        if let Some(bumped) = idempotence.refresh(&mut self.accumulator.batches) {
            announce(cx, bumped);
        }
        match idempotence.initialization() {
            Initialization::Done => return IdentityState::Usable,
            Initialization::InFlight => return IdentityState::Awaited(None),
            Initialization::Wanted(time) if time > cx.now() => {
                return IdentityState::Awaited(Some(time));
            }
            Initialization::Wanted(_) => {}
        }
        let room = self.config.max_in_flight_requests_per_connection as usize;
        let rpc = &mut self.rpc;
        let choice = self.metadata.least_loaded(|peer| node(rpc, peer, room));
        self.init_peer = choice.map(|(peer, _)| peer);
        match choice {
            Some((peer, Node::Usable { .. })) => {
                idempotence.asked();
                let request = Request::InitProducerId(InitProducerIdRequest {});
                cx.scoped(Timer::Rpc, |cx| {
                    rpc.send(cx, peer, request, Token::InitProducerId);
                });
            }
            Some((peer, Node::Closed { .. })) => {
                cx.scoped(Timer::Rpc, |cx| rpc.connect(cx, peer));
            }
            Some((_, Node::Connecting | Node::Busy | Node::BackingOff)) | None => {}
        }
        IdentityState::Awaited(None)
    }

    /// One round: finds ready brokers, drains and sends their batches, fails what expired. Also
    /// says when metadata is due.
    fn send_data(&mut self, cx: &mut ProducerCx<'_>) -> (Progress, Option<SimTime>) {
        let now = cx.now();
        self.sync_metadata();
        self.accumulator.ready(&self.metadata, now, &mut self.ready);
        if self.ready.unknown_leader {
            self.metadata.request_update();
        }
        let metadata_at = self.poll_metadata(cx);
        self.sync_metadata();
        // A request for metadata that is due goes before everything else.
        let held_up = self.metadata.next(now) == Next::Due;
        let mut progress = Progress::Nothing;
        for index in 0..self.ready.peers.len() {
            let peer = self.ready.peers[index];
            if !self.can_send(cx, peer, held_up) {
                self.accumulator.note_latency(peer, now, Drains::Later);
                continue;
            }
            self.accumulator.note_latency(peer, now, Drains::Now);
            let idempotence = self.idempotence.as_mut();
            let batches = self
                .accumulator
                .drain(peer, &self.metadata, idempotence, now);
            if !batches.is_empty() {
                self.note_flight(&batches);
                self.send_request(cx, peer, batches);
                // The broker may have more that is ready; if it is busy now, its answer will tell.
                let room = self.config.max_in_flight_requests_per_connection as usize;
                if self.rpc.in_flight(peer) < room {
                    progress = Progress::Some;
                }
            }
        }
        if self.expire(now) > 0 {
            progress = Progress::Some;
        }
        (progress, metadata_at)
    }

    /// Counts batches as in flight; with one request at a time their partitions wait for it.
    fn note_flight(&mut self, ids: &[BatchId]) {
        for id in ids {
            let slot = self.slot(*id);
            self.in_flight[slot.0 as usize].push(*id);
            if self.config.max_in_flight_requests_per_connection == 1 {
                self.accumulator.mute(slot);
            }
        }
    }

    fn sync_metadata(&mut self) {
        if self.metadata_version != self.metadata.version() {
            self.learn_partitions();
        }
    }

    /// True when the broker takes a request now; opens its connection if there is none.
    fn can_send(&mut self, cx: &mut ProducerCx<'_>, peer: Peer, held_up: bool) -> bool {
        let room = self.config.max_in_flight_requests_per_connection as usize;
        match node(&self.rpc, peer, room) {
            Node::Usable { .. } => return !held_up,
            Node::Closed { .. } => cx.scoped(Timer::Rpc, |cx| self.rpc.connect(cx, peer)),
            Node::Busy | Node::Connecting | Node::BackingOff => {}
        }
        false
    }

    fn send_request(&mut self, cx: &mut ProducerCx<'_>, peer: Peer, ids: Vec<BatchId>) {
        let mut partitions = Vec::with_capacity(ids.len());
        for id in &ids {
            let tp = self.accumulator.tp(self.slot(*id));
            let batch = self.accumulator.batches.get_mut(*id);
            let batch = batch.build(self.keep_payload);
            self.counts.batches += 1;
            self.counts.bytes += u64::from(batch.size_bytes);
            partitions.push(ProducePartition {
                tp,
                batch,
                corrupt: false,
            });
        }
        self.counts.requests += 1;
        let acks = self.config.acks;
        let request = Request::Produce(Box::new(ProduceRequest {
            acks,
            timeout: self.config.request_timeout,
            partitions,
        }));
        match acks {
            Acks::Leader | Acks::All => cx.scoped(Timer::Rpc, |cx| {
                self.rpc.send(cx, peer, request, Token::Produce(ids));
            }),
            Acks::None => {
                cx.scoped(Timer::Rpc, |cx| {
                    self.rpc.send_without_answer(cx, peer, request);
                });
                // Written to the socket is success; nobody will say otherwise.
                // Deviation: a socket takes what is written to it at once, however much is on its
                // way; in Java a send ends when send.buffer.bytes has room for its last byte, so that
                // acks=0 loses no more than that into a host that is silent.
                for id in ids {
                    self.settle(cx, id, Ok(None));
                }
            }
        }
    }

    /// Fails every batch that has reached delivery.timeout.ms; says how many.
    fn expire(&mut self, now: SimTime) -> usize {
        if now < self.accumulator.next_expiry() {
            return 0;
        }
        self.accumulator.forget_expiry();
        let mut in_flight = Vec::new();
        for index in 0..self.in_flight.len() {
            while let Some(first) = self.in_flight[index].first().copied() {
                let created = self.accumulator.batches.get(first).created;
                if created + self.config.delivery_timeout > now {
                    self.accumulator.note_expiry(created);
                    break;
                }
                self.in_flight[index].remove(0);
                in_flight.push(first);
            }
        }
        let queued = self.accumulator.take_expired(now);
        let count = queued.len() + in_flight.len();
        for id in queued {
            self.expire_batch(id);
            self.forget(id);
        }
        for id in in_flight {
            // Its buffer is still in use by the network: the answer, or its absence, frees it
            // (KAFKA-19012).
            self.expire_batch(id);
        }
        count
    }

    fn expire_batch(&mut self, id: BatchId) {
        let slot = self.slot(id);
        self.complete(id, Err(ProduceError::Expired));
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.failed(slot, id, Failure::Expired);
            let batches = &self.accumulator.batches;
            if batches.get(id).attempts > 0 {
                idempotence.mark_unresolved(slot, id, batches);
            }
        }
    }

    /// An answer arrived.
    pub(super) fn answered(&mut self, cx: &mut ProducerCx<'_>, token: Token, body: Response) {
        match token {
            Token::Metadata => {
                let Response::Metadata(response) = body else {
                    panic!("metadata is answered with metadata");
                };
                self.metadata.update(&response, cx.now());
            }
            Token::InitProducerId => {
                let Response::InitProducerId(response) = body else {
                    panic!("InitProducerId is answered in kind");
                };
                self.initialized(cx, response);
            }
            Token::Produce(ids) => {
                let Response::Produce(response) = body else {
                    panic!("produce is answered in kind");
                };
                self.produced(cx, ids, &response);
            }
        }
    }

    fn initialized(&mut self, cx: &mut ProducerCx<'_>, response: InitProducerIdResponse) {
        let again = cx.now() + self.config.retry_backoff;
        let idempotence = self.idempotence.as_mut();
        let idempotence = idempotence.expect("only an idempotent producer asks for an id");
        if response.error.is_some() {
            // Deviation: the errors that end a producer come from authorization, which is left out.
            idempotence.ask_at(again);
            return;
        }
        let identity = Identity {
            id: response.producer_id,
            epoch: response.producer_epoch,
        };
        idempotence.initialized(identity, &mut self.accumulator.batches);
        announce(cx, identity);
    }

    fn produced(&mut self, cx: &mut ProducerCx<'_>, ids: Vec<BatchId>, response: &ProduceResponse) {
        let answers = &response.partitions;
        assert_eq!(ids.len(), answers.len(), "every batch has its answer");
        for (id, answer) in ids.into_iter().zip(answers) {
            let result = match answer.error {
                None => Ok(answer.base_offset),
                Some(error) => Err(AttemptError::Code(error)),
            };
            self.settle(cx, id, result);
        }
        for answer in answers {
            if let (
                Some(ErrorCode::NotLeaderOrFollower | ErrorCode::FencedLeaderEpoch),
                Some(hint),
            ) = (answer.error, answer.current_leader)
            {
                self.metadata.apply_hint(answer.tp, hint);
            }
        }
    }

    /// A connection broke, or may be opened again.
    pub(super) fn connection_event(&mut self, cx: &mut ProducerCx<'_>, event: Event<Token>) {
        let (peer, failed, error) = match event {
            Event::Nothing | Event::MayConnect(_) | Event::MaySend(_) => return,
            Event::Lost {
                peer,
                failed,
                timed_out: true,
            } => (peer, failed, AttemptError::TimedOut),
            Event::Lost {
                peer,
                failed,
                timed_out: false,
            } => (peer, failed, AttemptError::Disconnected),
        };
        let now = cx.now();
        let mut batches = Vec::new();
        let mut ask_again = self.init_peer == Some(peer);
        for token in failed {
            match token {
                Token::Metadata => self.metadata.failed(now),
                Token::InitProducerId => ask_again = true,
                Token::Produce(ids) => batches.extend(ids),
            }
        }
        self.metadata.disconnected(now);
        if let Some(idempotence) = &mut self.idempotence
            && ask_again
            && idempotence.initialization() != Initialization::Done
        {
            idempotence.ask_at(now + self.config.retry_backoff);
        }
        for id in batches {
            self.settle(cx, id, Err(error));
        }
    }

    /// What the end of an attempt means for a batch.
    fn settle(
        &mut self,
        cx: &mut ProducerCx<'_>,
        id: BatchId,
        result: Result<Option<Offset>, AttemptError>,
    ) {
        let now = cx.now();
        let batch = self.accumulator.batches.get(id);
        let slot = batch.slot;
        let can_split = batch.count() > 1 && !batch.done;
        match result {
            Ok(offset) => self.succeed(id, offset),
            Err(AttemptError::Code(ErrorCode::MessageTooLarge)) if can_split => self.split(id),
            Err(error) => {
                if self.can_retry(id, error, now) {
                    self.retry(cx, id, error);
                } else if error == AttemptError::Code(ErrorCode::DuplicateSequenceNumber) {
                    // The broker has it, but not its offset any more.
                    self.succeed(id, None);
                } else {
                    self.fail(id, error);
                }
                if error.invalidates_metadata() {
                    self.metadata.request_update();
                }
            }
        }
        if self.config.max_in_flight_requests_per_connection == 1 {
            self.accumulator.unmute(slot);
        }
    }

    fn succeed(&mut self, id: BatchId, offset: Option<Offset>) {
        let slot = self.slot(id);
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.completed(slot, id, &self.accumulator.batches);
        }
        if !self.accumulator.batches.get(id).done {
            self.complete(id, Ok(offset));
        }
        self.leave_flight(slot, id);
        self.forget(id);
    }

    fn fail(&mut self, id: BatchId, error: AttemptError) {
        let slot = self.slot(id);
        let batch = self.accumulator.batches.get(id);
        let failure = if batch.attempts < self.config.retries {
            Failure::Answered(error.code())
        } else {
            Failure::OutOfRetries(error.code())
        };
        if !batch.done {
            self.complete(id, Err(error.told()));
            if let Some(idempotence) = &mut self.idempotence {
                idempotence.failed(slot, id, failure);
            }
        }
        self.leave_flight(slot, id);
        self.forget(id);
    }

    fn can_retry(&mut self, id: BatchId, error: AttemptError, now: SimTime) -> bool {
        let batch = self.accumulator.batches.get(id);
        let expired = batch.created + self.config.delivery_timeout <= now;
        if expired || batch.attempts >= self.config.retries || batch.done {
            return false;
        }
        match (&mut self.idempotence, error) {
            (_, AttemptError::TimedOut | AttemptError::Disconnected) => true,
            (None, AttemptError::Code(code)) => code.is_retriable(),
            (Some(idempotence), AttemptError::Code(code)) => {
                idempotence.can_retry(id, code, &self.accumulator.batches)
            }
        }
    }

    fn retry(&mut self, cx: &mut ProducerCx<'_>, id: BatchId, error: AttemptError) {
        let slot = self.slot(id);
        self.accumulator.reenqueue(id, cx.now());
        self.leave_flight(slot, id);
        self.counts.retries += 1;
        cx.fact(Fact::BatchRetried {
            tp: self.accumulator.tp(slot),
            error: error.code(),
            attempts: self.accumulator.batches.get(id).attempts,
        });
    }

    fn split(&mut self, id: BatchId) {
        let slot = self.slot(id);
        if let Some(idempotence) = &mut self.idempotence {
            idempotence.untrack(slot, id);
        }
        self.accumulator.split(id, self.idempotence.as_mut());
        self.counts.splits += 1;
        self.leave_flight(slot, id);
        self.forget(id);
    }

    fn leave_flight(&mut self, slot: Slot, id: BatchId) {
        self.in_flight[slot.0 as usize].retain(|other| *other != id);
    }

    fn forget(&mut self, id: BatchId) {
        self.accumulator.deallocate(id);
        self.accumulator.batches.remove(id);
    }
}

impl AttemptError {
    fn code(self) -> Option<ErrorCode> {
        match self {
            Self::Code(code) => Some(code),
            Self::TimedOut | Self::Disconnected => None,
        }
    }

    /// What the application is told when it was the last attempt.
    fn told(self) -> ProduceError {
        match self {
            Self::Code(code) => ProduceError::Refused(code),
            Self::TimedOut => ProduceError::Refused(ErrorCode::RequestTimedOut),
            Self::Disconnected => ProduceError::Disconnected,
        }
    }

    fn invalidates_metadata(self) -> bool {
        match self {
            Self::Code(code) => code.invalidates_metadata(),
            Self::Disconnected => true,
            Self::TimedOut => false,
        }
    }
}

/// Whether a round of the sender did something, so that another may too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Some,
    Nothing,
}

fn announce(cx: &mut ProducerCx<'_>, identity: Identity) {
    cx.fact(Fact::ProducerIdentity {
        id: identity.id,
        epoch: identity.epoch,
    });
}
