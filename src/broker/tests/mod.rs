//! The broker alone in a laboratory: inputs go in, effects come out, no engine between.

mod disk_reads;
mod fetch;
mod follower;
mod forwarding;
mod isr;
mod lifecycle;
mod metadata;
mod produce;
mod quotas;
mod retention;
mod throttle;

use super::*;
use crate::delivery::{Record, RecordId};
use crate::kafka::api::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchedPartition, Fetcher,
};
use crate::kafka::api::produce::{
    Acks, ProducePartition, ProducePartitionResponse, ProduceRequest,
};
use crate::kafka::api::quorum_fetch::QuorumFetchResponse;
use crate::kafka::compression::{CodecCosts, Packing};
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::ids::{
    LeaderEpoch, Offset, PartitionEpoch, ProducerEpoch, ProducerId, Sequence, TopicId,
};
use crate::kafka::metadata_records::{MetadataRecord, PartitionRegistration};
use crate::kafka::records::{
    Batch, BatchTimes, Payload, ProducerStamp, StoredBatch, TimestampType,
};
use crate::sim::clock::WallTime;
use crate::sim::process::{Effect, HostState};
use crate::sim::time::SimTime;

const TP: TopicPartition = TopicPartition {
    topic: TopicId(0),
    partition: 0,
};
const B1: BrokerId = BrokerId(1);
const B2: BrokerId = BrokerId(2);
const B3: BrokerId = BrokerId(3);
/// The controller's host.
const CONTROLLER: HostId = HostId(0);

type Effects = Vec<Effect<Message, Fact, Timer>>;

/// A broker under test; it is always b1, on host 1, of a cluster of three.
struct Lab {
    broker: Broker,
    host: HostState,
    /// What the last input made it do.
    effects: Effects,
    next_client: u32,
    next_correlation: u32,
}

/// A partition's registration: replicas b1, b2, b3.
fn registration(leader: u32, leader_epoch: u32, isr: &[u32]) -> PartitionRegistration {
    PartitionRegistration {
        leader: (leader > 0).then_some(BrokerId(leader)),
        leader_epoch: LeaderEpoch(leader_epoch),
        partition_epoch: PartitionEpoch(leader_epoch),
        ..PartitionRegistration::led_by(leader, &[1, 2, 3], isr)
    }
}

/// The broker epoch of a broker of the standing cluster.
fn epoch_of(broker: BrokerId) -> BrokerEpoch {
    BrokerEpoch(u64::from(broker.0))
}

fn image(partition: PartitionRegistration, min_insync_replicas: u32) -> MetadataImage {
    let mut image = MetadataImage::default();
    for broker in [B1, B2, B3] {
        image.apply(&MetadataRecord::RegisterBroker {
            broker,
            epoch: epoch_of(broker),
            incarnation: Incarnation(1),
            fenced: false,
            rack: None,
        });
    }
    image.apply(&MetadataRecord::Topic {
        topic: TopicId(0),
        name: "orders".into(),
        config: TopicConfig {
            min_insync_replicas: Some(min_insync_replicas),
            ..TopicConfig::default()
        },
    });
    image.apply(&MetadataRecord::Partition {
        tp: TP,
        registration: Arc::new(partition),
    });
    image
}

fn setup(bootstrap: Option<Bootstrap>) -> BrokerSetup {
    BrokerSetup {
        id: B1,
        config: Arc::new(BrokerConfig::default()),
        rack: None,
        brokers: [B1, B2, B3].map(|id| (id, HostId(id.0))).into(),
        controllers: [CONTROLLER].into(),
        streams: Streams::new(7),
        bootstrap,
        costs: CpuCosts {
            codecs: CodecCosts {
                compress: [SimDuration::from_millis(8); 4],
                decompress: [SimDuration::from_millis(2); 4],
            },
            ..CpuCosts::default()
        },
        log_dirs: 1,
        network: NetworkCosts::default(),
        clients: None,
        mutation: None,
    }
}

/// A batch of records with no producer id.
fn batch(records: u32) -> Arc<Batch> {
    stamped(records, None)
}

/// A batch of an idempotent producer.
fn idempotent(records: u32, base_sequence: u32) -> Arc<Batch> {
    let stamp = ProducerStamp {
        id: ProducerId(9),
        epoch: ProducerEpoch(0),
        base_sequence: Sequence(base_sequence),
    };
    stamped(records, Some(stamp))
}

fn stamped(records: u32, producer: Option<ProducerStamp>) -> Arc<Batch> {
    let record = |index| Record {
        id: RecordId(index),
        key: None,
        value_size: 100,
        timestamp_delta: 0,
    };
    let time = WallTime(0);
    Arc::new(Batch {
        records: (0..records).map(record).collect(),
        producer,
        times: BatchTimes {
            base: time,
            max: time,
        },
        timestamp_type: TimestampType::CreateTime,
        size_bytes: 100 * records,
        packing: Packing::plain(100 * records),
        payload: Payload::Descriptor,
    })
}

fn stored(base_offset: u64, leader_epoch: u32) -> StoredBatch {
    StoredBatch {
        base_offset: Offset(base_offset),
        leader_epoch: LeaderEpoch(leader_epoch),
        batch: batch(1),
    }
}

impl Lab {
    /// A broker of a standing cluster with one partition.
    fn standing(partition: PartitionRegistration, min_insync_replicas: u32) -> Self {
        Self::with(partition, min_insync_replicas, |_| {})
    }

    /// The same, with another config.
    fn with(
        partition: PartitionRegistration,
        min_insync_replicas: u32,
        configure: impl FnOnce(&mut BrokerConfig),
    ) -> Self {
        let mut setup = setup(Some(Bootstrap {
            epoch: epoch_of(B1),
            image: image(partition, min_insync_replicas),
        }));
        configure(Arc::make_mut(&mut setup.config));
        let mut lab = Self::of(Broker::new(setup));
        lab.input(Input::Start);
        lab
    }

    /// b1 leads in epoch 0 and everybody is in sync.
    fn leader() -> Self {
        Self::standing(registration(1, 0, &[1, 2, 3]), 2)
    }

    fn of(broker: Broker) -> Self {
        Self {
            broker,
            host: HostState::new(HostId(1)),
            effects: Vec::new(),
            next_client: 1_000,
            next_correlation: 0,
        }
    }

    fn input(&mut self, input: Input<Message, Timer>) {
        self.effects.clear();
        let mut cx = Cx::new(&mut self.host, &mut self.effects);
        self.broker.handle(&mut cx, input);
    }

    fn timer(&mut self, timer: Timer) {
        self.input(Input::Timer(timer));
    }

    fn after(&mut self, span: SimDuration) {
        self.host.now += span;
    }

    /// A client's connection.
    fn client(&mut self) -> ConnectionId {
        self.next_client += 1;
        let on = ConnectionId(self.next_client);
        self.input(Input::Connected {
            on,
            peer: HostId(9),
        });
        on
    }

    /// Sends a request on a connection of its own.
    fn request(&mut self, body: Request) -> ConnectionId {
        let on = self.client();
        self.request_on(on, body);
        on
    }

    fn request_on(&mut self, on: ConnectionId, body: Request) {
        self.next_correlation += 1;
        let correlation = CorrelationId(self.next_correlation);
        self.input(Input::Message {
            on,
            body: Message::Request { correlation, body },
        });
    }

    fn produce(&mut self, acks: Acks, batch: Arc<Batch>) -> ConnectionId {
        self.request(produce_request(acks, batch))
    }

    fn follower_fetch(&mut self, follower: BrokerId, offset: u64) -> ConnectionId {
        self.request(fetch_request(
            follower_of(follower),
            offset,
            last_epoch(offset),
        ))
    }

    fn consumer_fetch(&mut self, offset: u64) -> ConnectionId {
        self.request(fetch_request(Fetcher::Consumer, offset, None))
    }

    /// The answers that the last input made the broker send, with their connections.
    fn answers(&self) -> Vec<(ConnectionId, &Response)> {
        let mut answers = Vec::new();
        for effect in &self.effects {
            if let Effect::Send {
                on,
                body: Message::Response { body, .. },
            } = effect
            {
                answers.push((*on, body));
            }
        }
        answers
    }

    /// The only answer to a produce of one batch.
    fn produce_answer(&self) -> Option<&ProducePartitionResponse> {
        self.answers().into_iter().find_map(|(_, answer)| {
            let Response::Produce(answer) = answer else {
                return None;
            };
            Some(&answer.partitions[0])
        })
    }

    fn produce_error(&self) -> Option<ErrorCode> {
        self.produce_answer().and_then(|answer| answer.error)
    }

    /// The answer to the fetch on this connection.
    fn fetch_answer(&self, on: ConnectionId) -> Option<&FetchedPartition> {
        self.answers().into_iter().find_map(|(to, answer)| {
            let Response::Fetch(answer) = answer else {
                return None;
            };
            (to == on).then(|| &answer.partitions[0])
        })
    }

    /// The requests that the last input made the broker send.
    fn requests(&self) -> Vec<(ConnectionId, CorrelationId, &Request)> {
        let mut requests = Vec::new();
        for effect in &self.effects {
            if let Effect::Send {
                on,
                body: Message::Request { correlation, body },
            } = effect
            {
                requests.push((*on, *correlation, body));
            }
        }
        requests
    }

    /// The request that the last input made the broker send; there is one.
    fn asked(&self) -> (ConnectionId, CorrelationId, Request) {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        let (on, correlation, body) = requests[0];
        (on, correlation, body.clone())
    }

    fn facts(&self) -> Vec<&Fact> {
        let mut facts = Vec::new();
        for effect in &self.effects {
            if let Effect::Fact(fact) = effect {
                facts.push(fact);
            }
        }
        facts
    }

    /// The connections that the last input made the broker open, with their hosts.
    fn opened(&self) -> Vec<(ConnectionId, HostId)> {
        let mut opened = Vec::new();
        for effect in &self.effects {
            if let Effect::Open { connection, to } = effect {
                opened.push((*connection, *to));
            }
        }
        opened
    }

    /// Lets a connection that the broker opened be open.
    fn connected(&mut self, on: ConnectionId, peer: HostId) {
        self.input(Input::Connected { on, peer });
    }

    fn respond(&mut self, on: ConnectionId, correlation: CorrelationId, body: Response) {
        self.input(Input::Message {
            on,
            body: Message::answer(correlation, body),
        });
    }

    fn timer_set(&self, timer: Timer) -> Option<SimDuration> {
        self.effects.iter().find_map(|effect| {
            let Effect::SetTimer { timer: set, after } = effect else {
                return None;
            };
            (*set == timer).then_some(*after)
        })
    }

    fn exited(&self) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Exit))
    }

    /// The replica of the partition.
    fn view(&self) -> ReplicaView<'_> {
        self.broker
            .replicas()
            .next()
            .expect("the partition has a replica")
    }

    fn high_watermark(&self) -> u64 {
        self.view().high_watermark.0
    }

    fn log_end(&self) -> u64 {
        self.view().log_end.0
    }

    /// Hands the broker committed records of the metadata log.
    fn metadata(&mut self, records: Vec<MetadataRecord>) {
        let base_offset = self.broker.image().end;
        let high_watermark = base_offset.plus(records.len() as u64);
        let response = QuorumFetchResponse {
            snapshot_end: None,
            base_offset,
            records,
            high_watermark,
        };
        self.effects.clear();
        let mut cx = Cx::new(&mut self.host, &mut self.effects);
        // The link's own conversation is tested apart.
        self.broker.links[Link::Metadata.index()].reset();
        self.broker.metadata_fetched(&mut cx, response);
    }

    fn register_partition(&mut self, registration: PartitionRegistration) {
        self.metadata(vec![MetadataRecord::Partition {
            tp: TP,
            registration: Arc::new(registration),
        }]);
    }

    /// Opens the link that the broker just asked for and returns the request that follows.
    fn asked_controller(&mut self) -> (ConnectionId, CorrelationId, Request) {
        if let Some((on, to)) = self.opened().first().copied() {
            assert_eq!(to, CONTROLLER);
            self.connected(on, to);
        }
        self.asked()
    }
}

fn produce_request(acks: Acks, batch: Arc<Batch>) -> Request {
    Request::Produce(Box::new(ProduceRequest {
        acks,
        timeout: SimDuration::from_secs(30),
        partitions: vec![ProducePartition {
            tp: TP,
            batch,
            corrupt: false,
        }],
    }))
}

fn follower_of(broker: BrokerId) -> Fetcher {
    Fetcher::Follower {
        broker,
        epoch: epoch_of(broker),
    }
}

/// All records of the tests' logs are of epoch 0, unless a test says otherwise.
fn last_epoch(offset: u64) -> Option<LeaderEpoch> {
    (offset > 0).then_some(LeaderEpoch(0))
}

fn fetch_request(
    fetcher: Fetcher,
    offset: u64,
    last_fetched_epoch: Option<LeaderEpoch>,
) -> Request {
    Request::Fetch(Box::new(FetchRequest {
        fetcher,
        rack: None,
        max_wait: SimDuration::from_millis(500),
        min_bytes: 1,
        max_bytes: 10_000,
        partitions: vec![FetchPartition {
            tp: TP,
            fetch_offset: Offset(offset),
            current_leader_epoch: None,
            last_fetched_epoch,
            log_start_offset: Offset(0),
            max_bytes: 1_000,
        }],
    }))
}
