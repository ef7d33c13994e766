//! The events to come, by time and then by the order in which they were scheduled.
//!
//! Modelled: events that happen once, in a slab, so that the heap moves 16-byte keys only; and
//! alarms, which are set, moved and taken back far more often than they go off. An alarm keeps one
//! key in the heap: set later or taken back, it leaves the key where it is and looks again when the
//! key comes up. So the heap grows with what is pending and not with what was cancelled.
//! Left out: nothing here knows what an event means.

use crate::sim::heap::Heap;
use crate::sim::time::SimTime;

/// A key is time, sequence number and place: `time << 64 | sequence << 24 | place`.
const SEQUENCE_BITS: u32 = 40;
const PLACE_BITS: u32 = 24;
/// The bit of a place that says "alarm".
const ALARM: u32 = 1 << (PLACE_BITS - 1);
/// "No key" and "no link"; sequence numbers start at 1, so that no key is 0.
const NO_KEY: u128 = 0;
const NO_LINK: u32 = u32::MAX;

/// The place of an event in the slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    /// No slot, as the end of a list.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// The number of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AlarmId(pub(crate) u32);

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The event in this slot, which stays taken until it is freed or scheduled again.
    Event(Slot),
    /// This alarm went off.
    Alarm(AlarmId),
}

/// The queue of events `E` and alarms that carry an `A`.
#[derive(Clone, Debug)]
pub(crate) struct Queue<E, A> {
    heap: Heap,
    /// How many keys were made.
    sequence: u64,
    events: Vec<E>,
    free: Vec<Slot>,
    alarms: Vec<Alarm<A>>,
    left: Vec<Left>,
    free_left: Vec<u32>,
}

#[derive(Clone, Debug)]
struct Alarm<A> {
    /// The key at which it goes off; `NO_KEY` while it is not set. In halves, which need less
    /// alignment: a hundred thousand alarms should stay in the cache.
    due: [u64; 2],
    /// The keys in the heap that it has left behind, in ascending order. `due` is in the heap
    /// unless one of these comes before it.
    left: u32,
    carries: A,
}

impl<A> Alarm<A> {
    const fn due(&self) -> u128 {
        (self.due[0] as u128) << 64 | self.due[1] as u128
    }

    const fn set_due(&mut self, key: u128) {
        self.due = [(key >> 64) as u64, key as u64];
    }
}

/// A key that an alarm has left behind in the heap.
#[derive(Clone, Copy, Debug)]
struct Left {
    key: u128,
    next: u32,
}

impl<E, A> Queue<E, A> {
    pub(crate) fn new() -> Self {
        Self {
            heap: Heap::new(),
            sequence: 0,
            events: Vec::new(),
            free: Vec::new(),
            alarms: Vec::new(),
            left: Vec::new(),
            free_left: Vec::new(),
        }
    }

    /// How many keys the heap holds, those of alarms that were taken back included.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        self.heap.len()
    }

    /// How many events the slab holds.
    #[cfg(test)]
    pub(crate) fn stored(&self) -> usize {
        self.events.len() - self.free.len()
    }

    /// Puts `event` into the slab without a time.
    pub(crate) fn store(&mut self, event: E) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.events[slot.0 as usize] = event;
            return slot;
        }
        let slot = u32::try_from(self.events.len()).unwrap_or(ALARM);
        assert!(slot < ALARM, "at most 2^23 events are pending at once");
        self.events.push(event);
        Slot(slot)
    }

    /// Schedules what is in `slot`, which has no time yet or whose time has come.
    pub(crate) fn schedule(&mut self, at: SimTime, slot: Slot) {
        let key = self.key(at, slot.0);
        self.heap.push(key);
    }

    /// Schedules an event.
    pub(crate) fn push(&mut self, at: SimTime, event: E) -> Slot {
        let slot = self.store(event);
        self.schedule(at, slot);
        slot
    }

    /// What is in `slot`.
    pub(crate) fn event(&self, slot: Slot) -> &E {
        &self.events[slot.0 as usize]
    }

    /// What is in `slot`.
    pub(crate) fn event_mut(&mut self, slot: Slot) -> &mut E {
        &mut self.events[slot.0 as usize]
    }

    /// Gives back a slot that has no time; what is in it should hold no memory any more.
    pub(crate) fn free(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    /// A new alarm, not set.
    pub(crate) fn add_alarm(&mut self, carries: A) -> AlarmId {
        let id = u32::try_from(self.alarms.len()).unwrap_or(ALARM);
        assert!(id < ALARM, "a run has at most 2^23 timer slots");
        self.alarms.push(Alarm {
            due: [0; 2],
            left: NO_LINK,
            carries,
        });
        AlarmId(id)
    }

    /// What an alarm carries.
    pub(crate) fn alarm(&self, id: AlarmId) -> &A {
        &self.alarms[id.0 as usize].carries
    }

    /// Sets an alarm, in place of any earlier time, and what it carries.
    pub(crate) fn set_alarm(&mut self, id: AlarmId, at: SimTime, carries: A) {
        let key = self.key(at, id.0 | ALARM);
        let alarm = &mut self.alarms[id.0 as usize];
        alarm.carries = carries;
        if alarm.due() == NO_KEY && alarm.left == NO_LINK {
            alarm.set_due(key);
            self.heap.push(key);
        } else {
            self.move_alarm(id, key);
        }
    }

    /// Takes an alarm back; nothing happens when it is not set.
    pub(crate) fn clear_alarm(&mut self, id: AlarmId) {
        self.leave_behind(id);
        self.alarms[id.0 as usize].set_due(NO_KEY);
    }

    /// When the next event or alarm comes.
    pub(crate) fn next_time(&mut self) -> Option<SimTime> {
        loop {
            let key = self.heap.peek()?;
            let place = place_of(key);
            if place & ALARM == 0 || self.alarms[(place & !ALARM) as usize].due() == key {
                return Some(time_of(key));
            }
            self.heap.take();
            self.look_again(key);
        }
    }

    /// Takes the next event or alarm out, if it comes no later than `limit`.
    pub(crate) fn next(&mut self, limit: SimTime) -> Option<(SimTime, Due)> {
        loop {
            let key = self.heap.peek()?;
            let at = time_of(key);
            if at > limit {
                return None;
            }
            self.heap.take();
            let place = place_of(key);
            if place & ALARM == 0 {
                return Some((at, Due::Event(Slot(place))));
            }
            let id = AlarmId(place & !ALARM);
            let alarm = &mut self.alarms[id.0 as usize];
            if alarm.due() == key {
                alarm.set_due(NO_KEY);
                return Some((at, Due::Alarm(id)));
            }
            self.look_again(key);
        }
    }

    fn key(&mut self, at: SimTime, place: u32) -> u128 {
        self.sequence += 1;
        assert!(
            self.sequence >> SEQUENCE_BITS == 0,
            "a run schedules fewer than 2^40 events"
        );
        u128::from(at.as_nanos()) << 64 | u128::from(self.sequence << PLACE_BITS | u64::from(place))
    }

    /// Sets an alarm that has keys in the heap.
    #[inline(never)]
    fn move_alarm(&mut self, id: AlarmId, key: u128) {
        self.leave_behind(id);
        let alarm = &mut self.alarms[id.0 as usize];
        alarm.set_due(key);
        if first_left(&self.left, alarm.left).is_none_or(|first| key < first) {
            self.heap.push(key);
        }
    }

    /// Takes note that the time of an alarm is no longer its time, but still in the heap.
    fn leave_behind(&mut self, id: AlarmId) {
        let alarm = &mut self.alarms[id.0 as usize];
        let key = alarm.due();
        let first = first_left(&self.left, alarm.left);
        if key == NO_KEY || first.is_some_and(|first| first < key) {
            return;
        }
        let left = Left {
            key,
            next: alarm.left,
        };
        alarm.left = if let Some(link) = self.free_left.pop() {
            self.left[link as usize] = left;
            link
        } else {
            self.left.push(left);
            self.left.len() as u32 - 1
        };
    }

    /// After a key that an alarm had left behind has left the heap: makes sure that the alarm, if
    /// it is set, has a key no later than its time.
    #[inline(never)]
    fn look_again(&mut self, key: u128) {
        let alarm = &mut self.alarms[(place_of(key) & !ALARM) as usize];
        let link = alarm.left;
        let Left { key: first, next } = self.left[link as usize];
        debug_assert_eq!(first, key, "the keys of an alarm come up in order");
        self.free_left.push(link);
        alarm.left = next;
        let due = alarm.due();
        if due != NO_KEY && first_left(&self.left, next).is_none_or(|first| due < first) {
            self.heap.push(due);
        }
    }
}

/// The first key of a list of keys that were left behind.
fn first_left(left: &[Left], link: u32) -> Option<u128> {
    left.get(link as usize).map(|left| left.key)
}

const fn time_of(key: u128) -> SimTime {
    SimTime::from_nanos((key >> 64) as u64)
}

const fn place_of(key: u128) -> u32 {
    key as u32 & ((1 << PLACE_BITS) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(nanos: u64) -> SimTime {
        SimTime::from_nanos(nanos)
    }

    #[test]
    fn events_of_one_time_come_in_the_order_of_scheduling() {
        let mut queue: Queue<u32, ()> = Queue::new();
        for (time, name) in [(5, 1), (3, 2), (5, 3), (3, 4)] {
            queue.push(at(time), name);
        }
        let mut order = Vec::new();
        while let Some((_, Due::Event(slot))) = queue.next(SimTime::NEVER) {
            order.push(*queue.event(slot));
            queue.free(slot);
        }
        assert_eq!(order, [2, 4, 1, 3]);
    }

    #[test]
    fn an_alarm_set_again_takes_its_place_among_equals_anew() {
        let mut queue: Queue<u32, ()> = Queue::new();
        let alarm = queue.add_alarm(());
        queue.set_alarm(alarm, at(5), ());
        let slot = queue.push(at(9), 0);
        queue.set_alarm(alarm, at(9), ());
        assert_eq!(queue.next_time(), Some(at(9)));
        assert_eq!(queue.next(SimTime::NEVER), Some((at(9), Due::Event(slot))));
        assert_eq!(queue.next(SimTime::NEVER), Some((at(9), Due::Alarm(alarm))));
        assert_eq!(queue.next(SimTime::NEVER), None);
    }

    #[test]
    fn an_alarm_taken_back_does_not_go_off() {
        let mut queue: Queue<u32, ()> = Queue::new();
        let alarm = queue.add_alarm(());
        queue.set_alarm(alarm, at(5), ());
        queue.clear_alarm(alarm);
        assert_eq!(queue.next_time(), None);
        queue.set_alarm(alarm, at(7), ());
        assert_eq!(queue.next(at(6)), None);
        assert_eq!(queue.next(at(7)), Some((at(7), Due::Alarm(alarm))));
    }

    #[test]
    fn cancelled_timeouts_leave_nothing_behind_that_grows() {
        let mut queue: Queue<u32, ()> = Queue::new();
        let (timeout, short) = (queue.add_alarm(()), queue.add_alarm(()));
        for now in 0..100_000 {
            // A request timeout that is always taken back, and a slot that is set long and short.
            queue.set_alarm(timeout, at(now + 30_000), ());
            queue.set_alarm(short, at(now + 30_000), ());
            queue.set_alarm(short, at(now + 1), ());
            while queue.next(at(now + 1)).is_some() {}
            queue.clear_alarm(timeout);
            assert!(queue.keys() <= 4, "{} keys", queue.keys());
        }
    }

    /// What a test does to the queue; times are relative to now.
    #[derive(Clone, Debug)]
    enum Action {
        Push(u64),
        Set(usize, u64),
        Clear(usize),
        Pop,
        Advance(u64),
    }

    fn action() -> impl Strategy<Value = Action> {
        prop_oneof![
            4 => (0_u64..20).prop_map(Action::Push),
            4 => (0_usize..3, 0_u64..40).prop_map(|(alarm, after)| Action::Set(alarm, after)),
            1 => (0_usize..3).prop_map(Action::Clear),
            5 => Just(Action::Pop),
            1 => (0_u64..10).prop_map(Action::Advance),
        ]
    }

    proptest! {
        /// Against a list of (time, order of scheduling, what), searched for its least.
        #[test]
        fn the_queue_does_what_a_sorted_list_does(actions in prop::collection::vec(action(), 0..400)) {
            let mut queue: Queue<u64, ()> = Queue::new();
            let alarms = [(); 3].map(|()| queue.add_alarm(()));
            let mut model: Vec<(u64, u64, Result<u64, usize>)> = Vec::new();
            let mut now = 0;
            for (order, action) in (1_u64..).zip(actions) {
                match action {
                    Action::Push(after) => {
                        queue.push(at(now + after), order);
                        model.push((now + after, order, Ok(order)));
                    }
                    Action::Set(alarm, after) => {
                        queue.set_alarm(alarms[alarm], at(now + after), ());
                        model.retain(|(_, _, what)| *what != Err(alarm));
                        model.push((now + after, order, Err(alarm)));
                    }
                    Action::Clear(alarm) => {
                        queue.clear_alarm(alarms[alarm]);
                        model.retain(|(_, _, what)| *what != Err(alarm));
                    }
                    Action::Pop => {
                        let first = model.iter().min().copied();
                        model.retain(|entry| Some(*entry) != first);
                        let popped = queue.next(SimTime::NEVER).map(|(time, due)| match due {
                            Due::Event(slot) => {
                                let what = *queue.event(slot);
                                queue.free(slot);
                                (time.as_nanos(), Ok(what))
                            }
                            Due::Alarm(id) => (time.as_nanos(), Err(id.0 as usize)),
                        });
                        now = first.map_or(now, |(time, _, _)| time);
                        prop_assert_eq!(popped, first.map(|(time, _, what)| (time, what)));
                    }
                    Action::Advance(by) => {
                        let next = model.iter().min().map(|(time, _, _)| *time);
                        prop_assert_eq!(queue.next_time().map(SimTime::as_nanos), next);
                        now = next.map_or(now + by, |next| next.min(now + by));
                    }
                }
            }
            // What was cancelled does not stay: at most the model and a few keys of three alarms.
            prop_assert!(queue.keys() <= model.len() + 3 * 40);
        }
    }
}
