//! L9, many runs on threads, merged in seed order: the only place with threads.
//!
//! One run stays on one thread and nothing is shared between runs, so the number of threads
//! changes how long it takes and nothing else. Workers stay within a window ahead of the merge:
//! memory does not grow with the number of seeds.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;

/// How many finished seeds per thread may wait for an earlier one.
const WINDOW_PER_JOB: u64 = 4;

/// What the workers and the merge share.
struct Shared<R> {
    board: Mutex<Board<R>>,
    /// Told when a result is there.
    finished: Condvar,
    /// Told when the merge has moved on, or is over.
    moved: Condvar,
}

/// Who does what.
struct Board<R> {
    /// The next seed that nobody has begun.
    next: u64,
    /// The next seed to merge.
    merged: u64,
    /// Finished, waiting for an earlier one. An error is a panic's payload.
    waiting: BTreeMap<u64, thread::Result<R>>,
    /// True when nobody needs more results.
    over: bool,
}

/// Does `work` for every seed on `jobs` threads and hands the results to `merge` in the order of
/// seeds, on this thread. A panic in `work` goes on here, when the seeds before it are merged.
pub fn for_each<R: Send>(
    seeds: Range<u64>,
    jobs: NonZeroUsize,
    work: impl Fn(u64) -> R + Sync,
    mut merge: impl FnMut(u64, R),
) {
    let shared = Shared {
        board: Mutex::new(Board {
            next: seeds.start,
            merged: seeds.start,
            waiting: BTreeMap::new(),
            over: false,
        }),
        finished: Condvar::new(),
        moved: Condvar::new(),
    };
    let window = WINDOW_PER_JOB * jobs.get() as u64;
    thread::scope(|scope| {
        for _ in 0..jobs
            .get()
            .min(usize::try_from(seeds.end - seeds.start).unwrap_or(usize::MAX))
        {
            scope.spawn(|| {
                while let Some(seed) = shared.begin(seeds.end, window) {
                    let result = catch_unwind(AssertUnwindSafe(|| work(seed)));
                    shared.board().waiting.insert(seed, result);
                    shared.finished.notify_one();
                }
            });
        }
        // Also when `merge` panics, the workers must not wait for ever.
        let _over = Over(&shared);
        for seed in seeds.clone() {
            match shared.take(seed) {
                Ok(result) => merge(seed, result),
                Err(payload) => {
                    drop(Over(&shared));
                    resume_unwind(payload);
                }
            }
        }
    });
}

impl<R> Shared<R> {
    fn board(&self) -> MutexGuard<'_, Board<R>> {
        self.board
            .lock()
            .expect("nobody panics while holding the board")
    }

    /// The next seed to work on, once the merge is near enough; none when all are begun.
    fn begin(&self, end: u64, window: u64) -> Option<u64> {
        let mut board = self.board();
        loop {
            if board.over || board.next >= end {
                return None;
            }
            if board.next - board.merged < window {
                board.next += 1;
                return Some(board.next - 1);
            }
            board = (self.moved.wait(board)).expect("nobody panics while holding the board");
        }
    }

    /// The result of the seed that is merged next.
    fn take(&self, seed: u64) -> thread::Result<R> {
        let mut board = self.board();
        loop {
            if let Some(result) = board.waiting.remove(&seed) {
                board.merged = seed + 1;
                self.moved.notify_all();
                return result;
            }
            board = (self.finished.wait(board)).expect("nobody panics while holding the board");
        }
    }
}

/// Sends the workers home when it is dropped.
struct Over<'a, R>(&'a Shared<R>);

impl<R> Drop for Over<'_, R> {
    fn drop(&mut self) {
        self.0.board().over = true;
        self.0.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn jobs(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    /// Uneven work: some seeds take much longer than their neighbours.
    fn work(seed: u64) -> u64 {
        let rounds = if seed.is_multiple_of(7) { 20_000 } else { 10 };
        (0..rounds).fold(seed, |sum, i| sum.wrapping_mul(31).wrapping_add(i))
    }

    #[test]
    fn results_are_merged_in_seed_order_for_any_number_of_threads() {
        let merged = |count: usize| {
            let mut found = Vec::new();
            for_each(10..100, jobs(count), work, |seed, result| {
                found.push((seed, result));
            });
            found
        };
        let one = merged(1);
        let seeds: Vec<u64> = one.iter().map(|(seed, _)| *seed).collect();
        assert_eq!(seeds, (10..100).collect::<Vec<_>>());
        assert_eq!(merged(2), one);
        assert_eq!(merged(16), one);
    }

    #[test]
    fn no_worker_runs_further_ahead_than_the_window() {
        let (begun, ahead) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut merged = 0;
        for_each(
            0..200,
            jobs(2),
            |seed| begun.fetch_max(seed, Ordering::SeqCst),
            |seed, _| {
                merged = seed;
                thread::yield_now();
                let gap = begun.load(Ordering::SeqCst).saturating_sub(merged);
                ahead.fetch_max(gap, Ordering::SeqCst);
            },
        );
        assert!(ahead.load(Ordering::SeqCst) <= 2 * WINDOW_PER_JOB);
    }

    #[test]
    fn a_panic_goes_on_in_the_caller_after_the_seeds_before_it() {
        let mut merged = Vec::new();
        let result = catch_unwind(AssertUnwindSafe(|| {
            for_each(
                0..50,
                jobs(3),
                |seed| assert!(seed != 5, "a bug in seed 5"),
                |seed, ()| merged.push(seed),
            );
        }));
        assert!(result.is_err());
        assert_eq!(merged, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_panic_of_the_merge_ends_the_workers() {
        let result = catch_unwind(|| {
            for_each(0..50, jobs(3), work, |seed, _| assert!(seed < 3, "no more"));
        });
        assert!(result.is_err());
    }
}
