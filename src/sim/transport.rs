//! TCP between two hosts: handshakes, messages in order, retransmission, the ways to end.
//!
//! Modelled: a handshake of three packets; messages handed over in the order of sending; what is
//! sent or would arrive on a cut path, or at a host without power, is held by the sender's TCP and
//! sent again with back-off until the connection breaks; orderly ends arrive behind what was sent
//! before; a host that does not know a connection answers with a reset, also after a reboot.
//! Left out: half-closed connections (an end closes both ways), what `link` leaves out.

use crate::sim::core::{Core, Ready};
use crate::sim::host::{Mode, Parked};
use crate::sim::link::{
    Passage, RETRIES, SYN_RETRIES, handshake_timeout, leave, retransmission_timeout,
};
use crate::sim::network::{ACCEPTOR, Connection, EndState, OPENER, Side};
use crate::sim::pending::{Pending, Stage};
use crate::sim::process::{ConnectionId, EventId, HostId, Input, Payload, TimerSlot};
use crate::sim::queue::Slot;
use crate::sim::time::SimTime;

impl<M: Payload, T: TimerSlot> Core<M, T> {
    /// A process opens a connection.
    pub(crate) fn open(&mut self, from: HostId, on: ConnectionId, to: HostId) {
        assert!(
            from != to,
            "a host does not connect to itself: its process can call itself"
        );
        let paths = [self.path(from, to), self.path(to, from)];
        self.network.open(on, from, to, paths);
        // Number 0 of what the opener sends is the last packet of the handshake.
        if let Some(connection) = self.network.find(on) {
            connection.links[ACCEPTOR].sent = 1;
        }
        self.send_syn(on, self.event);
    }

    /// Sends the first packet of a handshake; without an answer it is sent again.
    fn send_syn(&mut self, on: ConnectionId, cause: EventId) {
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            return;
        };
        let link = &connection.links[ACCEPTOR];
        let path = &paths[link.path as usize];
        let bits = link.bits(u32::MAX - link.timeouts);
        if !path.is_open() || path.loses(bits, 0) {
            return self.syn_unanswered(on, cause);
        }
        let at = self.now + path.flight(bits);
        self.push_on(at, Stage::Syn, on, ACCEPTOR, cause);
    }

    /// The handshake's last attempt got lost, there or back.
    fn syn_unanswered(&mut self, on: ConnectionId, cause: EventId) {
        let Some(connection) = self.network.find(on) else {
            return;
        };
        let at = self.now + handshake_timeout(connection.links[ACCEPTOR].timeouts);
        self.push_on(at, Stage::Retry, on, ACCEPTOR, cause);
    }

    /// The first packet of a handshake arrives.
    pub(crate) fn syn(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let Pending { on, cause, .. } = *self.events.event(slot);
        self.drop_event(slot);
        let (connection, paths) = self.network.find_with_paths(on)?;
        if connection.ends[OPENER].state != EndState::Opening {
            return None;
        }
        let there = &paths[connection.links[ACCEPTOR].path as usize];
        let back = &connection.links[OPENER];
        let way_back = &paths[back.path as usize];
        let bits = back.bits(u32::MAX - connection.links[ACCEPTOR].timeouts);
        if !there.is_open() || !way_back.is_open() || way_back.loses(bits, 0) {
            self.syn_unanswered(on, cause);
            return None;
        }
        let at = self.now + way_back.flight(bits);
        let acceptor = &mut connection.ends[ACCEPTOR];
        if self.hosts[acceptor.host.0 as usize].mode == Mode::Down {
            self.push_on(at, Stage::Reset, on, OPENER, cause);
            return None;
        }
        acceptor.state = EndState::Opening;
        connection.links[OPENER].silent = false;
        self.push_on(at, Stage::SynAck, on, OPENER, cause);
        None
    }

    /// The second packet of a handshake arrives: the opener may send.
    pub(crate) fn syn_ack(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let Pending { on, cause, .. } = *self.events.event(slot);
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            return self.drop_event(slot);
        };
        let back = &connection.links[OPENER];
        if !paths[back.path as usize].is_open() || back.silent {
            self.drop_event(slot);
            self.syn_unanswered(on, cause);
            return None;
        }
        let (host, peer) = (connection.ends[OPENER].host, connection.ends[ACCEPTOR].host);
        connection.ends[OPENER].state = EndState::Open;
        connection.links[ACCEPTOR].timeouts = 0;
        let ack = self
            .events
            .store(Pending::on_connection(Stage::Ack, on, ACCEPTOR, cause));
        self.launch(ack, 0);
        self.release(on, ACCEPTOR);
        self.connected(slot, host, Input::Connected { on, peer })
    }

    /// A process hears that its end is open.
    fn connected(&mut self, slot: Slot, host: HostId, input: Input<M, T>) -> Option<Ready<M, T>> {
        let event = self.events.event_mut(slot);
        event.input = Some(input);
        let at = &mut self.hosts[host.0 as usize];
        if at.mode == Mode::Behind {
            event.stage = Stage::Local;
            at.backlog.push_back(Parked::Event(slot));
            return None;
        }
        self.hand_over(slot, host)
    }

    /// A process sends a message.
    pub(crate) fn send(&mut self, from: HostId, on: ConnectionId, body: M) {
        if self.host(from).is_held_up(on) && self.accepted(from, on) {
            self.park_write(from, on, body);
        } else {
            self.send_for(self.event, from, on, body);
        }
    }

    /// Whether a host has accepted a connection, and not opened it.
    fn accepted(&mut self, host: HostId, on: ConnectionId) -> bool {
        let connection = self.network.find(on);
        connection.is_some_and(|connection| connection.side_of(host) == ACCEPTOR)
    }

    /// Sends what an event has caused.
    pub(crate) fn send_for(&mut self, cause: EventId, from: HostId, on: ConnectionId, body: M) {
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            return;
        };
        let side = connection.side_of(from);
        let end = &connection.ends[side];
        if end.state == EndState::Closed || end.finished {
            return;
        }
        let is_open = end.state == EndState::Open;
        let there = 1 - side;
        let link = &mut connection.links[there];
        let path = &mut paths[link.path as usize];
        let number = link.sent;
        link.sent = number.wrapping_add(1);
        let host = &mut self.hosts[from.0 as usize];
        let mut left = self.now;
        if side == ACCEPTOR {
            left = host.write(on, left, body.write_class(), || body.size_bytes());
        }
        let interface = &mut host.interface;
        if path.is_limited() || interface.is_limited() {
            left = leave(path, interface, left, body.size_bytes());
        }
        let mut event = Pending::on_connection(Stage::Deliver, on, there, cause);
        event.number = number;
        event.input = Some(Input::Message { on, body });
        if is_open && path.is_open() {
            match link.pass(path, number, left) {
                Passage::Deliver(at) => {
                    self.events.push(at, event);
                }
                Passage::Break(at) => self.push_on(at, Stage::Break, on, there, cause),
            }
        } else {
            let slot = self.events.store(event);
            self.hold(slot);
        }
    }

    /// Sends what is in `slot` over its link, or holds it.
    fn launch(&mut self, slot: Slot, number: u32) {
        let event = self.events.event_mut(slot);
        let (on, side, cause) = (event.on, event.side, event.cause);
        event.number = number;
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            self.drop_event(slot);
            return;
        };
        let link = &mut connection.links[side];
        let path = &paths[link.path as usize];
        if !path.is_open() {
            return self.hold(slot);
        }
        match link.pass(path, number, self.now) {
            Passage::Deliver(at) => self.events.schedule(at, slot),
            Passage::Break(at) => {
                self.drop_event(slot);
                self.push_on(at, Stage::Break, on, side, cause);
            }
        }
    }

    /// Leaves a message with the sender's TCP, which tries again later.
    fn hold(&mut self, slot: Slot) {
        let Pending {
            on, side, cause, ..
        } = *self.events.event(slot);
        let Some(connection) = self.network.find(on) else {
            self.drop_event(slot);
            return;
        };
        let is_opening = connection.ends[1 - side].state == EndState::Opening;
        let link = &mut connection.links[side];
        link.held.insert(&mut self.events, slot);
        // While the handshake is under way its own retransmission runs.
        if !link.retrying && !is_opening {
            link.retrying = true;
            let at = self.now + retransmission_timeout(link.timeouts);
            self.push_on(at, Stage::Retry, on, side, cause);
        }
    }

    /// Sends everything again that was held.
    fn release(&mut self, on: ConnectionId, side: Side) {
        let Some(connection) = self.network.find(on) else {
            return;
        };
        let mut held = std::mem::replace(
            &mut connection.links[side].held,
            crate::sim::pending::Waiting::NONE,
        );
        while let Some(slot) = held.pop(&self.events) {
            let number = self.events.event(slot).number;
            self.launch(slot, number);
        }
    }

    /// The sender's TCP has waited in vain.
    pub(crate) fn retry(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let Pending {
            on, side, cause, ..
        } = *self.events.event(slot);
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            return self.drop_event(slot);
        };
        let sender = connection.ends[1 - side].state;
        let link = &mut connection.links[side];
        link.retrying = false;
        if sender == EndState::Opening && side == ACCEPTOR {
            link.timeouts += 1;
            if link.timeouts > SYN_RETRIES {
                return self.break_off(slot);
            }
            self.drop_event(slot);
            self.send_syn(on, cause);
            return None;
        }
        if link.held.is_empty() {
            return self.drop_event(slot);
        }
        link.timeouts += 1;
        if link.timeouts > RETRIES {
            return self.break_off(slot);
        }
        if paths[link.path as usize].is_open() {
            self.drop_event(slot);
            self.release(on, side);
        } else {
            link.retrying = true;
            let at = self.now + retransmission_timeout(link.timeouts);
            self.events.schedule(at, slot);
        }
        None
    }

    /// The sender's TCP gives up: its own end is over, the other end knows nothing of it.
    pub(crate) fn break_off(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let event = self.events.event_mut(slot);
        let (on, side) = (event.on, event.side);
        event.side = 1 - side;
        if let Some(connection) = self.network.find(on) {
            connection.links[side].held.discard(&mut self.events);
        }
        self.finish(slot)
    }

    /// A message, or an end, arrives.
    pub(crate) fn deliver(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let event = self.events.event(slot);
        let (stage, on, side, number) = (event.stage, event.on, event.side, event.number);
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            return self.drop_event(slot);
        };
        let end = &mut connection.ends[side];
        let link = &mut connection.links[side];
        if link.silent {
            return self.drop_event(slot);
        }
        let path = &mut paths[link.path as usize];
        if !path.is_plain() || number != link.received {
            if !path.is_open() || number != link.received {
                self.hold(slot);
                return None;
            }
            if let Some(bits) = path.damages(on, number, link.bits(number))
                && let Some(Input::Message { body, .. }) = &mut self.events.event_mut(slot).input
            {
                path.damaged += u64::from(body.damage(bits));
            }
        }
        if end.state == EndState::Closed || end.finished {
            return self.reject(slot);
        }
        link.received = number.wrapping_add(1);
        link.timeouts = 0;
        let host = end.host;
        let is_held_up = !link.held.is_empty();
        if stage == Stage::Ack {
            end.state = EndState::Open;
        }
        if is_held_up {
            self.release(on, side);
        }
        if stage == Stage::Deliver {
            self.arrive(slot, host)
        } else if stage == Stage::Ack {
            let peer = self.peer_of(on, side)?;
            self.connected(slot, host, Input::Connected { on, peer })
        } else {
            self.finish(slot)
        }
    }

    fn peer_of(&mut self, on: ConnectionId, side: Side) -> Option<HostId> {
        self.network
            .find(on)
            .map(|connection| connection.ends[1 - side].host)
    }

    /// A message arrives at a host that does not know its connection: the kernel says so.
    fn reject(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let Pending {
            on,
            side,
            cause,
            number,
            ..
        } = *self.events.event(slot);
        let (connection, paths) = self.network.find_with_paths(on)?;
        if connection.ends[1 - side].state == EndState::Closed {
            self.remove(on);
            return self.drop_event(slot);
        }
        let back = &connection.links[1 - side];
        let way_back = &paths[back.path as usize];
        if !way_back.is_open() {
            // The sender hears nothing and sends again.
            self.hold(slot);
            return None;
        }
        let at = self.now + way_back.flight(back.bits(u32::MAX / 2 - number));
        let link = &mut connection.links[side];
        let is_first = !std::mem::replace(&mut link.rejected, true);
        self.drop_event(slot);
        if is_first {
            self.push_on(at, Stage::Reset, on, 1 - side, cause);
        }
        None
    }

    /// A reset arrives. Lost on its way it comes again, as what it answers is sent again.
    pub(crate) fn reset_arrives(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let Pending {
            on, side, cause, ..
        } = *self.events.event(slot);
        let Some((connection, paths)) = self.network.find_with_paths(on) else {
            return self.drop_event(slot);
        };
        if paths[connection.links[side].path as usize].is_open() {
            return self.finish(slot);
        }
        if connection.ends[side].state == EndState::Opening {
            self.drop_event(slot);
            self.syn_unanswered(on, cause);
            return None;
        }
        let answered = &mut connection.links[1 - side];
        let at = self.now + retransmission_timeout(answered.timeouts);
        answered.timeouts += 1;
        if answered.timeouts > RETRIES {
            return self.finish(slot);
        }
        self.events.schedule(at, slot);
        None
    }

    /// An end of a connection is over, whoever ended it; its process hears it last.
    pub(crate) fn finish(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let event = self.events.event_mut(slot);
        let (on, side) = (event.on, event.side);
        let Some(connection) = self.network.find(on) else {
            return self.drop_event(slot);
        };
        let end = &mut connection.ends[side];
        end.finished = true;
        let host = &mut self.hosts[end.host.0 as usize];
        if host.mode == Mode::Behind && end.state != EndState::Closed {
            event.stage = Stage::Finish;
            host.backlog.push_back(Parked::Event(slot));
            return None;
        }
        self.finish_now(slot)
    }

    /// The process looks at the end of a connection.
    pub(crate) fn finish_now(&mut self, slot: Slot) -> Option<Ready<M, T>> {
        let Pending {
            on, side, cause, ..
        } = *self.events.event(slot);
        self.drop_event(slot);
        let connection = self.network.find(on)?;
        let end = &mut connection.ends[side];
        let (host, state) = (end.host, end.state);
        if state == EndState::Closed || end.serving {
            return None;
        }
        end.state = EndState::Closed;
        let is_acceptor_opening = state == EndState::Opening && side == ACCEPTOR;
        self.remove_if_over(on);
        let input = Input::Disconnected(on);
        (!is_acceptor_opening).then_some(Ready { host, cause, input })
    }

    /// A process closes its end, or dies on a living host: the peer hears it behind what was sent.
    pub(crate) fn close(&mut self, host: HostId, on: ConnectionId) {
        let Some(connection) = self.network.find(on) else {
            return;
        };
        let side = connection.side_of(host);
        let end = &mut connection.ends[side];
        let before = std::mem::replace(&mut end.state, EndState::Closed);
        end.waiting.discard(&mut self.events);
        if before == EndState::Closed {
            return;
        }
        let link = &mut connection.links[1 - side];
        let number = link.sent;
        link.sent = number.wrapping_add(1);
        if before == EndState::Opening && side == OPENER {
            self.remove(on);
        } else if !self.remove_if_over(on) {
            let fin = Pending::on_connection(Stage::Fin, on, 1 - side, self.event);
            let slot = self.events.store(fin);
            self.launch(slot, number);
        }
    }

    /// A host loses power: its end is gone, and so is what it had sent.
    pub(crate) fn vanish(&mut self, host: HostId, on: ConnectionId) {
        let Some(connection) = self.network.find(on) else {
            return;
        };
        let side = connection.side_of(host);
        let end = &mut connection.ends[side];
        let before = std::mem::replace(&mut end.state, EndState::Closed);
        end.waiting.discard(&mut self.events);
        end.serving = false;
        let link = &mut connection.links[1 - side];
        link.silent = true;
        link.held.discard(&mut self.events);
        if before == EndState::Opening && side == OPENER {
            self.remove(on);
        } else {
            self.remove_if_over(on);
        }
    }

    /// A connection breaks at both ends at once, with what is on its way.
    pub(crate) fn reset(&mut self, on: ConnectionId) {
        let Some(connection) = self.network.find(on) else {
            return;
        };
        for side in [OPENER, ACCEPTOR] {
            connection.links[side].silent = true;
            connection.links[side].held.discard(&mut self.events);
            connection.ends[side].finished = true;
        }
        let states = connection.ends.each_ref().map(|end| end.state);
        if states[ACCEPTOR] == EndState::Opening {
            connection.ends[ACCEPTOR].state = EndState::Closed;
        }
        for side in [OPENER, ACCEPTOR] {
            if states[side] != EndState::Closed {
                self.push_on(self.now, Stage::Finish, on, side, self.event);
            }
        }
    }

    /// Removes a connection that is closed at both ends.
    fn remove_if_over(&mut self, on: ConnectionId) -> bool {
        let is_over = self
            .network
            .find(on)
            .is_some_and(|connection: &mut Connection| {
                connection
                    .ends
                    .iter()
                    .all(|end| end.state == EndState::Closed)
            });
        if is_over {
            self.remove(on);
        }
        is_over
    }

    fn remove(&mut self, on: ConnectionId) {
        let Some(mut connection) = self.network.remove(on) else {
            return;
        };
        for side in [OPENER, ACCEPTOR] {
            connection.links[side].held.discard(&mut self.events);
            connection.ends[side].waiting.discard(&mut self.events);
        }
    }

    /// When the next event comes.
    pub(crate) fn next_time(&mut self) -> Option<SimTime> {
        self.events.next_time()
    }
}
