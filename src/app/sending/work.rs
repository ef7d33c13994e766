//! What the threads of a producer application do, and what it sends again.
//!
//! Modelled: threads that wait for send(), for one record's future (synchronous sends), for flush()
//! or for compression; records that the application sends again after an error, each time as a new
//! record of the producer; an outbox that survives a crash.

use std::collections::BTreeMap;

use crate::client::producer::Wait;
use crate::delivery::{Delivery, Outcome, Parcel, Record, RecordId};
use crate::sim::clock::WallTime;
use crate::sim::time::SimTime;
use crate::workload::generator::Draft;
use crate::workload::{Behaviour, OnRestart, SendMode};

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// Nothing: it takes the next record.
    Nothing,
    /// It waits in send().
    Blocked(Blocked),
    /// It compresses the record that it sent last.
    Compressing(SimTime),
    /// It waits for the future of this record.
    Awaiting(RecordId),
    /// It sleeps before it sends its record again.
    Sleeping(Draft, SimTime),
    /// It waits in flush(), for batches up to this mark.
    Flushing(u64),
}

/// A record whose send() has not returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) draft: Draft,
    /// Taken when send() had metadata, before it waited for memory.
    pub(super) timestamp: WallTime,
    pub(super) wait: Wait,
    pub(super) deadline: SimTime,
}

/// The threads and what the application remembers of its records.
#[derive(Clone, Debug)]
pub(super) struct Work {
    pub(super) behaviour: Behaviour,
    /// What each thread does.
    pub(super) threads: Vec<Doing>,
    /// How many producers they use: each thread the one at its index modulo this.
    pub(super) producers: usize,
    /// With several producers, the thread that has not had a record for longest.
    turn: usize,
    /// Records that each thread has sent since its last flush().
    unflushed: Vec<u32>,
    /// Records to be sent again, by the time when.
    again: BTreeMap<(SimTime, RecordId), Draft>,
    /// How often a record was sent again.
    attempts: BTreeMap<RecordId, u32>,
    /// What was sent and not confirmed, where that survives a crash.
    outbox: BTreeMap<RecordId, Draft>,
}

impl Work {
    /// Nothing was sent yet.
    pub(super) fn new(behaviour: Behaviour) -> Self {
        let threads = behaviour.threads.max(1) as usize;
        Self {
            behaviour,
            threads: vec![Doing::Nothing; threads],
            producers: (behaviour.producers as usize).clamp(1, threads),
            turn: 0,
            unflushed: vec![0; threads],
            again: BTreeMap::new(),
            attempts: BTreeMap::new(),
            outbox: BTreeMap::new(),
        }
    }

    /// The process died; the outbox is on a disk.
    pub(super) fn crash(&mut self) {
        self.threads.fill(Doing::Nothing);
        self.turn = 0;
        self.unflushed.fill(0);
        self.again.clear();
        self.attempts.clear();
    }

    /// The application is there again: what it had not seen confirmed is sent once more.
    pub(super) fn restart(&mut self, now: SimTime) {
        let unconfirmed = self.outbox.iter();
        self.again = unconfirmed
            .map(|(id, draft)| ((now, *id), *draft))
            .collect();
    }

    /// True when no record waits to be sent again and no thread has one at hand.
    pub(super) fn is_idle(&self) -> bool {
        self.again.is_empty() && self.threads.iter().all(|doing| *doing == Doing::Nothing)
    }

    /// True when a thread waits in the producer's send(); its other threads wait behind it.
    pub(super) fn holds_up(&self, producer: usize) -> bool {
        self.waited_for() & (1 << producer) != 0
    }

    /// The producers in whose send() a thread waits: one bit for each.
    fn waited_for(&self) -> u64 {
        let blocked = self.blocked().map(|(index, _)| index % self.producers);
        blocked.fold(0, |bits, producer| bits | 1 << producer)
    }

    /// The threads whose producers hold nobody up, from the one whose turn it is, and what they do.
    fn unhindered(&self) -> impl Iterator<Item = (usize, Doing)> + '_ {
        let waited_for = self.waited_for();
        let in_turn = (self.turn..self.threads.len()).chain(0..self.turn);
        let free = in_turn.filter(move |index| waited_for & (1 << (index % self.producers)) == 0);
        free.map(|index| (index, self.threads[index]))
    }

    /// The next thread that takes a record.
    pub(super) fn next_free(&self) -> Option<usize> {
        let mut threads = self.unhindered();
        let free = threads.find(|(_, doing)| *doing == Doing::Nothing)?;
        Some(free.0)
    }

    /// A thread has had its turn. The next one.
    pub(super) fn pass_turn(&mut self, index: usize) -> Option<usize> {
        self.turn = (index + 1) % self.threads.len();
        self.next_free()
    }

    /// The threads that wait in send(), and with what.
    pub(super) fn blocked(&self) -> impl Iterator<Item = (usize, Blocked)> + '_ {
        let threads = self.threads.iter().enumerate();
        threads.filter_map(|(index, doing)| match doing {
            Doing::Blocked(blocked) => Some((index, *blocked)),
            Doing::Nothing
            | Doing::Compressing(_)
            | Doing::Awaiting(_)
            | Doing::Sleeping(..)
            | Doing::Flushing(_) => None,
        })
    }

    /// A record is due to be sent again.
    pub(super) fn take_again(&mut self, now: SimTime) -> Option<Draft> {
        let first = self.again.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// When a thread goes on by itself or a record is due to be sent again.
    pub(super) fn next_time(&self) -> Option<SimTime> {
        let again = self.again.keys().next().map(|(at, _)| *at);
        let free = self.next_free().is_some();
        let threads = self.unhindered().filter_map(|(_, doing)| match doing {
            Doing::Compressing(until) | Doing::Sleeping(_, until) => Some(until),
            Doing::Nothing | Doing::Blocked(_) | Doing::Awaiting(_) | Doing::Flushing(_) => None,
        });
        threads.chain(again.filter(|_| free)).min()
    }

    /// A thread's sleep or compression is over at `now`.
    pub(super) fn wake(&mut self, now: SimTime) {
        for doing in &mut self.threads {
            match *doing {
                Doing::Compressing(until) if until <= now => *doing = Doing::Nothing,
                Doing::Sleeping(draft, until) if until <= now => {
                    self.again.insert((SimTime::ZERO, draft.id), draft);
                    *doing = Doing::Nothing;
                }
                Doing::Nothing
                | Doing::Blocked(_)
                | Doing::Compressing(_)
                | Doing::Awaiting(_)
                | Doing::Sleeping(..)
                | Doing::Flushing(_) => {}
            }
        }
    }

    /// A record is sent for the first time.
    pub(super) fn sent(&mut self, draft: Draft) {
        if self.behaviour.on_restart == OnRestart::Resend {
            self.outbox.insert(draft.id, draft);
        }
    }

    /// A thread has put a record into a batch. True when it calls flush() now.
    pub(super) fn accepted(&mut self, index: usize, id: RecordId) -> bool {
        if self.behaviour.send == SendMode::Sync {
            self.threads[index] = Doing::Awaiting(id);
        }
        let Some(every) = self.behaviour.flush_every else {
            return false;
        };
        self.unflushed[index] += 1;
        let due = self.unflushed[index] >= every;
        if due {
            self.unflushed[index] = 0;
        }
        due
    }

    /// True when the application does anything about what it is told.
    pub(super) fn listens(&self) -> bool {
        self.behaviour != Behaviour::default()
    }

    /// The application was told the fate of records.
    pub(super) fn told(&mut self, now: SimTime, parcel: &Parcel, outcome: Outcome) {
        for record in parcel.iter() {
            match outcome {
                Outcome::Acked(_) => self.confirmed(record.id),
                Outcome::Failed { .. } => self.failed(now, draft(record)),
            }
        }
    }

    fn confirmed(&mut self, id: RecordId) {
        self.outbox.remove(&id);
        self.attempts.remove(&id);
        if let Some(doing) = self.thread_of(id) {
            *doing = Doing::Nothing;
        }
    }

    /// A record failed: it is sent again after a while, or given up.
    pub(super) fn failed(&mut self, now: SimTime, draft: Draft) {
        let on_error = self.behaviour.on_error;
        let attempts = self.attempts.entry(draft.id).or_default();
        let gives_up = *attempts == on_error.resend;
        *attempts += 1;
        if gives_up {
            self.attempts.remove(&draft.id);
            self.outbox.remove(&draft.id);
        }
        let at = now + on_error.wait;
        match self.thread_of(draft.id) {
            Some(doing) if gives_up => *doing = Doing::Nothing,
            // With synchronous sends the thread itself waits and tries again.
            Some(doing) => *doing = Doing::Sleeping(draft, at),
            None if gives_up => {}
            None => {
                self.again.insert((at, draft.id), draft);
            }
        }
    }

    fn thread_of(&mut self, id: RecordId) -> Option<&mut Doing> {
        let awaits = |doing: &&mut Doing| **doing == Doing::Awaiting(id);
        self.threads.iter_mut().find(awaits)
    }
}

fn draft(record: &Record) -> Draft {
    Draft {
        id: record.id,
        key: record.key,
        value_size: record.value_size,
    }
}

/// Consecutive records that were sent and not yet told to observers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    first: RecordId,
    count: u32,
}

impl Sent {
    /// One more record.
    #[inline]
    pub(super) fn add(&mut self, id: RecordId) {
        if self.count == 0 {
            self.first = id;
        }
        self.count += 1;
    }

    /// What to tell of them, if there are any.
    pub(super) fn take(&mut self, plan: &crate::workload::SendPlan) -> Option<Delivery> {
        let Self { first, count } = std::mem::take(self);
        (count > 0).then_some(Delivery::Sent {
            by: plan.sender,
            stream: plan.topic.0,
            first,
            count,
        })
    }
}
