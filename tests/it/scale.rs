//! How many events a record takes: the figure of speed that no machine changes.
//!
//! The bounds leave little room: whoever needs more of them says why. `benches/workload.rs` takes
//! the time.

use retrial::run::Outcome;
use retrial::run::drive::run;
use retrial::scenario::set::SetFlag;

/// A scenario of the library with so many records.
fn outcome(name: &str, records: u64) -> Outcome {
    let entry = retrial::scenario::library::library()
        .iter()
        .find(|entry| entry.name == name)
        .expect("the library has it");
    let count = SetFlag(format!("producers.p1.count={records}"));
    let scenario = retrial::scenario::file::parse(name, entry.source, &[count])
        .unwrap_or_else(|problems| panic!("{problems:?}"));
    let outcome = run(&scenario.variants[0], scenario.seed);
    assert_eq!(outcome.groups["readers"].processed, records);
    outcome
}

#[test]
fn a_record_in_a_full_batch_takes_a_thirtieth_of_an_event_with_bytes_or_without() {
    const RECORDS: u64 = 200_000;
    let described = outcome("million-records", RECORDS);
    let kept = outcome("million-records-bytes", RECORDS);
    assert_eq!(described.fingerprint, kept.fingerprint);
    let per_million = described.events * 1_000_000 / RECORDS;
    assert!(
        per_million <= 32_000,
        "{per_million} events a million records"
    );
}

#[test]
fn a_record_in_a_request_of_its_own_takes_four_events() {
    const RECORDS: u64 = 20_000;
    let events = outcome("million-records-unbatched", RECORDS).events;
    let per_thousand = events * 1_000 / RECORDS;
    assert!(
        per_thousand <= 4_400,
        "{per_thousand} events a thousand records"
    );
}
