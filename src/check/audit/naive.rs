//! The audit once more, by its definitions: maps, lists and loops over every instant.
//!
//! Only for tests, which compare the two on random runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::audit::latency::Latencies;
use crate::check::audit::tests::{Case, Note};
use crate::check::audit::{Audited, GroupAudited};
use crate::check::tally::{GroupTally, LagSeries, Tally};
use crate::delivery::{Delivery, GroupId, Outcome, Place, Record, SenderId};
use crate::sim::time::{SimDuration, SimTime};

/// One copy in a surviving log: where, at which offset, of which record.
type Copy = (Place, u64, u32);

/// A first processing by a group: instant, turn, record.
type Done = (u64, usize, Record, Place);

/// Everything that was told of one record.
#[derive(Default)]
struct Fate {
    acked: bool,
    failed: bool,
    timeout: bool,
    times: u64,
}

/// Audits a case by the book.
pub(super) fn audit(case: &Case) -> Audited {
    let sent = sent(case);
    let fates = fates(case);
    let fate = |id: &u32| fates.get(id);
    let expired_copies: Vec<u32> = case
        .notes
        .iter()
        .filter_map(|(_, note)| match note {
            Note::Expired(ids) => Some(ids.clone()),
            Note::Delivery(_) | Note::Lost(_) | Note::Found(_) => None,
        })
        .flatten()
        .collect();
    let (below, readable) = surviving(case);
    let held: BTreeSet<u32> = (case.replicas.iter())
        .flat_map(super::tests::Log::ids)
        .chain(expired_copies.iter().copied())
        .collect();
    let can_read: BTreeSet<u32> = readable.iter().map(|copy| copy.2).collect();
    let gone: BTreeSet<u32> = (expired_copies.iter().copied())
        .chain(below.iter().map(|copy| copy.2))
        .filter(|id| !can_read.contains(id))
        .collect();
    let count = |what: &dyn Fn(&u32) -> bool| sent.keys().filter(|id| what(id)).count() as u64;
    let acked = |id: &u32| fate(id).is_some_and(|fate| fate.acked);
    let failed = |id: &u32| fate(id).is_some_and(|fate| fate.failed);
    let copies = expired_copies.len() + below.len() + readable.len();
    let groups: Vec<GroupId> = (0..case.plan.groups.len() as u32).map(GroupId).collect();
    let tally = Tally {
        sent: sent.len() as u64,
        acked: count(&acked),
        refused: count(&|id| failed(id) && !acked(id) && !held.contains(id)),
        unknown: count(&|id| !acked(id) && (held.contains(id) || !failed(id))),
        told_timeout: count(&|id| fate(id).is_some_and(|fate| fate.timeout)),
        readable: can_read.len() as u64,
        lost: count(&|id| acked(id) && !can_read.contains(id) && !gone.contains(id)),
        expired: gone.len() as u64,
        duplicated: (copies - can_read.len() - gone.len()) as u64,
        reordered: reordered(case).len() as u64,
        reordered_keys: (groups.iter())
            .flat_map(|group| reordered_keys(case, *group))
            .collect::<BTreeSet<_>>()
            .len() as u64,
        late: late(case),
    };
    let mut all = Vec::new();
    let groups = (groups.iter())
        .map(|group| {
            let done = done(case, *group);
            let times = (done.iter()).map(|(at, _, record, _)| at - sent[&record.id.0]);
            all.extend(times.clone());
            GroupAudited {
                tally: group_tally(case, *group, &done, &readable, &gone, &sent),
                end_to_end: latencies(times.collect()),
                lag: lag_of(case, *group, &done, &readable, &sent),
            }
        })
        .collect();
    Audited {
        tally,
        untold: count(&|id| !acked(id) && !failed(id) && !held.contains(id)),
        told_twice: fates
            .values()
            .map(|fate| fate.times.saturating_sub(1))
            .sum(),
        ack: latencies(ack_times(case, &sent)),
        end_to_end: latencies(all),
        groups,
    }
}

/// What happened to records, with its instant.
fn deliveries(case: &Case) -> impl Iterator<Item = (u64, &Delivery)> {
    case.notes.iter().filter_map(|(at, note)| match note {
        Note::Delivery(fact) => Some((*at, fact)),
        Note::Expired(_) | Note::Lost(_) | Note::Found(_) => None,
    })
}

/// When each record was sent.
fn sent(case: &Case) -> BTreeMap<u32, u64> {
    let mut sent = BTreeMap::new();
    for (at, fact) in deliveries(case) {
        if let Delivery::Sent { first, count, .. } = fact {
            sent.extend((first.0..first.0 + count).map(|id| (id, at)));
        }
    }
    sent
}

/// What was told of each record.
fn fates(case: &Case) -> BTreeMap<u32, Fate> {
    let mut fates: BTreeMap<u32, Fate> = BTreeMap::new();
    for (_, fact) in deliveries(case) {
        let (ids, outcome): (Vec<u32>, Outcome) = match fact {
            Delivery::Told {
                parcel, outcome, ..
            } => (parcel.iter().map(|record| record.id.0).collect(), *outcome),
            Delivery::Rejected {
                first,
                count,
                timeout,
                ..
            } => (
                (first.0..first.0 + count).collect(),
                Outcome::Failed { timeout: *timeout },
            ),
            Delivery::Resent { id, .. } => {
                let fate = fates.entry(id.0).or_default();
                fate.failed = false;
                fate.times = u64::from(fate.acked);
                continue;
            }
            Delivery::Sent { .. } | Delivery::Read { .. } | Delivery::Processed { .. } => continue,
        };
        for id in ids {
            let fate = fates.entry(id).or_default();
            fate.times += 1;
            fate.acked |= matches!(outcome, Outcome::Acked(_));
            fate.failed |= matches!(outcome, Outcome::Failed { .. });
            fate.timeout |= outcome == Outcome::Failed { timeout: true };
        }
    }
    fates
}

/// How long each ack took.
fn ack_times(case: &Case, sent: &BTreeMap<u32, u64>) -> Vec<u64> {
    deliveries(case)
        .filter_map(|(at, fact)| match fact {
            Delivery::Told {
                parcel,
                outcome: Outcome::Acked(_),
                ..
            } => Some((at, parcel)),
            Delivery::Told { .. }
            | Delivery::Sent { .. }
            | Delivery::Resent { .. }
            | Delivery::Rejected { .. }
            | Delivery::Read { .. }
            | Delivery::Processed { .. } => None,
        })
        .flat_map(|(at, parcel)| parcel.iter().map(move |record| at - sent[&record.id.0]))
        .collect()
}

/// The copies in the surviving leaders' logs, in order: below the log start, and readable.
fn surviving(case: &Case) -> (Vec<Copy>, Vec<Copy>) {
    let mut below = Vec::new();
    let mut readable = Vec::new();
    let places: BTreeSet<Place> = case.replicas.iter().map(|replica| replica.place).collect();
    for place in places {
        let leader = (case.replicas.iter())
            .filter(|replica| replica.place == place && replica.leads)
            .min_by_key(|replica| std::cmp::Reverse(replica.epoch));
        let Some(leader) = leader else { continue };
        for (offset, id) in (0_u64..).zip(leader.ids()) {
            if offset >= leader.high_watermark {
                continue;
            }
            let copies = if offset < leader.log_start {
                &mut below
            } else {
                &mut readable
            };
            copies.push((place, offset, id));
        }
    }
    (below, readable)
}

/// The sender of a record.
fn sender(case: &Case, id: u32) -> SenderId {
    let index = (case.plan.senders.iter())
        .position(|plan| (plan.first.0..plan.first.0 + plan.count).contains(&id))
        .expect("some sender has it");
    SenderId(index as u32)
}

/// The first readings by a group: instant, place, record; with no groups, of the logs.
fn first_reads(case: &Case, group: GroupId) -> Vec<(u64, Place, u32)> {
    let mut seen = BTreeSet::new();
    let mut reads = Vec::new();
    for (now, fact) in deliveries(case) {
        if let Delivery::Read {
            by,
            place,
            parcel,
            part,
            ..
        } = fact
            && by.group == group
        {
            for record in &parcel[part.from as usize..part.to as usize] {
                if seen.insert(record.id.0) {
                    reads.push((now, *place, record.id.0));
                }
            }
        }
    }
    reads
}

/// Records read after one that was sent later, by some group.
fn reordered(case: &Case) -> BTreeSet<u32> {
    let mut orders: Vec<Vec<(Place, u32)>> = (0..case.plan.groups.len() as u32)
        .map(|group| {
            let reads = first_reads(case, GroupId(group));
            reads
                .into_iter()
                .map(|(_, place, id)| (place, id))
                .collect()
        })
        .collect();
    if orders.is_empty() {
        let mut seen = BTreeSet::new();
        let first = (surviving(case).1.into_iter()).filter(|copy| seen.insert(copy.2));
        orders.push(first.map(|(place, _, id)| (place, id)).collect());
    }
    let mut found = BTreeSet::new();
    for order in orders {
        for (i, (place, id)) in order.iter().enumerate() {
            let late = order[..i].iter().any(|(other, before)| {
                other == place && before > id && sender(case, *before) == sender(case, *id)
            });
            if late {
                found.insert(*id);
            }
        }
    }
    found
}

/// The first processings by a group, in order of time.
fn done(case: &Case, group: GroupId) -> Vec<Done> {
    let mut seen = BTreeSet::new();
    let mut done = Vec::new();
    for (at, fact) in deliveries(case) {
        if let Delivery::Processed {
            by,
            place,
            parcel,
            part,
            each,
            ..
        } = fact
            && by.group == group
        {
            let records = &parcel[part.from as usize..part.to as usize];
            for (i, record) in records.iter().enumerate() {
                let at = at - each.as_nanos() * (records.len() - 1 - i) as u64;
                if seen.insert(record.id.0) {
                    done.push((at, done.len(), *record, *place));
                }
            }
        }
    }
    done.sort_by_key(|(at, turn, ..)| (*at, *turn));
    done
}

/// Records processed after one with the same key that their sender sent later.
fn reordered_keys(case: &Case, group: GroupId) -> Vec<u32> {
    let done = done(case, group);
    let mut found = Vec::new();
    for (i, (_, _, record, _)) in done.iter().enumerate() {
        let late = done[..i].iter().any(|(_, _, before, _)| {
            record.key.is_some()
                && before.key == record.key
                && before.id > record.id
                && sender(case, before.id.0) == sender(case, record.id.0)
        });
        if late {
            found.push(record.id.0);
        }
    }
    found
}

/// Records whose first reading by anyone came after the heal.
fn late(case: &Case) -> u64 {
    let mut first: BTreeMap<u32, u64> = BTreeMap::new();
    for group in 0..case.plan.groups.len() as u32 {
        for (at, _, id) in first_reads(case, GroupId(group)) {
            let first = first.entry(id).or_insert(at);
            *first = at.min(*first);
        }
    }
    let heal = case.plan.heal_at.as_nanos();
    first.values().filter(|at| **at > heal).count() as u64
}

/// The words of one group.
fn group_tally(
    case: &Case,
    group: GroupId,
    done: &[Done],
    readable: &[Copy],
    gone: &BTreeSet<u32>,
    sent: &BTreeMap<u32, u64>,
) -> GroupTally {
    let processed: BTreeSet<u32> = done.iter().map(|done| done.2.id.0).collect();
    let read: BTreeSet<u32> = (first_reads(case, group).iter())
        .map(|(_, _, id)| *id)
        .collect();
    let mut handled = 0;
    for (_, fact) in deliveries(case) {
        if let Delivery::Processed { by, part, .. } = fact
            && by.group == group
        {
            handled += part.to - part.from;
        }
    }
    let beyond = beyond(case, group);
    let mut seen = BTreeSet::new();
    let skipped = readable.iter().filter(|(place, offset, id)| {
        let first_copy = seen.insert(*id);
        let passed = beyond.get(place).is_some_and(|beyond| offset < beyond);
        first_copy && passed && !processed.contains(id)
    });
    let streams = &case.plan.groups[group.0 as usize].streams;
    let unread_expired = gone.iter().filter(|id| {
        let stream = case.plan.senders[sender(case, **id).0 as usize].stream;
        streams.contains(&stream) && !read.contains(id) && !processed.contains(id)
    });
    GroupTally {
        processed: processed.len() as u64,
        reprocessed: u64::from(handled) - processed.len() as u64,
        skipped: skipped.count() as u64,
        unread_expired: unread_expired.count() as u64,
        max_lag: lag(case, done, sent).peak,
        ..GroupTally::default()
    }
}

/// The lag of a group, with when it caught up.
fn lag_of(
    case: &Case,
    group: GroupId,
    done: &[Done],
    readable: &[Copy],
    sent: &BTreeMap<u32, u64>,
) -> LagSeries {
    LagSeries {
        caught_up_at: caught_up_at(case, group, done, readable),
        ..lag(case, done, sent)
    }
}

/// The lag at every instant, one after the other.
fn lag(case: &Case, done: &[Done], sent: &BTreeMap<u32, u64>) -> LagSeries {
    let at = |now: u64| -> u64 {
        let waits = |(at, _, record, _): &&Done| sent[&record.id.0] <= now && now < *at;
        done.iter().filter(waits).count() as u64
    };
    let end = case.end;
    let step = end.div_ceil(u64::from(case.lag_steps)).max(1);
    let peak = (0..=end).map(at).max().unwrap_or(0);
    let (mut waited, mut leaderless) = (0_u64, 0_u64);
    for (until, _, record, place) in done {
        for now in sent[&record.id.0]..*until {
            waited += 1;
            leaderless += u64::from(!has_leader(case, *place, now));
        }
    }
    LagSeries {
        step: SimDuration::from_nanos(step),
        values: (0..=u64::from(case.lag_steps))
            .map(|i| at(i * step))
            .collect(),
        peak,
        peak_at: SimTime::from_nanos(match peak {
            0 => 0,
            peak => (0..=end)
                .find(|now| at(*now) == peak)
                .expect("it was reached"),
        }),
        peak_gone_at: (0..=end)
            .find(|now| at(*now) == peak && peak > 0)
            .and_then(|peak_at| (peak_at..=end).find(|now| at(*now) <= peak / 100))
            .map(SimTime::from_nanos),
        caught_up_at: None,
        no_leader_per_mille: (leaderless * 1_000).checked_div(waited).unwrap_or(0) as u32,
    }
}

/// When the last record was processed, where none is left: a readable one of which no processed
/// copy or later record of its place is known.
fn caught_up_at(case: &Case, group: GroupId, done: &[Done], readable: &[Copy]) -> Option<SimTime> {
    let processed: BTreeSet<u32> = done.iter().map(|done| done.2.id.0).collect();
    let beyond = beyond(case, group);
    let streams = &case.plan.groups[group.0 as usize].streams;
    let mut seen = BTreeSet::new();
    let left = readable.iter().any(|(place, offset, id)| {
        let stream = case.plan.senders[sender(case, *id).0 as usize].stream;
        let passed = beyond.get(place).is_some_and(|beyond| offset < beyond);
        seen.insert(*id) && streams.contains(&stream) && !passed && !processed.contains(id)
    });
    let last = done.iter().map(|(at, ..)| *at).max();
    last.filter(|_| !left).map(SimTime::from_nanos)
}

/// The offsets after the furthest that a group has processed.
fn beyond(case: &Case, group: GroupId) -> BTreeMap<Place, u64> {
    let mut beyond: BTreeMap<Place, u64> = BTreeMap::new();
    for (_, fact) in deliveries(case) {
        if let Delivery::Processed {
            by,
            place,
            base_offset,
            part,
            ..
        } = fact
            && by.group == group
        {
            let beyond = beyond.entry(*place).or_default();
            *beyond = (base_offset + u64::from(part.to)).max(*beyond);
        }
    }
    beyond
}

/// True when the place had a leader in the nanosecond that begins now.
fn has_leader(case: &Case, place: Place, now: u64) -> bool {
    let mut has = true;
    for (at, note) in &case.notes {
        match note {
            Note::Lost(lost) if *lost == place && *at <= now => has = false,
            Note::Found(found) if *found == place && *at <= now => has = true,
            Note::Lost(_) | Note::Found(_) | Note::Delivery(_) | Note::Expired(_) => {}
        }
    }
    has
}

/// Exact percentiles.
fn latencies(mut times: Vec<u64>) -> Option<Latencies> {
    times.sort_unstable();
    let rank = |per_mille: usize| {
        let rank = (times.len() * per_mille).div_ceil(1_000);
        SimDuration::from_nanos(times[rank - 1])
    };
    (!times.is_empty()).then(|| Latencies {
        p50: rank(500),
        p99: rank(990),
        p999: rank(999),
        max: rank(1_000),
    })
}
