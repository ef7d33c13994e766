//! Compression: half of every record's bytes are left.

use crate::client::producer::batch::Estimate;
use crate::client::producer::tests::*;
use crate::kafka::compression::{Codec, Packing};

fn zstd() -> ProducerConfig {
    ProducerConfig {
        compression_type: Codec::Zstd,
        batch_size: 1_000,
        linger: SimDuration::from_secs(1),
        ..defaults()
    }
}

#[test]
fn a_compressed_batch_is_smaller_and_holds_the_same_records() {
    let lingering = ProducerConfig {
        linger: ms(1),
        ..zstd()
    };
    let mut bench = Bench::started(lingering, 1);
    for _ in 0..4 {
        bench.send();
    }
    bench.wait(ms(1));
    let batch = &bench.requests[0].partitions[0].batch;
    // Four records of 111 bytes.
    assert_eq!((batch.count(), batch.size_bytes), (4, 61 + 222));
    assert_eq!(batch.packing.codec, Codec::Zstd);
    assert_eq!(batch.packing.raw_bytes, 61 + 444);
    assert!(batch.verify());
}

#[test]
fn room_is_an_estimate_that_learns_from_every_batch_that_was_closed() {
    let mut bench = Bench::started(zstd(), 1);
    let mut counts = Vec::new();
    while counts.len() < 150 {
        assert_eq!(bench.append(Some(0), 100), SendResult::Accepted);
        bench.run();
        if let Some(request) = bench.requests.front() {
            counts.push(request.partitions[0].batch.count());
            bench.answer(Ok(0));
        }
    }
    // At first a ratio of 1 and 5% more: 61 + 7 * 111 * 1.05 and one more record fit into 1,000.
    assert_eq!(counts[0], 8);
    // The ratio falls by 0.005 a batch, so after a hundred it is 0.5.
    assert!(counts.is_sorted(), "{counts:?}");
    let last = counts[counts.len() - 1];
    assert_eq!(last, counts[110]);
    // 61 + n * 111 * 0.525 is the estimate; n records fit while another one, whole, does.
    assert_eq!(last, 15);
}

#[test]
fn a_ratio_improves_slowly_and_deteriorates_at_once() {
    let observed = |percent: u32| Packing {
        codec: Codec::Gzip,
        raw_bytes: 61 + 1_000,
        packed_bytes: 61 + percent * 10,
    };
    let first = Estimate::INITIAL.after(observed(30));
    assert_eq!(first, Estimate::of_millionths(995_000));
    let worse = first.after(observed(120));
    assert_eq!(worse, Estimate::of_millionths(1_200_000));
    let bit_worse = Estimate::of_millionths(400_000).after(observed(41));
    assert_eq!(bit_worse, Estimate::of_millionths(450_000));
    assert_eq!(bit_worse.after(observed(45)), bit_worse);
    assert_eq!(Estimate::after_split(observed(30)), Estimate::INITIAL);
}

#[test]
fn a_compressed_batch_that_is_too_large_is_split_by_its_uncompressed_size() {
    let config = ProducerConfig {
        batch_size: 400,
        ..zstd()
    };
    let mut bench = Bench::started(config, 1);
    for _ in 0..400 {
        bench.send();
        while !bench.requests.is_empty() {
            bench.answer(Ok(0));
        }
    }
    while bench.requests.is_empty() {
        bench.send();
    }
    let before = bench.requests[0].partitions[0].batch.count();
    assert_eq!(before, 4);
    bench.answer(Err(ErrorCode::MessageTooLarge));
    let mut pieces = Vec::new();
    while let Some(request) = bench.requests.front() {
        pieces.push(request.partitions[0].batch.count());
        bench.answer(Ok(0));
    }
    // The pieces do not count on any compression: 61 + 2 * 111 * 1.05 and another 111 are too much.
    assert_eq!(pieces[..2], [2, 2]);
}
