//! A million replicated, audited records through the simulator, next to a bare data path.
//!
//! What counts on a shared machine is the ratio of a simulator's line to the floor's line above
//! it; `tests/it/scale.rs` counts the events, which do not vary at all.

mod floors {
    pub(crate) mod data_path;
    pub(crate) mod records;
}

use criterion::{
    BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
    measurement::WallTime,
};
use retrial::run::drive::run;
use retrial::scenario::model::Variant;

use crate::floors::data_path::{self, Values};

const RECORDS: u32 = 1_000_000;
/// How many of these records are in a batch of the default size.
const BATCH: u32 = 150;

fn million_records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("million-records");
    group
        .throughput(Throughput::Elements(RECORDS.into()))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10)
        .warm_up_time(std::time::Duration::from_secs(1))
        .measurement_time(std::time::Duration::from_secs(3));
    floor(&mut group, "batched, floor", BATCH, Values::Described);
    simulator(&mut group, "batched, simulator", "million-records");
    floor(&mut group, "with bytes, floor", BATCH, Values::Kept);
    simulator(&mut group, "with bytes, simulator", "million-records-bytes");
    floor(&mut group, "one a request, floor", 1, Values::Described);
    simulator(
        &mut group,
        "one a request, simulator",
        "million-records-unbatched",
    );
    group.finish();
}

fn floor(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, batch: u32, values: Values) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| data_path::run(RECORDS, batch, values));
    });
}

fn simulator(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, scenario: &str) {
    let variant = variant(scenario);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let outcome = run(&variant, 1);
            assert_eq!(outcome.groups["readers"].processed, u64::from(RECORDS));
            outcome
        });
    });
}

/// The only variant of a scenario of the library.
fn variant(name: &str) -> Variant {
    let entry = retrial::scenario::library::library()
        .iter()
        .find(|entry| entry.name == name)
        .expect("the library has it");
    let scenario = retrial::scenario::file::parse(name, entry.source, &[])
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    scenario.variants[0].clone()
}

criterion_group!(benches, million_records);
criterion_main!(benches);
