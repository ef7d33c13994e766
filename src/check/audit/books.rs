//! What all groups share: who sent which record when, and when places had no leader.

use std::ops::Range;

use crate::check::audit::Plan;
use crate::delivery::{Place, RecordId, SenderId};
use crate::sim::time::SimTime;

/// The send times, and what finds a record's sender and a place's gaps.
#[derive(Clone, Debug)]
pub(super) struct Books {
    /// By sender id.
    senders: Vec<Sender>,
    /// Indices of `senders`, by their first record.
    by_record: Vec<u32>,
    /// By stream.
    streams: Vec<Stream>,
    /// By record.
    sent_at: Vec<SimTime>,
}

/// One sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    /// Which one.
    pub(super) id: SenderId,
    /// Its number among the senders of its stream.
    pub(super) rank: u32,
    /// What it has sent.
    pub(super) sent: Sent,
    /// How many records it may send.
    capacity: u32,
    /// Where to.
    stream: u32,
}

/// Consecutive records that were sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    first: u32,
    count: u32,
}

/// One stream.
#[derive(Clone, Debug)]
struct Stream {
    /// How many senders send to it.
    senders: u32,
    /// By lane: when it had no leader, in order of time.
    gaps: Vec<Vec<Gap>>,
}

/// A span without a leader; [`SimTime::NEVER`] ends the one that is still open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    from: SimTime,
    to: SimTime,
}

impl Sent {
    /// True when the record is one of these.
    pub(super) fn holds(self, id: RecordId) -> bool {
        id.0.wrapping_sub(self.first) < self.count
    }

    /// The records as indices.
    pub(super) fn indices(self) -> Range<usize> {
        self.first as usize..self.first as usize + self.count as usize
    }
}

impl Books {
    /// Books for the plan's senders and streams.
    pub(super) fn new(plan: &Plan) -> Self {
        let mut streams: Vec<Stream> = plan
            .streams
            .iter()
            .map(|lanes| Stream {
                senders: 0,
                gaps: vec![Vec::new(); *lanes as usize],
            })
            .collect();
        let mut senders = Vec::with_capacity(plan.senders.len());
        let mut records = 0;
        for (index, sender) in plan.senders.iter().enumerate() {
            let stream = &mut streams[sender.stream as usize];
            senders.push(Sender {
                id: SenderId(index as u32),
                rank: stream.senders,
                sent: Sent {
                    first: sender.first.0,
                    count: 0,
                },
                capacity: sender.count,
                stream: sender.stream,
            });
            stream.senders += 1;
            records = records.max(sender.first.0 as usize + sender.count as usize);
        }
        let mut by_record: Vec<u32> = (0..senders.len() as u32).collect();
        // A sender of nothing may share its first record with the next one; it comes before it.
        by_record.sort_by_key(|i| {
            let sender = &senders[*i as usize];
            (sender.sent.first, sender.capacity, *i)
        });
        for pair in by_record.windows(2) {
            let (a, b) = (&senders[pair[0] as usize], &senders[pair[1] as usize]);
            assert!(
                a.sent.first + a.capacity <= b.sent.first,
                "no record has two senders"
            );
        }
        Self {
            senders,
            by_record,
            streams,
            sent_at: vec![SimTime::ZERO; records],
        }
    }

    /// How many records there can be.
    pub(super) fn capacity(&self) -> usize {
        self.sent_at.len()
    }

    /// How many lanes a stream has.
    pub(super) fn lanes(&self, stream: u32) -> usize {
        self.streams[stream as usize].gaps.len()
    }

    /// How many senders send to a stream.
    pub(super) fn senders_of(&self, stream: u32) -> usize {
        self.streams[stream as usize].senders as usize
    }

    /// A sender called send for the next of its records.
    pub(super) fn sent(&mut self, at: SimTime, by: SenderId, first: RecordId, count: u32) {
        let sender = &mut self.senders[by.0 as usize];
        assert_eq!(
            first.0,
            sender.sent.first + sender.sent.count,
            "a sender's records have consecutive ids, in the order of send"
        );
        sender.sent.count += count;
        assert!(
            sender.sent.count <= sender.capacity,
            "a sender sends what its plan allows"
        );
        self.sent_at[first.0 as usize..first.0 as usize + count as usize].fill(at);
    }

    /// When a record was sent.
    #[inline]
    pub(super) fn sent_at(&self, index: usize) -> SimTime {
        self.sent_at[index]
    }

    /// What a sender has sent so far.
    pub(super) fn sent_by(&self, sender: SenderId) -> Sent {
        self.senders[sender.0 as usize].sent
    }

    /// The sender of a record.
    pub(super) fn sender_of(&self, id: RecordId) -> &Sender {
        let after = self
            .by_record
            .partition_point(|i| self.senders[*i as usize].sent.first <= id.0);
        let index = after
            .checked_sub(1)
            .expect("no record is older than the first sender's first");
        &self.senders[self.by_record[index] as usize]
    }

    /// The records sent, as indices, one range per sender.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.senders.iter().map(|sender| sender.sent.indices())
    }

    /// The senders to a stream.
    pub(super) fn senders_to(&self, stream: u32) -> impl Iterator<Item = &Sender> + '_ {
        self.senders
            .iter()
            .filter(move |sender| sender.stream == stream)
    }

    /// A place has no leader from now on.
    pub(super) fn leader_lost(&mut self, at: SimTime, place: Place) {
        let gaps = self.gaps_mut(place);
        if gaps.last().is_none_or(|gap| gap.to != SimTime::NEVER) {
            gaps.push(Gap {
                from: at,
                to: SimTime::NEVER,
            });
        }
    }

    /// A place has a leader again.
    pub(super) fn leader_found(&mut self, at: SimTime, place: Place) {
        if let Some(gap) = self.gaps_mut(place).last_mut()
            && gap.to == SimTime::NEVER
        {
            gap.to = at;
        }
    }

    fn gaps_mut(&mut self, place: Place) -> &mut Vec<Gap> {
        &mut self.streams[place.stream as usize].gaps[place.lane as usize]
    }

    /// When a place had no leader.
    pub(super) fn gaps(&self, place: Place) -> &[Gap] {
        &self.streams[place.stream as usize].gaps[place.lane as usize]
    }
}

/// For how many nanoseconds between the two instants there was no leader.
pub(super) fn leaderless(gaps: &[Gap], from: SimTime, to: SimTime) -> u64 {
    gaps.iter()
        .rev()
        .take_while(|gap| gap.to > from)
        .map(|gap| gap.to.min(to).since(gap.from.max(from)).as_nanos())
        .sum()
}
