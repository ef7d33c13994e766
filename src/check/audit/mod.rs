//! What became of every record: the words of the audit, counted exactly.
//!
//! Modelled: one state byte per record and one per record and group, the send times, and the last
//! record per order that matters; all updated in loops over a batch. Readers' lag and latencies
//! come from the same facts. Nothing is sampled and no record has a map entry.
//! Left out: why a record was lost (a story is told by running the seed again).

mod books;
mod group;
mod lag;
pub mod latency;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::check::audit::books::Books;
use crate::check::audit::group::{Group, Processing, Reading};
use crate::check::audit::latency::{Latency, RunLength};
use crate::check::tally::{GroupTally, LagSeries, Tally};
use crate::delivery::{Delivery, GroupId, Outcome, Parcel, Place, RecordId, SenderId};
use crate::kafka::ids::{LeaderEpoch, Offset, TopicPartition};
use crate::kafka::records::StoredBatch;
use crate::kafka::view::ReplicaView;
use crate::sim::time::SimTime;

use crate::check::audit::latency::Latencies;

/// It was told success.
const ACKED: u8 = 1;
/// It was told a failure.
const FAILED: u8 = 1 << 1;
/// The failure was a time-out.
const TIMEOUT: u8 = 1 << 2;
/// A replica holds a copy in the end.
const COPY: u8 = 1 << 3;
/// A consumer can read it in the end.
const READABLE: u8 = 1 << 4;
/// Retention removed a copy that had been readable.
const EXPIRED: u8 = 1 << 5;
/// Some group has read it.
const READ_BY_ANY: u8 = 1 << 6;
/// No group had read it when the faults healed, and one has since.
const LATE: u8 = 1 << 7;

/// Who sends, where records lie and who reads: what sizes the audit.
#[derive(Clone, Debug)]
pub struct Plan {
    /// By sender id; their records follow each other.
    pub senders: Vec<SenderPlan>,
    /// How many lanes each stream has.
    pub streams: Vec<u32>,
    /// By group id.
    pub groups: Vec<GroupPlan>,
    /// When all faults heal.
    pub heal_at: SimTime,
}

/// One sender's records.
#[derive(Clone, Copy, Debug)]
pub struct SenderPlan {
    /// The first.
    pub first: RecordId,
    /// How many at most.
    pub count: u32,
    /// Where they go.
    pub stream: u32,
}

/// One group of readers.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// The streams that it reads.
    pub streams: Vec<u32>,
    /// True when several members have handlers that take time: then what one reports last may
    /// have happened first, and order needs the time of each record.
    pub interleaved: bool,
}

/// The books of one run.
#[derive(Clone, Debug)]
pub struct Audit {
    books: Books,
    state: Vec<u8>,
    groups: Vec<Group>,
    heal_at: SimTime,
    ack: Latency,
    told_twice: u64,
    /// Surplus copies; until the end only those among what expired.
    duplicated: u64,
    /// Up to where the batches of a leader epoch were removed by some replica.
    gone: BTreeMap<(Place, LeaderEpoch), Offset>,
    /// In a run without groups, who reads the surviving logs once, for their order.
    log_reader: Option<Group>,
}

/// What the audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// The words, over all records.
    pub tally: Tally,
    /// Of the unknown records: those told nothing and without a copy anywhere.
    pub untold: u64,
    /// Records whose fate was told more than once. Always a mistake of a client.
    pub told_twice: u64,
    /// From send to the news of success.
    pub ack: Option<Latencies>,
    /// From send to the end of the handler, each group's first time; all groups together.
    pub end_to_end: Option<Latencies>,
    /// By group id.
    pub groups: Vec<GroupAudited>,
}

/// What the audit found of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupAudited {
    /// Its words. Rebalances are not the audit's to count.
    pub tally: GroupTally,
    /// From send to the end of its handler, the first time.
    pub end_to_end: Option<Latencies>,
    /// What it had still to process, over time.
    pub lag: LagSeries,
}

/// The end of the run.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Every replica whose disk can be read, its log as it stands.
    pub replicas: &'a [ReplicaView<'a>],
    /// When.
    pub at: SimTime,
    /// How many steps the lag series have; at least 1.
    pub lag_steps: u32,
}

impl Audit {
    /// Empty books for what the plan allows.
    pub fn new(plan: &Plan) -> Self {
        let books = Books::new(plan);
        let records = books.capacity();
        Self {
            state: vec![0; records],
            groups: plan
                .groups
                .iter()
                .map(|group| Group::new(group, plan.streams.len(), records))
                .collect(),
            books,
            heal_at: plan.heal_at,
            ack: Latency::new(),
            told_twice: 0,
            duplicated: 0,
            gone: BTreeMap::new(),
            log_reader: plan.groups.is_empty().then(|| {
                let everything = GroupPlan {
                    streams: (0..plan.streams.len() as u32).collect(),
                    interleaved: false,
                };
                Group::new(&everything, plan.streams.len(), records)
            }),
        }
    }

    /// Takes note of what happened to records at `at`. Facts come in order of time.
    pub fn delivery(&mut self, at: SimTime, fact: &Delivery) {
        match fact {
            Delivery::Sent {
                by, first, count, ..
            } => self.books.sent(at, *by, *first, *count),
            Delivery::Resent { by, id } => self.resent(*by, *id),
            Delivery::Told {
                by,
                parcel,
                outcome,
                ..
            } => self.told(at, *by, parcel, *outcome),
            Delivery::Rejected {
                by,
                first,
                count,
                timeout,
            } => self.rejected(*by, *first, *count, *timeout),
            Delivery::Read {
                by,
                place,
                parcel,
                part,
                ..
            } => {
                let news = Reading {
                    place: *place,
                    records: &parcel[part.from as usize..part.to as usize],
                    late: if at > self.heal_at { LATE } else { 0 },
                };
                self.groups[by.group.0 as usize].read(&self.books, &mut self.state, &news);
            }
            Delivery::Processed {
                by,
                place,
                base_offset,
                parcel,
                part,
                each,
            } => {
                let news = Processing {
                    at,
                    each: *each,
                    place: *place,
                    end_offset: base_offset + u64::from(part.to),
                    records: &parcel[part.from as usize..part.to as usize],
                };
                self.groups[by.group.0 as usize].processed(&self.books, &news);
            }
        }
    }

    /// A place has no leader from now on.
    pub fn leader_lost(&mut self, at: SimTime, place: Place) {
        self.books.leader_lost(at, place);
    }

    /// A place has a leader again.
    pub fn leader_found(&mut self, at: SimTime, place: Place) {
        self.books.leader_found(at, place);
    }

    /// Retention removed batches from a replica's log. They had been readable: retention keeps what
    /// lies above the high watermark. Other replicas remove the same batches sooner or later.
    pub fn removed(&mut self, place: Place, batches: &[StoredBatch]) {
        for stored in batches {
            if !self.is_first_copy(place, stored) {
                continue;
            }
            self.gone
                .insert((place, stored.leader_epoch), stored.next_offset());
            for record in stored.batch.records.iter() {
                let state = &mut self.state[record.id.0 as usize];
                self.duplicated += u64::from(*state & EXPIRED != 0);
                *state |= EXPIRED | COPY;
            }
        }
    }

    /// True when no replica's removal of this very batch was noted. Batches of one leader epoch are
    /// the same in all logs and go from the oldest on.
    fn is_first_copy(&self, place: Place, stored: &StoredBatch) -> bool {
        let gone = self.gone.get(&(place, stored.leader_epoch));
        gone.is_none_or(|below| *below <= stored.base_offset)
    }

    /// How many records of a group were processed so far, distinct.
    pub fn processed(&self, group: GroupId) -> u64 {
        self.groups[group.0 as usize].processed_count()
    }

    /// An application was told the fate of a batch.
    fn told(&mut self, at: SimTime, by: SenderId, parcel: &Parcel, outcome: Outcome) {
        let mark = match outcome {
            Outcome::Acked(_) => ACKED,
            Outcome::Failed { timeout: true } => FAILED | TIMEOUT,
            Outcome::Failed { timeout: false } => FAILED,
        };
        let range = self.books.sent_by(by);
        let mut known = true;
        let mut latency = RunLength::new(&mut self.ack);
        for record in parcel.iter() {
            let index = record.id.0 as usize;
            known &= range.holds(record.id);
            let state = &mut self.state[index];
            self.told_twice += u64::from(*state & (ACKED | FAILED) != 0);
            *state |= mark;
            if mark == ACKED {
                latency.push(at.since(self.books.sent_at(index)));
            }
        }
        assert!(known, "an application is told the fate of what it sent");
    }

    /// A record is sent once more: what it was told does not hold any longer.
    fn resent(&mut self, by: SenderId, id: RecordId) {
        let range = self.books.sent_by(by);
        assert!(
            range.holds(id),
            "an application sends again what it has sent"
        );
        self.state[id.0 as usize] &= !FAILED;
    }

    /// `send` itself failed.
    fn rejected(&mut self, by: SenderId, first: RecordId, count: u32, timeout: bool) {
        let mark = if timeout { FAILED | TIMEOUT } else { FAILED };
        let from = first.0 as usize;
        assert!(
            count == 0 || self.books.sent_by(by).holds(RecordId(first.0 + count - 1)),
            "send fails for what was sent"
        );
        for state in &mut self.state[from..from + count as usize] {
            self.told_twice += u64::from(*state & (ACKED | FAILED) != 0);
            *state |= mark;
        }
    }

    /// Closes the books: walks what the surviving leaders hold, then counts.
    ///
    /// A partition's leader is the replica that believes it leads in the highest epoch. A
    /// partition without one can't be read.
    pub fn close(mut self, end: &End<'_>) -> Audited {
        let leaders = leaders(end.replicas);
        for leader in leaders.values() {
            self.walk_leader(leader);
        }
        if self.copies_matter() {
            for replica in end.replicas {
                self.walk_copies(replica);
            }
        }
        for group in &mut self.groups {
            group.settle_order(&self.books);
        }
        self.count(end)
    }

    /// Marks what can be read from a leader, below its high watermark.
    fn walk_leader(&mut self, leader: &ReplicaView<'_>) {
        let place = Place {
            stream: leader.tp.topic.0,
            lane: leader.tp.partition,
        };
        let (low, high) = (leader.log_start.0, leader.high_watermark.0);
        for stored in leader.batches() {
            let base = stored.base_offset.0;
            let records = &stored.batch.records;
            let Some(first) = records.first() else {
                continue;
            };
            let range = self.books.sender_of(first.id).sent;
            let is_first_copy = self.is_first_copy(place, stored);
            let mut known = true;
            let from = low.saturating_sub(base).min(records.len() as u64) as usize;
            let to = high.saturating_sub(base).min(records.len() as u64) as usize;
            for record in &records[..from.min(to)] {
                // DeleteRecords may cut within a batch; what lies below can't be read any more.
                known &= range.holds(record.id);
                let state = &mut self.state[record.id.0 as usize];
                let surplus = is_first_copy && *state & (READABLE | EXPIRED) != 0;
                self.duplicated += u64::from(surplus);
                *state |= EXPIRED | COPY;
            }
            let readable = &records[from.min(to)..to];
            let base = base + from.min(to) as u64;
            if let Some(reader) = &mut self.log_reader {
                let news = Reading {
                    place,
                    records: readable,
                    late: 0,
                };
                reader.read(&self.books, &mut self.state, &news);
            }
            for group in &mut self.groups {
                group.passed_over(&self.state, place, base, readable);
            }
            for record in readable {
                known &= range.holds(record.id);
                let state = &mut self.state[record.id.0 as usize];
                let surplus = is_first_copy && *state & (READABLE | EXPIRED) != 0;
                self.duplicated += u64::from(surplus);
                *state |= READABLE | COPY;
            }
            assert!(known, "a log holds only what was sent");
        }
    }

    /// True when some record's word depends on whether any replica holds a copy.
    fn copies_matter(&self) -> bool {
        self.books.ranges().any(|range| {
            self.state[range]
                .iter()
                .any(|state| state & (ACKED | COPY) == 0)
        })
    }

    /// Marks what a replica holds, readable or not.
    fn walk_copies(&mut self, replica: &ReplicaView<'_>) {
        for stored in replica.batches() {
            for record in stored.batch.records.iter() {
                self.state[record.id.0 as usize] |= COPY;
            }
        }
    }

    /// Counts the words.
    fn count(self, end: &End<'_>) -> Audited {
        let mut by_state = [0_u64; 256];
        for range in self.books.ranges() {
            count_bytes(&self.state[range], &mut by_state);
        }
        let with = |set: u8, clear: u8| -> u64 {
            (0_u8..=255)
                .filter(|state| state & set == set && state & clear == 0)
                .map(|state| by_state[usize::from(state)])
                .sum()
        };
        let tally = Tally {
            sent: with(0, 0),
            acked: with(ACKED, 0),
            refused: with(FAILED, ACKED | COPY),
            unknown: with(COPY, ACKED) + with(0, ACKED | FAILED | COPY),
            told_timeout: with(TIMEOUT, 0),
            readable: with(READABLE, 0),
            lost: with(ACKED, READABLE | EXPIRED),
            expired: with(EXPIRED, READABLE),
            duplicated: self.duplicated,
            reordered: self.flagged(group::REORDERED),
            reordered_keys: self.flagged(group::KEY_REORDERED),
            late: with(LATE, 0),
        };
        assert_eq!(
            tally.sent,
            tally.acked + tally.refused + tally.unknown,
            "every record sent is acked, refused or unknown"
        );
        assert_eq!(
            tally.acked,
            tally.lost + with(ACKED | READABLE, 0) + with(ACKED | EXPIRED, READABLE),
            "every record acked is readable, expired or lost"
        );
        let mut all = Latency::new();
        let mut groups = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            all.merge(group.latency());
            groups.push(group.close(&self.books, &self.state, tally.expired, end));
        }
        Audited {
            tally,
            untold: with(0, ACKED | FAILED | COPY),
            told_twice: self.told_twice,
            ack: self.ack.percentiles(),
            end_to_end: all.percentiles(),
            groups,
        }
    }

    /// How many records carry this flag in the books of some group.
    fn flagged(&self, flag: u8) -> u64 {
        match self.groups.as_slice() {
            [] => (self.log_reader.as_ref()).map_or(0, |log| log.flagged(&self.books, flag)),
            [one] => one.flagged(&self.books, flag),
            several => self
                .books
                .ranges()
                .flatten()
                .filter(|index| several.iter().any(|group| group.has(*index, flag)))
                .count() as u64,
        }
    }
}

/// The leader of each partition: who believes that it leads in the highest epoch.
fn leaders<'a>(replicas: &'a [ReplicaView<'a>]) -> BTreeMap<TopicPartition, &'a ReplicaView<'a>> {
    let mut leaders: BTreeMap<TopicPartition, &ReplicaView<'_>> = BTreeMap::new();
    for replica in replicas.iter().filter(|replica| replica.is_leader) {
        let leader = leaders.entry(replica.tp).or_insert(replica);
        if replica.leader_epoch > leader.leader_epoch {
            *leader = replica;
        }
    }
    leaders
}

/// Adds how often each byte occurs. Four tables, since equal neighbours wait for each other.
fn count_bytes(bytes: &[u8], into: &mut [u64; 256]) {
    let mut tables = [[0_u64; 256]; 4];
    let quads = bytes.chunks_exact(4);
    for byte in quads.remainder() {
        into[usize::from(*byte)] += 1;
    }
    for quad in quads {
        for (table, byte) in tables.iter_mut().zip(quad) {
            table[usize::from(*byte)] += 1;
        }
    }
    for table in &tables {
        for (sum, count) in into.iter_mut().zip(table) {
            *sum += count;
        }
    }
}
