//! Any steps, against a naive log.

use crate::log::tests::*;

#[derive(Clone, Debug)]
enum Step {
    Lead {
        count: u32,
        size: u32,
        epoch_up: u32,
        times: u32,
        at: i64,
    },
    Retain {
        now: i64,
        time: Option<u64>,
        bytes: Option<u64>,
    },
    MoveStart {
        permille: u64,
    },
    Follow {
        count: u32,
        size: u32,
        epoch_up: u32,
    },
    Truncate {
        permille: u64,
    },
    StartAt {
        ahead: u64,
    },
    Crash {
        permille: u64,
    },
    Recover {
        permille: u64,
    },
    Advance {
        permille: u64,
    },
    Copy,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let count = 1_u32..20;
    let step = prop_oneof![
        8 => (count.clone(), 70_u32..3_000, 0_u32..2, 1_u32..400, 0_i64..1_000).prop_map(
            |(count, size, epoch_up, times, at)| Step::Lead { count, size, epoch_up, times, at }
        ),
        4 => (
            0_i64..1_500,
            prop::option::of(0_u64..800),
            prop::option::of(0_u64..900_000),
        )
            .prop_map(|(now, time, bytes)| Step::Retain { now, time, bytes }),
        2 => (0_u64..1_100).prop_map(|permille| Step::MoveStart { permille }),
        4 => (count, 70_u32..3_000, 0_u32..3)
            .prop_map(|(count, size, epoch_up)| Step::Follow { count, size, epoch_up }),
        3 => (0_u64..1_100).prop_map(|permille| Step::Truncate { permille }),
        1 => (0_u64..50).prop_map(|ahead| Step::StartAt { ahead }),
        1 => (0_u64..1_000).prop_map(|permille| Step::Crash { permille }),
        1 => (0_u64..1_100).prop_map(|permille| Step::Recover { permille }),
        3 => (0_u64..1_100).prop_map(|permille| Step::Advance { permille }),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 1..25)
}

/// A log as one thinks of it.
#[derive(Clone)]
struct Naive {
    batches: Vec<StoredBatch>,
    /// Where each segment begins.
    bases: Vec<u64>,
    start: u64,
    end: u64,
    high_watermark: u64,
}

/// What the property's logs go by.
fn naive_rules() -> LogRules {
    let rules = short();
    LogRules {
        roll: RollRules {
            segment_bytes: 100_000,
            segment_ms: SimDuration::from_millis(300),
            ..rules.roll
        },
        ..rules
    }
}

impl Naive {
    fn starting_at(start: u64) -> Self {
        Self {
            batches: Vec::new(),
            bases: vec![start],
            start,
            end: start,
            high_watermark: start,
        }
    }

    fn end_of_batches(&self) -> u64 {
        let last = self.batches.last().map_or(0, |s| s.next_offset().0);
        last.max(self.bases[self.bases.len() - 1])
    }

    fn batches_of(&self, segment: usize) -> impl Iterator<Item = &StoredBatch> {
        let from = self.bases[segment];
        let below = self.bases.get(segment + 1).copied().unwrap_or(u64::MAX);
        let inside = move |s: &&StoredBatch| (from..below).contains(&s.base_offset.0);
        self.batches.iter().filter(inside)
    }

    fn bytes_of(&self, segment: usize) -> u64 {
        let batches = self.batches_of(segment);
        batches.map(|s| u64::from(s.batch.size_bytes)).sum()
    }

    fn roll_for(&mut self, batch: &Batch) {
        let active = self.bases.len() - 1;
        let Some(first) = self.batches_of(active).next() else {
            return;
        };
        let too_large = self.bytes_of(active) + u64::from(batch.size_bytes) > 100_000;
        if too_large || batch.times.max.0 - first.batch.times.max.0 > 300 {
            self.bases.push(self.end);
        }
    }

    /// Removes the oldest segments as long as `goes`, told their largest timestamp, bytes and the
    /// next one's begin, says so.
    fn remove(&mut self, mut goes: impl FnMut(i64, u64, Option<u64>) -> bool) {
        loop {
            let Some(largest) = self.batches_of(0).map(|s| s.batch.times.max.0).max() else {
                return;
            };
            let next = self.bases.get(1).copied();
            let end = next.unwrap_or(self.end);
            if self.high_watermark < end || !goes(largest, self.bytes_of(0), next) {
                return;
            }
            self.batches.retain(|s| s.base_offset.0 >= end);
            self.bases.remove(0);
            if self.bases.is_empty() {
                self.bases.push(end);
            }
            self.start = self.start.max(end);
        }
    }

    fn retain(&mut self, now: i64, time: Option<u64>, bytes: Option<u64>) {
        let start = self.start;
        self.remove(|_, _, next| next.is_some_and(|next| next <= start));
        if let Some(bytes) = bytes {
            let mut excess = self.bytes().saturating_sub(bytes);
            self.remove(|_, size, _| {
                let goes = excess >= size;
                excess = excess.saturating_sub(size);
                goes
            });
        }
        if let Some(time) = time {
            self.remove(|largest, _, _| now - largest > time as i64);
        }
    }

    fn bytes(&self) -> u64 {
        self.batches
            .iter()
            .map(|s| u64::from(s.batch.size_bytes))
            .sum()
    }

    fn push(&mut self, stored: StoredBatch) {
        self.end = stored.next_offset().0;
        self.batches.push(stored);
    }

    fn truncate(&mut self, end: u64) {
        if end < self.start {
            *self = Self::starting_at(end);
        } else if end < self.end {
            self.batches.retain(|s| s.next_offset().0 <= end);
            let first = self.bases[0];
            self.bases.retain(|base| *base <= end.max(first));
            self.end = end;
            self.high_watermark = self.high_watermark.min(end);
        }
    }

    fn crash(&mut self, durable: u64) {
        let mut kept = 0;
        let all = self.batches.clone();
        self.batches.retain(|s| {
            kept += u64::from(s.batch.size_bytes);
            kept <= durable
        });
        let left = self.bytes();
        let position = |base: u64| -> u64 {
            let before = all.iter().filter(|s| s.base_offset.0 < base);
            before.map(|s| u64::from(s.batch.size_bytes)).sum()
        };
        self.bases.retain(|base| position(*base) <= left);
        self.end = self.end_of_batches();
        self.high_watermark = self.high_watermark.min(self.end);
    }

    fn read(&self, from: u64, below: u64, max: u32, at_least_one: bool) -> Vec<u64> {
        let mut read = 0;
        let mut out = Vec::new();
        for stored in &self.batches {
            let size = stored.batch.size_bytes;
            if stored.next_offset().0 <= from {
                continue;
            }
            let forced = at_least_one && out.is_empty();
            if stored.next_offset().0 > below || (read + size > max && !forced) {
                break;
            }
            read += size;
            out.push(stored.base_offset.0);
        }
        out
    }
}

fn part(of: u64, permille: u64) -> u64 {
    of * permille / 1_000
}

#[expect(clippy::too_many_lines, reason = "one arm per step")]
fn apply(step: &Step, log: &mut Log, naive: &mut Naive, epoch: &mut u32) {
    match *step {
        Step::Lead {
            count,
            size,
            epoch_up,
            times,
            at,
        } => {
            *epoch += epoch_up;
            for i in 0..times {
                let made = made_at(at + i64::from(i % 7), count, size, None);
                let rolled = log.roll_if_due(&incoming(log, &made), &naive_rules().roll);
                let bases = naive.bases.len();
                naive.roll_for(&made);
                assert_eq!(rolled.is_some(), naive.bases.len() > bases);
                let append = log.append_as_leader(made, LeaderEpoch(*epoch));
                let Ok(LeaderAppend::Appended(stored)) = append else {
                    panic!("a batch without a producer is appended");
                };
                assert_eq!(stored.base_offset.0, naive.end);
                naive.push(stored);
            }
        }
        Step::Follow {
            count,
            size,
            epoch_up,
        } => {
            *epoch += epoch_up;
            naive.push(log.append_as_follower(StoredBatch {
                base_offset: log.log_end(),
                leader_epoch: LeaderEpoch(*epoch),
                batch: batch(count, size, None),
            }));
        }
        Step::Truncate { permille } => {
            let end = part(naive.end, permille);
            let old_end = naive.end;
            naive.truncate(end);
            let cut = (end < old_end).then_some(Offset(old_end));
            assert_eq!(log.truncate_to(Offset(end)), cut);
        }
        Step::Retain { now, time, bytes } => {
            let mut rules = naive_rules();
            rules.retention.time = time.map(SimDuration::from_millis);
            rules.retention.bytes = bytes;
            let before = naive.batches.clone();
            naive.retain(now, time, bytes);
            let gone = before.len() - naive.batches.len();
            let removed = log.delete_old_segments(WallTime(now), &rules);
            let found = removed.iter().flat_map(|r| &r.batches);
            let found: Vec<u64> = found.map(|s| s.base_offset.0).collect();
            let expected: Vec<u64> = before[..gone].iter().map(|s| s.base_offset.0).collect();
            assert_eq!(found, expected);
        }
        Step::MoveStart { permille } => {
            let to = naive.start + part(naive.end - naive.start, permille);
            let moved = log.increment_start(Offset(to));
            if to > naive.high_watermark {
                assert_eq!(moved, Err(ErrorCode::OffsetOutOfRange));
            } else {
                assert_eq!(moved, Ok(to > naive.start));
                naive.start = naive.start.max(to);
            }
        }
        Step::StartAt { ahead } => {
            let start = naive.end + ahead;
            log.truncate_fully_and_start_at(Offset(start));
            *naive = Naive::starting_at(start);
        }
        Step::Crash { permille } => {
            let durable = part(naive.bytes(), permille);
            naive.crash(durable);
            log.crash_to_bytes(durable);
            let at = checkpoint(naive.high_watermark, naive.start);
            log.recover(at);
            if naive.end < naive.start {
                *naive = Naive::starting_at(naive.start);
            }
            naive.high_watermark = at.high_watermark.0.clamp(naive.start, naive.end);
        }
        Step::Recover { permille } => {
            let at = part(naive.end, permille);
            log.recover(checkpoint(at, at / 2));
            naive.end = naive.end_of_batches();
            naive.start = (at / 2).max(naive.bases[0]);
            if naive.end < naive.start {
                *naive = Naive::starting_at(naive.start);
            }
            naive.high_watermark = at.clamp(naive.start, naive.end);
        }
        Step::Advance { permille } => {
            let to = part(naive.end, permille);
            let moved = to.min(naive.end) > naive.high_watermark;
            assert_eq!(log.advance_high_watermark(Offset(to)), moved);
            naive.high_watermark = naive.high_watermark.max(to.min(naive.end));
        }
        Step::Copy => *log = log.clone(),
    }
}

fn assert_same(log: &Log, naive: &Naive) {
    assert_eq!(log.log_start().0, naive.start);
    assert_eq!(log.log_end().0, naive.end);
    assert_eq!(log.high_watermark().0, naive.high_watermark);
    assert_eq!(log.size_bytes(), naive.bytes());
    assert_eq!(bases(log), naive.bases);
    let all: Vec<u64> = naive.batches.iter().map(|s| s.base_offset.0).collect();
    let slices = log.segments();
    let found: Vec<u64> = slices
        .iter()
        .copied()
        .flatten()
        .map(|s| s.base_offset.0)
        .collect();
    assert_eq!(found, all);
    // The epochs are those of the batches, and perhaps one more that has no batch.
    let is_kept = |stored: &&StoredBatch| stored.next_offset().0 > naive.start;
    let kept: Vec<&StoredBatch> = naive.batches.iter().filter(is_kept).collect();
    for stored in &kept {
        let at = stored.base_offset.max(log.log_start());
        // A restart may take the log start back, but not what the cache has forgotten below it.
        if log.epochs().first().is_some_and(|first| first.start <= at) {
            assert_eq!(log.epoch_at(at), Some(stored.leader_epoch));
        }
    }
    for pair in kept.windows(2) {
        let known = log.epochs().first().map(|first| first.start);
        let is_known = known.is_some_and(|first| first <= pair[0].base_offset);
        if is_known && pair[0].leader_epoch != pair[1].leader_epoch {
            let end = log
                .end_offset_for(pair[0].leader_epoch)
                .expect("an epoch of the log");
            // Equal, unless a cut inside a batch left a gap between the two.
            assert!(end.end_offset >= pair[0].next_offset());
            assert!(end.end_offset <= pair[1].base_offset);
        }
    }
}

fn assert_same_reads(log: &Log, naive: &Naive, at: (u64, u64, u32)) {
    let span = naive.end - naive.start + 2;
    let from = naive.start + part(span, at.0);
    let below = naive.start + part(span, at.1);
    for at_least_one in [true, false] {
        let expected = naive.read(from, below, at.2, at_least_one);
        assert_eq!(offsets(log, from, below, at.2, at_least_one), expected);
    }
    let all = naive.read(from, below, u32::MAX, false);
    let batches = naive
        .batches
        .iter()
        .filter(|s| all.contains(&s.base_offset.0));
    let bytes: u64 = batches.map(|s| u64::from(s.batch.size_bytes)).sum();
    assert_eq!(log.bytes_available(Offset(from), Offset(below)), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_log_does_what_a_naive_log_does(
        steps in steps(),
        reads in prop::collection::vec((0_u64..1_000, 0_u64..=1_000, 0_u32..400_000), 4),
    ) {
        let (mut log, mut naive, mut epoch) = (Log::new(), Naive::starting_at(0), 0);
        for step in &steps {
            apply(step, &mut log, &mut naive, &mut epoch);
            assert_same(&log, &naive);
            for read in &reads {
                assert_same_reads(&log, &naive, *read);
            }
        }
    }
}
