//! Lag over time: what a group will process, from its send until it was processed.
//!
//! The exact peak, and when it was gone, come from every single change; the series shows the value
//! at equal steps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::check::tally::LagSeries;
use crate::sim::time::{SimDuration, SimTime};

/// Records that were processed one after the other, each for the first time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// When the first was done.
    pub(super) start: SimTime,
    /// How much later each next one was.
    pub(super) each: SimDuration,
    /// How many.
    pub(super) count: u32,
}

impl Run {
    /// Nothing yet.
    pub(super) fn empty(each: SimDuration) -> Self {
        Self {
            start: SimTime::ZERO,
            each,
            count: 0,
        }
    }

    /// One more, done now.
    #[inline]
    pub(super) fn push(&mut self, now: SimTime) {
        if self.count == 0 {
            self.start = now;
        }
        self.count += 1;
    }

    /// Ends the run and puts it with the others; joins instants.
    pub(super) fn flush(&mut self, runs: &mut Vec<Self>) {
        if self.count == 0 {
            return;
        }
        match runs.last_mut() {
            Some(last)
                if last.start == self.start && last.each == self.each && self.each.is_zero() =>
            {
                last.count += self.count;
            }
            _ => runs.push(*self),
        }
        self.count = 0;
    }
}

/// So many records at one instant.
type Point = (SimTime, u64);

/// When the records of a sorted sequence of instants come; equal neighbours at once.
#[derive(Debug)]
struct Arrivals<I> {
    /// The next point of each sender, earliest first.
    heads: BinaryHeap<Reverse<(SimTime, usize)>>,
    senders: Vec<I>,
}

impl<I: Iterator<Item = SimTime>> Arrivals<I> {
    fn new(mut senders: Vec<I>) -> Self {
        let heads = senders
            .iter_mut()
            .enumerate()
            .filter_map(|(index, times)| Some(Reverse((times.next()?, index))))
            .collect();
        Self { heads, senders }
    }
}

impl<I: Iterator<Item = SimTime>> Iterator for Arrivals<I> {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        let Reverse((at, index)) = self.heads.pop()?;
        let mut count = 1;
        for next in self.senders[index].by_ref() {
            if next != at {
                self.heads.push(Reverse((next, index)));
                break;
            }
            count += 1;
        }
        Some((at, count))
    }
}

/// When the records of the runs are done, in order of time. Runs of several readers overlap.
#[derive(Debug)]
struct Departures {
    /// Not begun; the earliest last.
    runs: Vec<Run>,
    /// Begun: the next instant, the step, how many are left.
    active: BinaryHeap<Reverse<(SimTime, SimDuration, u32)>>,
}

impl Departures {
    fn new(mut runs: Vec<Run>) -> Self {
        runs.sort_by_key(|run| run.start);
        runs.reverse();
        Self {
            runs,
            active: BinaryHeap::new(),
        }
    }
}

impl Iterator for Departures {
    type Item = Point;

    fn next(&mut self) -> Option<Point> {
        let begins = self.runs.last().map(|run| run.start);
        let goes_on = self.active.peek().map(|Reverse((at, ..))| *at);
        let (at, each, left) = match (begins, goes_on) {
            (Some(begins), goes_on) if goes_on.is_none_or(|at| begins <= at) => {
                let run = self.runs.pop()?;
                (run.start, run.each, run.count)
            }
            _ => self.active.pop()?.0,
        };
        if each.is_zero() {
            return Some((at, u64::from(left)));
        }
        if left > 1 {
            self.active.push(Reverse((at + each, each, left - 1)));
        }
        Some((at, 1))
    }
}

/// The lag from 0 s to `end` in `steps` steps: `sent` is when each sender sent what was processed
/// in the end, in order of time.
pub(super) fn series(
    sent: Vec<impl Iterator<Item = SimTime>>,
    processed: Vec<Run>,
    end: SimTime,
    steps: u32,
) -> LagSeries {
    let step = end.as_nanos().div_ceil(u64::from(steps)).max(1);
    let mut found = LagSeries {
        step: SimDuration::from_nanos(step),
        values: Vec::with_capacity(steps as usize + 1),
        peak: 0,
        peak_at: SimTime::ZERO,
        peak_gone_at: None,
        caught_up_at: None,
        no_leader_per_mille: 0,
    };
    let mut sent = Arrivals::new(sent).peekable();
    let mut processed = Departures::new(processed).peekable();
    let mut lag = 0_u64;
    let mut sample_at = 0;
    loop {
        let now = match (sent.peek(), processed.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((at, _)), None) | (None, Some((at, _))) => *at,
            (None, None) => break,
        };
        while sample_at < now.as_nanos() && found.values.len() <= steps as usize {
            found.values.push(lag);
            sample_at += step;
        }
        while let Some((_, count)) = sent.next_if(|(at, _)| *at == now) {
            lag += count;
        }
        while let Some((_, count)) = processed.next_if(|(at, _)| *at == now) {
            lag = lag
                .checked_sub(count)
                .expect("a record is processed after it was sent");
        }
        if lag > found.peak {
            found.peak = lag;
            found.peak_at = now;
            found.peak_gone_at = None;
        }
        if found.peak > 0 && found.peak_gone_at.is_none() && lag <= found.peak / 100 {
            found.peak_gone_at = Some(now);
        }
        if lag == 0 {
            found.caught_up_at = Some(now);
        }
    }
    assert_eq!(lag, 0, "what a group will process is processed in the end");
    found.values.resize(steps as usize + 1, 0);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> SimTime {
        SimTime::from_nanos(millis * 1_000_000)
    }

    fn run(start: u64, count: u32) -> Run {
        Run {
            start: at(start),
            each: SimDuration::from_millis(1),
            count,
        }
    }

    #[test]
    fn a_peak_is_gone_when_a_hundredth_is_left_though_more_keeps_coming() {
        // 200 at once; from 100 ms on they are processed, and one more is always on its way.
        let burst = vec![at(0); 200];
        let trickle: Vec<SimTime> = (0..50).map(|i| at(299 + i)).collect();
        let sent = vec![burst.into_iter(), trickle.into_iter()];
        let found = series(sent, vec![run(100, 200), run(300, 50)], at(400), 10);
        assert_eq!((found.peak, found.peak_at), (200, at(0)));
        assert_eq!(found.peak_gone_at, Some(at(297)));
        assert_eq!(found.caught_up_at, Some(at(349)));
    }
}
