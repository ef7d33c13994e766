//! A producer against naive brokers under random faults, by many seeds.
//!
//! The brokers share one log for each partition, so that replication hides nothing; they follow the
//! rules for sequences by the letter. Connections break before and after a request is processed,
//! requests are processed long after their connection broke, answers carry retriable errors or
//! never come, leaders move.

use crate::client::producer::tests::*;
use crate::kafka::records::Batch;
use crate::sim::rng::Rng;

/// What a partition's leader remembers of a producer id.
#[derive(Default)]
struct ProducerState {
    epoch: ProducerEpoch,
    /// First and last sequence and base offset of the last five batches.
    recent: VecDeque<(Sequence, Sequence, u64)>,
}

/// One partition: the ids of its records, and its producer's state.
#[derive(Default)]
struct Log {
    records: Vec<u32>,
    state: Option<ProducerState>,
}

impl Log {
    fn append(&mut self, batch: &Batch) -> Result<u64, ErrorCode> {
        let base_offset = self.records.len() as u64;
        if let Some(stamp) = batch.producer {
            let (first, last) = (
                stamp.base_sequence,
                stamp.base_sequence.plus(batch.count() - 1),
            );
            let new = self.state.is_none();
            let state = self.state.get_or_insert_default();
            let known = state.recent.iter().find(|b| (b.0, b.1) == (first, last));
            if let Some((_, _, offset)) = known
                && state.epoch == stamp.epoch
            {
                return Ok(*offset);
            }
            if stamp.epoch < state.epoch {
                return Err(ErrorCode::InvalidProducerEpoch);
            }
            let expected = match state.recent.back() {
                Some((_, last, _)) if stamp.epoch == state.epoch => last.plus(1),
                Some(_) | None => Sequence(0),
            };
            if !new && first != expected {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            if stamp.epoch > state.epoch {
                state.epoch = stamp.epoch;
                state.recent.clear();
            }
            state.recent.push_back((first, last, base_offset));
            while state.recent.len() > 5 {
                state.recent.pop_front();
            }
        }
        self.records.extend(batch.records.iter().map(|r| r.id.0));
        Ok(base_offset)
    }
}

struct Trial {
    bench: Bench,
    rng: Rng,
    logs: Vec<Log>,
    /// Requests whose connection is gone and which are processed all the same, some time.
    zombies: Vec<Vec<ProducePartition>>,
}

impl Trial {
    fn new(config: ProducerConfig, seed: u64) -> Self {
        let partitions = 3;
        Self {
            bench: Bench::started(config, partitions),
            rng: Streams::new(seed).stream("trial"),
            logs: (0..partitions).map(|_| Log::default()).collect(),
            zombies: Vec::new(),
        }
    }

    fn process(&mut self, partitions: &[ProducePartition]) -> Vec<Result<u64, ErrorCode>> {
        let mut results = Vec::new();
        for p in partitions {
            results.push(self.logs[p.tp.partition as usize].append(&p.batch));
        }
        results
    }

    /// Does something with the oldest request of one of the connections.
    fn step(&mut self) {
        self.bench.run();
        if !self.zombies.is_empty() && self.rng.below(6) == 0 {
            let index = self.rng.below(self.zombies.len() as u64) as usize;
            let request = self.zombies.remove(index);
            self.process(&request);
        }
        let Some(request) = self.bench.requests.front() else {
            self.bench.wait(ms(20));
            return;
        };
        let (host, partitions) = (request.host, request.partitions.clone());
        match self.rng.below(12) {
            0 => self.bench.disconnect(host),
            1 => {
                self.process(&partitions);
                self.bench.disconnect(host);
            }
            2 => {
                self.zombies.push(partitions);
                self.bench.disconnect(host);
            }
            3 => self.refuse(host, ErrorCode::NotEnoughReplicas),
            4 => {
                let waiting = self.bench.requests.iter().filter(|r| r.host == host);
                let batches: Vec<_> = waiting.flat_map(|r| r.partitions.clone()).collect();
                self.process(&batches);
                self.refuse(host, ErrorCode::NotEnoughReplicasAfterAppend);
            }
            5 => {
                let moved = self.rng.below(3) as usize;
                let (leader, epoch) = self.bench.leaders[moved];
                self.bench.leaders[moved] = (leader.map(|leader| 1 - leader), epoch + 1);
                self.refuse(host, ErrorCode::NotLeaderOrFollower);
            }
            6 => self.bench.wait(ms(200)),
            _ => self.succeed(),
        }
    }

    /// Refuses what waits at a broker. Where nothing of the oldest request is in the log yet, only
    /// that one may be refused: those behind it are out of order then. Otherwise they would be
    /// taken, and after five of them the leader would not know the oldest any more.
    fn refuse(&mut self, host: HostId, error: ErrorCode) {
        let waiting = self.bench.requests.iter().filter(|r| r.host == host);
        let mut count = waiting.count();
        let oldest = &self.bench.requests[0].partitions;
        let mut known = oldest.iter().map(|p| {
            let log = &self.logs[p.tp.partition as usize].records;
            log.contains(&p.batch.records[0].id.0)
        });
        if !known.any(|known| known) && self.rng.below(2) == 0 {
            count = 1;
        }
        for _ in 0..count {
            let waiting = self.bench.requests.iter().position(|r| r.host == host);
            let request = self.bench.requests.remove(waiting.expect("counted"));
            self.bench.requests.push_front(request.expect("found"));
            self.bench.answer(Err(error));
        }
    }

    /// Processes the oldest request and answers it.
    fn succeed(&mut self) {
        let request = self.bench.requests.pop_front().expect("a request waits");
        let results = self.process(&request.partitions);
        let answers = request.partitions.iter().zip(results);
        let partitions = answers.map(|(p, result)| ProducePartitionResponse {
            tp: p.tp,
            error: result.err(),
            base_offset: result.ok().map(Offset),
            log_append_time: None,
            log_start_offset: Offset(0),
            current_leader: None,
        });
        let answer = Response::Produce(Box::new(ProduceResponse {
            partitions: partitions.collect(),
        }));
        let input = response(request.on, request.correlation, answer);
        self.bench.input(input);
        self.bench.serve_behind();
    }

    /// Sends `count` records between faults, then lets everything succeed.
    ///
    /// The first batch of each partition succeeds: a leader that knows nothing of a producer takes
    /// any sequence (KIP-360), so a first batch that is refused could come after its successor.
    fn run(&mut self, count: u32) {
        for key in 0..9 {
            assert_eq!(self.bench.append(Some(key), 50), SendResult::Accepted);
        }
        self.finish();
        let mut sent = 0;
        while sent < count {
            let burst = self.rng.below(8);
            for _ in 0..burst {
                let key = self.rng.below(9) as u32;
                if self.bench.append(Some(key), 50) == SendResult::Accepted {
                    sent += 1;
                }
            }
            for _ in 0..self.rng.below(6) {
                self.step();
            }
        }
        self.finish();
    }

    /// Lets everything succeed until nothing is left to send.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            self.bench.run();
            if self.bench.requests.is_empty() {
                self.bench.wait(ms(50));
            } else {
                self.succeed();
            }
            if self.bench.producer.is_idle() && self.bench.requests.is_empty() {
                return;
            }
        }
        panic!("the producer does not come to rest");
    }

    /// How often each record is in a log.
    fn copies(&self, count: u32) -> Vec<u32> {
        let mut copies = vec![0; count as usize];
        for id in self.logs.iter().flat_map(|log| &log.records) {
            copies[*id as usize] += 1;
        }
        copies
    }

    /// What each record's sender was told: true for success. Every record is told once.
    fn fates(&mut self, count: u32) -> Vec<bool> {
        let mut fates = vec![None; count as usize];
        for completion in std::mem::take(&mut self.bench.completions) {
            for record in completion.parcel.iter() {
                let fate = &mut fates[record.id.0 as usize];
                assert_eq!(*fate, None, "record {} is told twice", record.id.0);
                *fate = Some(completion.result.is_ok());
            }
        }
        let told = fates.into_iter();
        told.map(|fate| fate.expect("every record is told its fate"))
            .collect()
    }
}

const SEEDS: u64 = 150;

#[test]
fn an_idempotent_producer_writes_each_record_once_in_the_order_of_sending() {
    for seed in 0..SEEDS {
        // The limit holds for each connection: with five, a batch could go to a new leader beside
        // five at the old one, and the new leader would not know the first of them any more.
        let config = ProducerConfig {
            batch_size: 300,
            max_in_flight_requests_per_connection: 2,
            linger: ms(seed % 3),
            ..defaults()
        };
        let mut trial = Trial::new(config, seed);
        trial.run(300);
        let count = trial.bench.next_record;
        assert!(trial.fates(count).iter().all(|acked| *acked), "seed {seed}");
        assert!(trial.copies(count).iter().all(|n| *n == 1), "seed {seed}");
        for log in &trial.logs {
            assert!(log.records.is_sorted(), "seed {seed}: {:?}", log.records);
        }
    }
}

#[test]
fn max_in_flight_1_without_idempotence_duplicates_but_loses_nothing() {
    let mut duplicates = 0;
    for seed in 0..SEEDS {
        let config = ProducerConfig {
            batch_size: 300,
            max_in_flight_requests_per_connection: 1,
            ..not_idempotent()
        };
        let mut trial = Trial::new(config, seed);
        trial.run(100);
        let count = trial.bench.next_record;
        assert!(trial.fates(count).iter().all(|acked| *acked), "seed {seed}");
        let copies = trial.copies(count);
        assert!(copies.iter().all(|n| *n >= 1), "seed {seed}");
        duplicates += copies.iter().filter(|n| **n > 1).count();
    }
    assert!(duplicates > 0);
}

#[test]
fn whatever_expires_every_record_is_told_once_and_success_is_in_the_log() {
    let mut expired = 0;
    for seed in 0..SEEDS {
        let config = ProducerConfig {
            batch_size: 300,
            delivery_timeout: ms(400),
            request_timeout: ms(300),
            buffer_memory: 20_000,
            enable_idempotence: seed % 4 != 0,
            ..defaults()
        };
        let mut trial = Trial::new(config, seed);
        trial.run(300);
        let count = trial.bench.next_record;
        let fates = trial.fates(count);
        let copies = trial.copies(count);
        for (acked, copies) in fates.iter().zip(&copies) {
            assert!(!acked || *copies >= 1, "seed {seed}");
        }
        expired += fates.iter().filter(|acked| !**acked).count();
        // All memory came back.
        assert_eq!(trial.bench.append(Some(0), 19_000), SendResult::Accepted);
    }
    assert!(expired > 0);
}
