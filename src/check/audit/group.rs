//! The books of one group of readers.

use crate::check::audit::books::{Books, leaderless};
use crate::check::audit::lag::{self, Run};
use crate::check::audit::latency::{Latency, RunLength};
use crate::check::audit::{
    EXPIRED, End, GroupAudited, GroupPlan, READ_BY_ANY, READABLE, count_bytes,
};
use crate::check::tally::GroupTally;
use crate::delivery::{KeyId, Place, Record, RecordId, SenderId};
use crate::sim::time::{SimDuration, SimTime};

/// A reader of the group was handed the record.
const READ: u8 = 1;
/// A handler of the group has finished it.
const PROCESSED: u8 = 1 << 1;
/// It was read after a record that its sender sent later to that place.
pub(super) const REORDERED: u8 = 1 << 2;
/// It was processed after a record that its sender sent later with the same key.
pub(super) const KEY_REORDERED: u8 = 1 << 3;

/// What a group has read and processed.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The streams that it reads.
    streams: Vec<u32>,
    /// By record.
    state: Vec<u8>,
    /// By stream, then by lane and rank of the sender: one more than the latest record read.
    last_read: Vec<Vec<u32>>,
    /// By stream and lane: the offset after the furthest record processed.
    beyond: Vec<Vec<u64>>,
    keys: KeyOrder,
    runs: Vec<Run>,
    latency: Latency,
    /// Nanoseconds between send and processing, summed over records.
    waited: u128,
    /// The part of it in which the record's place had no leader.
    leaderless: u128,
    processed: u64,
    reprocessed: u64,
    skipped: u64,
}

/// How the order of processing is judged, per sender and key.
#[derive(Clone, Debug)]
enum KeyOrder {
    /// Facts come in the order of processing. By sender, then by key: one more than the latest
    /// record processed.
    AsTold(Vec<Vec<u32>>),
    /// Handlers overlap in time: by record, judged in the end.
    Stamped(Vec<Stamp>),
}

/// When a record with a key was processed first.
#[derive(Clone, Copy, Debug, Default)]
struct Stamp {
    at: SimTime,
    /// As which it was processed, from 1: breaks ties. 0 when it has no key or never was.
    turn: u32,
    key: u32,
}

/// A reader's news.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'a> {
    /// Where they lie.
    pub(super) place: Place,
    /// The records, of one batch.
    pub(super) records: &'a [Record],
    /// What to mark in everybody's books beside the first reading.
    pub(super) late: u8,
}

/// A handler's news.
#[derive(Clone, Copy, Debug)]
pub(super) struct Processing<'a> {
    /// When the last record was done.
    pub(super) at: SimTime,
    /// Time per record.
    pub(super) each: SimDuration,
    /// Where they lie.
    pub(super) place: Place,
    /// The offset after the last of them.
    pub(super) end_offset: u64,
    /// The records, of one batch.
    pub(super) records: &'a [Record],
}

impl Group {
    /// Empty books.
    pub(super) fn new(plan: &GroupPlan, streams: usize, records: usize) -> Self {
        Self {
            streams: plan.streams.clone(),
            state: vec![0; records],
            last_read: vec![Vec::new(); streams],
            beyond: vec![Vec::new(); streams],
            keys: if plan.interleaved {
                KeyOrder::Stamped(vec![Stamp::default(); records])
            } else {
                KeyOrder::AsTold(Vec::new())
            },
            runs: Vec::new(),
            latency: Latency::new(),
            waited: 0,
            leaderless: 0,
            processed: 0,
            reprocessed: 0,
            skipped: 0,
        }
    }

    /// A reader was handed records of one batch. `all` are everybody's books.
    pub(super) fn read(&mut self, books: &Books, all: &mut [u8], news: &Reading<'_>) {
        let Some(head) = news.records.first() else {
            return;
        };
        let sender = books.sender_of(head.id);
        let senders = books.senders_of(news.place.stream);
        let lasts = &mut self.last_read[news.place.stream as usize];
        if lasts.is_empty() {
            *lasts = vec![0; senders * books.lanes(news.place.stream)];
        }
        let last = &mut lasts[news.place.lane as usize * senders + sender.rank as usize];
        let mut latest = *last;
        let mut known = true;
        for record in news.records {
            known &= sender.sent.holds(record.id);
            let index = record.id.0 as usize;
            let state = &mut self.state[index];
            if *state & READ != 0 {
                continue;
            }
            *state |= READ;
            if record.id.0 < latest {
                *state |= REORDERED;
            } else {
                latest = record.id.0 + 1;
            }
            let all = &mut all[index];
            if *all & READ_BY_ANY == 0 {
                *all |= READ_BY_ANY | news.late;
            }
        }
        *last = latest;
        assert!(known, "a reader is handed what one application has sent");
    }

    /// A handler has finished records of one batch.
    pub(super) fn processed(&mut self, books: &Books, news: &Processing<'_>) {
        let Some(head) = news.records.first() else {
            return;
        };
        self.move_beyond(books, news.place, news.end_offset);
        let sender = books.sender_of(head.id);
        let gaps = books.gaps(news.place);
        let each = news.each.as_nanos();
        let mut at = (each.checked_mul(news.records.len() as u64 - 1))
            .and_then(|before| news.at.as_nanos().checked_sub(before))
            .expect("a handler starts after 0 s");
        let mut latency = RunLength::new(&mut self.latency);
        let mut run = Run::empty(news.each);
        let mut order = self.keys.of(sender.id);
        let mut known = true;
        let (mut fresh, mut waited) = (0_u64, 0_u64);
        for record in news.records {
            known &= sender.sent.holds(record.id);
            let index = record.id.0 as usize;
            let state = &mut self.state[index];
            let now = SimTime::from_nanos(at);
            at += each;
            if *state & PROCESSED != 0 {
                if each > 0 {
                    run.flush(&mut self.runs);
                }
                continue;
            }
            *state |= PROCESSED;
            fresh += 1;
            run.push(now);
            let sent_at = books.sent_at(index);
            let wait = now.since(sent_at);
            latency.push(wait);
            waited = waited.saturating_add(wait.as_nanos());
            if !gaps.is_empty() {
                self.leaderless += u128::from(leaderless(gaps, sent_at, now));
            }
            if let Some(key) = record.key
                && order.follows_a_later_one(record.id, key, (now, self.processed + fresh))
            {
                *state |= KEY_REORDERED;
            }
        }
        run.flush(&mut self.runs);
        self.waited += u128::from(waited);
        self.processed += fresh;
        self.reprocessed += news.records.len() as u64 - fresh;
        assert!(known, "a handler is given what one application has sent");
    }

    /// Notes how far the group has come in a place.
    fn move_beyond(&mut self, books: &Books, place: Place, end_offset: u64) {
        let beyond = &mut self.beyond[place.stream as usize];
        if beyond.is_empty() {
            *beyond = vec![0; books.lanes(place.stream)];
        }
        let beyond = &mut beyond[place.lane as usize];
        *beyond = end_offset.max(*beyond);
    }

    /// Counts what the group has passed over among readable records at `base` and after: those
    /// whose first copy this is, for `all` have not been marked yet.
    pub(super) fn passed_over(&mut self, all: &[u8], place: Place, base: u64, records: &[Record]) {
        let beyond = self.beyond[place.stream as usize].get(place.lane as usize);
        let Some(ahead) = beyond.and_then(|beyond| beyond.checked_sub(base)) else {
            return;
        };
        let count = ahead.min(records.len() as u64) as usize;
        self.skipped += records[..count]
            .iter()
            .filter(|record| {
                let index = record.id.0 as usize;
                self.state[index] & PROCESSED == 0 && all[index] & READABLE == 0
            })
            .count() as u64;
    }

    /// Judges the order of keys where that had to wait for the end.
    pub(super) fn settle_order(&mut self, books: &Books) {
        let KeyOrder::Stamped(stamps) = &self.keys else {
            return;
        };
        for stream in &self.streams {
            for sender in books.senders_to(*stream) {
                // By key: when the first of all later records was processed.
                let mut earliest: Vec<(SimTime, u32)> = Vec::new();
                for index in sender.sent.indices().rev() {
                    let Stamp { at, turn, key } = stamps[index];
                    if turn == 0 {
                        continue;
                    }
                    let key = key as usize;
                    if earliest.len() <= key {
                        earliest.resize(key + 1, (SimTime::NEVER, u32::MAX));
                    }
                    if earliest[key] < (at, turn) {
                        self.state[index] |= KEY_REORDERED;
                    } else {
                        earliest[key] = (at, turn);
                    }
                }
            }
        }
    }

    /// How many records carry a flag.
    pub(super) fn flagged(&self, books: &Books, flag: u8) -> u64 {
        let mut by_state = [0; 256];
        for sender in self
            .streams
            .iter()
            .flat_map(|stream| books.senders_to(*stream))
        {
            count_bytes(&self.state[sender.sent.indices()], &mut by_state);
        }
        (0_u8..=255)
            .filter(|state| state & flag != 0)
            .map(|state| by_state[usize::from(state)])
            .sum()
    }

    /// True when the record carries the flag.
    pub(super) fn has(&self, index: usize, flag: u8) -> bool {
        self.state[index] & flag != 0
    }

    /// How many distinct records were processed.
    pub(super) fn processed_count(&self) -> u64 {
        self.processed
    }

    /// The latencies of first processings.
    pub(super) fn latency(&self) -> &Latency {
        &self.latency
    }

    /// How many records expired before this group read them. `all` are everybody's books.
    fn unread_expired(&self, books: &Books, all: &[u8]) -> u64 {
        (self.streams.iter())
            .flat_map(|stream| books.senders_to(*stream))
            .flat_map(|sender| sender.sent.indices())
            .filter(|index| {
                all[*index] & (EXPIRED | READABLE) == EXPIRED
                    && self.state[*index] & (READ | PROCESSED) == 0
            })
            .count() as u64
    }

    /// True when a readable record is left that the group has neither processed nor passed over.
    /// `all` are everybody's books.
    fn is_behind(&self, books: &Books, all: &[u8]) -> bool {
        let sent = || {
            let senders = (self.streams.iter()).flat_map(|stream| books.senders_to(*stream));
            senders.map(|sender| sender.sent.indices())
        };
        if sent().map(|indices| indices.len() as u64).sum::<u64>() == self.processed {
            return false;
        }
        let left = sent()
            .flatten()
            .filter(|index| all[*index] & READABLE != 0 && self.state[*index] & PROCESSED == 0);
        left.count() as u64 > self.skipped
    }

    /// Closes the group's books. `all` are everybody's, in which `expired` records expired.
    pub(super) fn close(
        self,
        books: &Books,
        all: &[u8],
        expired: u64,
        end: &End<'_>,
    ) -> GroupAudited {
        let unread_expired = match expired {
            0 => 0,
            _ => self.unread_expired(books, all),
        };
        let is_behind = self.is_behind(books, all);
        let state = &self.state;
        let sent = (self.streams.iter())
            .flat_map(|stream| books.senders_to(*stream))
            .map(|sender| {
                let indices = sender.sent.indices();
                indices
                    .filter(|index| state[*index] & PROCESSED != 0)
                    .map(|index| books.sent_at(index))
            })
            .collect();
        let mut lag = lag::series(sent, self.runs, end.at, end.lag_steps);
        lag.caught_up_at = lag.caught_up_at.filter(|_| !is_behind);
        lag.no_leader_per_mille = (self.leaderless * 1_000)
            .checked_div(self.waited)
            .unwrap_or(0) as u32;
        GroupAudited {
            tally: GroupTally {
                processed: self.processed,
                reprocessed: self.reprocessed,
                skipped: self.skipped,
                unread_expired,
                max_lag: lag.peak,
                ..GroupTally::default()
            },
            end_to_end: self.latency.percentiles(),
            lag,
        }
    }
}

impl KeyOrder {
    /// The order of one sender's records.
    fn of(&mut self, sender: SenderId) -> SenderOrder<'_> {
        match self {
            Self::AsTold(senders) => SenderOrder::AsTold(slot(senders, sender.0 as usize)),
            Self::Stamped(stamps) => SenderOrder::Stamped(stamps),
        }
    }
}

/// A [`KeyOrder`] within one batch.
#[derive(Debug)]
enum SenderOrder<'a> {
    AsTold(&'a mut Vec<u32>),
    Stamped(&'a mut [Stamp]),
}

impl SenderOrder<'_> {
    /// Notes that a record was processed for the first time, at an instant and as the nth. True
    /// when it is known already that one with this key that was sent later came before it.
    #[inline]
    fn follows_a_later_one(
        &mut self,
        record: RecordId,
        key: KeyId,
        (at, turn): (SimTime, u64),
    ) -> bool {
        match self {
            Self::AsTold(lasts) => {
                let last = slot(lasts, key.0 as usize);
                let late = record.0 < *last;
                *last = (record.0 + 1).max(*last);
                late
            }
            Self::Stamped(stamps) => {
                stamps[record.0 as usize] = Stamp {
                    at,
                    turn: turn as u32,
                    key: key.0,
                };
                false
            }
        }
    }
}

/// The element at `index`; the vector grows to hold it.
#[inline]
fn slot<T: Clone + Default>(of: &mut Vec<T>, index: usize) -> &mut T {
    if of.len() <= index {
        of.resize(index + 1, T::default());
    }
    &mut of[index]
}
