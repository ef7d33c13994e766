//! The data path of a replicated topic, written by hand: a heap of messages between three brokers,
//! a producer and a consumer, and nothing that a simulator of Kafka is for.
//!
//! Three replicas, acks=all, five requests in flight a broker with one batch each, followers that
//! fetch with a long poll, a high watermark up to which the consumer reads, connections that keep
//! their order. No elections, in-sync sets, time-outs, faults, audit or checkers. An offset counts
//! batches. The consumer adds up what it reads, and the sum must be right.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use crate::floors::records::{WORDS, decode, encode};

const BROKERS: usize = 3;
const PARTITIONS: usize = 6;
/// Partitions that each broker leads: `b` and `b + 3`.
const LED: usize = PARTITIONS / BROKERS;
const PRODUCER: usize = 3;
const CONSUMER: usize = 4;
const HOSTS: usize = 5;
const IN_FLIGHT: usize = 5;

/// What is kept of the records' values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    /// Nothing: a batch is its first record and their number.
    Described,
    /// One copy, encoded as Kafka does, shared by all replicas; its checksum is made once and
    /// compared by the consumer, who decodes every record.
    Kept,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Messages that arrived.
    pub events: u64,
    sum: u64,
    read: u64,
}

struct Batch {
    first: u32,
    count: u32,
    bytes: Vec<u8>,
    crc: u32,
}

enum Message {
    Produce {
        led: usize,
        batch: Arc<Batch>,
    },
    Produced,
    /// From where on, of each partition that the broker leads.
    Fetch([usize; LED]),
    /// New batches of these partitions, and their high watermarks.
    Fetched([(Vec<Arc<Batch>>, usize); LED]),
}

/// What a broker has of a partition that it leads.
#[derive(Default)]
struct Led {
    log: Vec<Arc<Batch>>,
    high_watermark: usize,
    /// How far each broker has it.
    ends: [usize; BROKERS],
    /// Where produce requests end that wait for all replicas.
    waiting: VecDeque<usize>,
}

/// A run: the state of all hosts and what is on its way.
struct Path {
    now: u64,
    sequence: u64,
    chance: u64,
    /// `time << 64 | sequence << 24 | slot`.
    heap: BinaryHeap<Reverse<u128>>,
    slab: Vec<Option<(usize, usize, Message)>>,
    free: Vec<u32>,
    last_arrival: [[u64; HOSTS]; HOSTS],
    led: [[Led; LED]; BROKERS],
    /// What followers have: by broker, leader and partition.
    followed: [[[Vec<Arc<Batch>>; LED]; BROKERS]; BROKERS],
    /// Fetches that wait for data: by broker and who asks.
    parked: [[Option<[usize; LED]>; HOSTS]; BROKERS],
    /// Where the consumer is: by broker and partition.
    consumed: [[usize; LED]; BROKERS],
    produced: u32,
    records: u32,
    batch: u32,
    values: Values,
    ran: Ran,
}

/// Sends `records` records in batches of `batch` and reads them all.
pub(crate) fn run(records: u32, batch: u32, values: Values) -> Ran {
    let mut path = Path {
        now: 0,
        sequence: 0,
        chance: 1,
        heap: BinaryHeap::new(),
        slab: Vec::new(),
        free: Vec::new(),
        last_arrival: [[0; HOSTS]; HOSTS],
        led: Default::default(),
        followed: Default::default(),
        parked: Default::default(),
        consumed: Default::default(),
        produced: 0,
        records,
        batch,
        values,
        ran: Ran {
            events: 0,
            sum: 0,
            read: 0,
        },
    };
    for broker in 0..BROKERS {
        let others = (0..BROKERS).filter(|other| *other != broker);
        for fetcher in others.chain([CONSUMER]) {
            path.send(fetcher, broker, Message::Fetch([0; LED]));
        }
        for request in 0..IN_FLIGHT {
            path.produce(broker, request % LED);
        }
    }
    path.deliver_all();
    let n = u64::from(records);
    let expected = WORDS * (n * (n - 1) / 2) + n * (WORDS * (WORDS - 1) / 2);
    assert_eq!((path.ran.read, path.ran.sum), (n, expected));
    path.ran
}

impl Path {
    fn deliver_all(&mut self) {
        while let Some(Reverse(key)) = self.heap.pop() {
            self.now = (key >> 64) as u64;
            let slot = key as u32 & 0xff_ffff;
            let message = self.slab[slot as usize].take();
            let (from, to, message) = message.expect("a key has its message");
            self.free.push(slot);
            self.ran.events += 1;
            match message {
                Message::Produce { led, batch } => self.append(to, led, batch),
                Message::Produced => {
                    let led = (self.produced / self.batch) as usize % LED;
                    self.produce(from, led);
                }
                Message::Fetch(offsets) => self.fetch(from, to, offsets),
                Message::Fetched(fetched) if to == CONSUMER => self.consume(from, fetched),
                Message::Fetched(fetched) => self.follow(from, to, fetched),
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        let at = self.now + 1_000_000 + ((u128::from(self.chance) * 100_000) >> 64) as u64;
        let last = &mut self.last_arrival[from][to];
        *last = at.max(*last);
        let at = *last;
        self.sequence += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slab.push(None);
            self.slab.len() as u32 - 1
        });
        self.slab[slot as usize] = Some((from, to, message));
        let key = u128::from(at) << 64 | u128::from(self.sequence << 24 | u64::from(slot));
        self.heap.push(Reverse(key));
    }

    /// Sends the next batch, if there is one.
    fn produce(&mut self, broker: usize, led: usize) {
        let count = self.batch.min(self.records - self.produced);
        if count == 0 {
            return;
        }
        let first = self.produced;
        self.produced += count;
        let bytes = match self.values {
            Values::Described => Vec::new(),
            Values::Kept => encode(first, count),
        };
        let crc = crc32c::crc32c(&bytes);
        let batch = Arc::new(Batch {
            first,
            count,
            bytes,
            crc,
        });
        self.send(PRODUCER, broker, Message::Produce { led, batch });
    }

    fn append(&mut self, broker: usize, led: usize, batch: Arc<Batch>) {
        let partition = &mut self.led[broker][led];
        partition.log.push(batch);
        let end = partition.log.len();
        partition.ends[broker] = end;
        partition.waiting.push_back(end);
        for follower in 0..BROKERS {
            self.answer_parked(broker, follower);
        }
    }

    fn fetch(&mut self, from: usize, broker: usize, offsets: [usize; LED]) {
        if from < BROKERS {
            let mut acked = 0;
            for (partition, offset) in self.led[broker].iter_mut().zip(offsets) {
                partition.ends[from] = offset;
                let ends = partition.ends.iter().copied();
                partition.high_watermark = ends.min().unwrap_or(0);
                let covered = |end: &&usize| **end <= partition.high_watermark;
                let done = partition.waiting.iter().take_while(covered).count();
                partition.waiting.drain(..done);
                acked += done;
            }
            for _ in 0..acked {
                self.send(broker, PRODUCER, Message::Produced);
            }
            if acked > 0 {
                self.answer_parked(broker, CONSUMER);
            }
        }
        self.parked[broker][from] = Some(offsets);
        self.answer_parked(broker, from);
    }

    /// Answers a fetch that waits, if there is something new for it.
    fn answer_parked(&mut self, broker: usize, fetcher: usize) {
        let Some(offsets) = self.parked[broker][fetcher] else {
            return;
        };
        let partitions = &self.led[broker];
        let end = |led: &Led| match fetcher {
            CONSUMER => led.high_watermark,
            _ => led.log.len(),
        };
        if partitions
            .iter()
            .zip(offsets)
            .all(|(led, from)| end(led) <= from)
        {
            return;
        }
        let fetched = [0, 1].map(|led: usize| {
            let partition = &partitions[led];
            let batches = &partition.log[offsets[led]..end(partition)];
            (batches.to_vec(), partition.high_watermark)
        });
        self.parked[broker][fetcher] = None;
        self.send(broker, fetcher, Message::Fetched(fetched));
    }

    fn follow(&mut self, leader: usize, broker: usize, fetched: [(Vec<Arc<Batch>>, usize); LED]) {
        let logs = &mut self.followed[broker][leader];
        for (log, (batches, high_watermark)) in logs.iter_mut().zip(fetched) {
            log.extend(batches);
            assert!(
                high_watermark <= log.len(),
                "all replicas have what is committed"
            );
        }
        let offsets = [0, 1].map(|led: usize| logs[led].len());
        self.send(broker, leader, Message::Fetch(offsets));
    }

    fn consume(&mut self, broker: usize, fetched: [(Vec<Arc<Batch>>, usize); LED]) {
        for (led, (batches, _)) in fetched.into_iter().enumerate() {
            self.consumed[broker][led] += batches.len();
            for batch in batches {
                self.ran.read += u64::from(batch.count);
                self.ran.sum += match self.values {
                    Values::Described => {
                        let (first, count) = (u64::from(batch.first), u64::from(batch.count));
                        let ids = count * first + count * (count - 1) / 2;
                        WORDS * ids + count * (WORDS * (WORDS - 1) / 2)
                    }
                    Values::Kept => {
                        assert_eq!(crc32c::crc32c(&batch.bytes), batch.crc);
                        decode(&batch.bytes)
                    }
                };
            }
        }
        let offsets = self.consumed[broker];
        self.send(CONSUMER, broker, Message::Fetch(offsets));
    }
}
