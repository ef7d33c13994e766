//! The engine through its public API, next to the same work by hand.
//!
//! What counts on a shared machine is the ratio of an engine line to the floor line above it.

mod floors;
mod worlds;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use crate::floors::hold::{Hold, SlabHold};
use crate::floors::round_trips::RoundTrips;
use crate::worlds::{hold, round_trips, steps};

const EVENTS: u64 = 100_000;

fn hold_model(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hold");
    group.throughput(Throughput::Elements(EVENTS));
    for pending in [1_000_u32, 100_000] {
        group.bench_function(BenchmarkId::new("floor, heap only", pending), |bencher| {
            let mut floor = Hold::new(pending);
            bencher.iter(|| floor.run_bare(EVENTS));
        });
        group.bench_function(
            BenchmarkId::new("floor, heap and slab", pending),
            |bencher| {
                let mut floor = SlabHold::new(pending);
                bencher.iter(|| floor.run(EVENTS));
            },
        );
        group.bench_function(BenchmarkId::new("engine, one host", pending), |bencher| {
            let mut world = hold(1, pending as usize);
            bencher.iter(|| steps(&mut world, EVENTS));
        });
        group.bench_function(BenchmarkId::new("engine, 100 hosts", pending), |bencher| {
            let mut world = hold(100, pending as usize / 100);
            bencher.iter(|| steps(&mut world, EVENTS));
        });
    }
    group.finish();
}

fn network(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round trips");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("floor", |bencher| {
        let mut floor = RoundTrips::new();
        bencher.iter(|| floor.run(EVENTS));
    });
    group.bench_function("engine", |bencher| {
        let mut world = round_trips();
        bencher.iter(|| steps(&mut world, 2 * EVENTS));
    });
    group.finish();
}

criterion_group!(benches, hold_model, network);
criterion_main!(benches);
