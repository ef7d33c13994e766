//! What holds for every file: formatting changes no meaning, writing reads back, and no text, how
//! broken it may be, makes the reader panic.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::cluster::moment::Moment;
use crate::cluster::spec::{
    ClusterSpec, DiskSpec, Features, GroupSpec, LatencySpec, NetworkSpec, ProducerSpec, QuotaSpec,
    TopicOrigin, TopicSpec,
};
use crate::delivery::{GroupId, RecordId, SenderId};
use crate::fault::random::{Kind, RandomFaults};
use crate::fault::{Action, Event, Node, Occurrence, Set, Target, Targets, When};
use crate::kafka::api::produce::Acks;
use crate::kafka::compression::CodecCosts;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::consumer::{AutoOffsetReset, ConsumerConfig};
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::text::Text;
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::cpu::{CpuCosts, SecurityProtocol};
use crate::kafka::ids::{DirectoryId, TopicId, TopicPartition};
use crate::kafka::quota::Limits;
use crate::scenario::drawing::{Style, draw};
use crate::scenario::file::parse;
use crate::scenario::fmt::format;
use crate::scenario::library::library;
use crate::scenario::model::{
    Claim, ClaimKind, Comparison, Operand, Scenario, SeedQuantifier, Setup, Teach, Variant,
};
use crate::scenario::write::write;
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;
use crate::workload::{
    Arrivals, Behaviour, Keys, OnError, OnRestart, Placement, ReadPlan, SendMode, SendPlan, StartAt,
};

const RUN_FOR: SimDuration = SimDuration::from_secs(100);

fn span(most: SimDuration) -> impl Strategy<Value = SimDuration> {
    prop_oneof![
        (0..=most.as_nanos()).prop_map(SimDuration::from_nanos),
        (0..=most.as_millis()).prop_map(SimDuration::from_millis),
    ]
}

fn secs(secs: u64) -> SimDuration {
    SimDuration::from_secs(secs)
}

/// Partitions of the one topic that always exists, with three partitions and three replicas.
fn partition() -> impl Strategy<Value = TopicPartition> {
    (0..3_u32).prop_map(|partition| TopicPartition {
        topic: TopicId(0),
        partition,
    })
}

fn server() -> impl Strategy<Value = Node> {
    prop_oneof![
        select(vec!["b1", "b2", "b3", "c1"]).prop_map(|name| Node::Named(Arc::from(name))),
        partition().prop_map(Node::Leader),
        partition().prop_map(Node::Follower),
        (partition(), 1..=3_u32).prop_map(|(partition, nth)| Node::Replica(partition, nth)),
        Just(Node::Controller),
    ]
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        partition().prop_map(Moment::ProduceSent),
        partition().prop_map(Moment::LeaderAppended),
        partition().prop_map(Moment::FollowerAppended),
        partition().prop_map(Moment::ProduceAnswered),
        partition().prop_map(Moment::HighWatermarkAdvanced),
        partition().prop_map(Moment::IsrShrunk),
        partition().prop_map(Moment::IsrExpanded),
        partition().prop_map(Moment::LeaderElected),
        partition().prop_map(Moment::Truncated),
        partition().prop_map(Moment::Read),
        (1..=3_u32).prop_map(Moment::Fenced),
    ]
}

fn share() -> impl Strategy<Value = Ratio> {
    (1..=100_u64, 100..1_000_u64)
        .prop_map(|(part, whole)| Ratio::new(part, whole).expect("the test's own input is sound"))
}

fn occurrence() -> impl Strategy<Value = Occurrence> {
    prop_oneof![
        (1..5_u32).prop_map(Occurrence::Nth),
        Just(Occurrence::Every),
        share().prop_map(Occurrence::Chance),
    ]
}

fn when() -> impl Strategy<Value = When> {
    let early = || span(secs(49));
    prop_oneof![
        early().prop_map(When::At),
        (early(), 1..1_000_000_u64)
            .prop_map(|(at, more)| When::Between(at, at + SimDuration::from_nanos(more))),
        (moment(), occurrence(), early()).prop_map(|(moment, occurrence, after)| When::On {
            moment,
            occurrence,
            after,
        }),
    ]
}

fn targets() -> impl Strategy<Value = Targets> {
    let target = prop_oneof![
        server().prop_map(Target::One),
        select(Set::ALL.to_vec()).prop_map(Target::All),
        Just(Target::Rack("a".into())),
    ];
    proptest::collection::vec(target, 1..4).prop_map(|mut targets| {
        let mut seen = Targets::new();
        targets.retain(|target| {
            let new = !seen.contains(target);
            seen.push(target.clone());
            new
        });
        targets
    })
}

fn on_nodes(node: Targets, which: usize, delay: SimDuration, by: i64) -> Action {
    match which {
        0 => Action::Crash(node),
        1 => Action::PowerLoss(node),
        2 => Action::LoseDisk(node),
        3 => Action::Stop(node),
        4 => Action::Start(node),
        5 => Action::Pause(node),
        6 => Action::Isolate(node),
        7 => Action::SlowDisk(node, delay),
        8 => Action::FillDisk(node, None),
        9 => Action::FailDisk(node, (by % 2 == 0).then_some(DirectoryId(1))),
        10 => Action::RollingRestart {
            on: node,
            down: delay,
            gap: delay,
        },
        _ => Action::SkewClock(node, by),
    }
}

fn action() -> impl Strategy<Value = Action> {
    let delay = (1..1_000_000_000_u64).prop_map(SimDuration::from_nanos);
    let by = prop_oneof![-1_000_000_000..0_i64, 1..1_000_000_000_000_i64];
    prop_oneof![
        (targets(), 0..12_usize, delay.clone(), by)
            .prop_map(|(on, which, delay, by)| on_nodes(on, which, delay, by)),
        (server(), server(), 0..6_usize, delay, share())
            .prop_filter("two nodes differ", |(from, to, ..)| from != to)
            .prop_map(|(from, to, which, delay, share)| match which {
                0 => Action::Cut(from, to),
                1 => Action::CutOneWay(from, to),
                2 => Action::Reset(from, to),
                3 => Action::Corrupt(from, to, share),
                4 => Action::Flap {
                    one: from,
                    other: to,
                    down: delay + SimDuration::from_millis(1),
                    up: SimDuration::from_millis(7),
                },
                _ => Action::SlowLink(from, to, delay),
            }),
    ]
}

fn timeline() -> impl Strategy<Value = Vec<Event>> {
    let lasts = proptest::option::of((1..50_000_000_000_u64).prop_map(SimDuration::from_nanos));
    proptest::collection::vec((when(), action(), lasts), 0..5).prop_map(|events| {
        let numbered = events.into_iter().enumerate();
        numbered
            .map(|(i, (when, action, lasts))| {
                // A moment that is a message may damage it.
                let is_message = matches!(
                    when,
                    When::On {
                        moment: Moment::ProduceSent(_),
                        ..
                    }
                );
                let damages = is_message && matches!(action, Action::Reset(..));
                let action = if damages {
                    Action::CorruptMessage
                } else {
                    action
                };
                (i, (when, action, lasts))
            })
            .map(|(i, (when, action, lasts))| Event {
                id: Arc::from(format!("e{i}")),
                lasts: lasts.filter(|_| {
                    !matches!(
                        action,
                        Action::Start(_)
                            | Action::Reset(..)
                            | Action::RollingRestart { .. }
                            | Action::CorruptMessage
                    )
                }),
                when,
                action,
            })
            .collect()
    })
}

fn faults() -> impl Strategy<Value = RandomFaults> {
    let kinds = proptest::sample::subsequence(Kind::ALL.to_vec(), 1..=Kind::ALL.len());
    let lasts = (1..1_000_000_u64, 0..1_000_000_u64).prop_map(|(from, more)| {
        let from = SimDuration::from_nanos(from);
        (from, from + SimDuration::from_nanos(more))
    });
    let every = (1_000_000..1_000_000_000_u64).prop_map(SimDuration::from_nanos);
    (
        kinds,
        any::<bool>(),
        every,
        lasts,
        2..9_u32,
        0..99_u32,
        targets(),
    )
        .prop_map(
            |(kinds, swarm, every, lasts, at_once, max, among)| RandomFaults {
                kinds,
                swarm,
                every,
                lasts,
                at_once,
                max,
                among,
            },
        )
}

fn latency() -> impl Strategy<Value = LatencySpec> {
    let most = secs(60);
    prop_oneof![
        span(most).prop_map(LatencySpec::Constant),
        (span(secs(30)), 1..1_000_000_u64)
            .prop_map(|(at, more)| LatencySpec::Uniform(at, at + SimDuration::from_nanos(more))),
        (span(most), span(most)).prop_map(|(base, mean)| LatencySpec::Exponential { base, mean }),
    ]
}

fn producer_config() -> impl Strategy<Value = ProducerConfig> {
    let acks = select(vec![Acks::All, Acks::Leader, Acks::None]);
    (acks, any::<bool>(), 1..=5_u32, 0..40_000_u64, 0..3_000_u64).prop_map(
        |(acks, idempotent, in_flight, linger, backoff)| {
            let linger = SimDuration::from_millis(linger);
            let default = ProducerConfig::default();
            ProducerConfig {
                client_id: Text::new("app 1"),
                enable_idempotence: idempotent && acks == Acks::All,
                acks,
                max_in_flight_requests_per_connection: in_flight,
                delivery_timeout: default
                    .delivery_timeout
                    .max(linger + default.request_timeout),
                linger,
                reconnect_backoff: SimDuration::from_millis(backoff),
                ..default
            }
        },
    )
}

#[expect(clippy::too_many_lines, reason = "every field by hand")]
fn producer(index: u32, topic: TopicId, partitions: u32) -> impl Strategy<Value = ProducerSpec> {
    let arrivals = prop_oneof![
        (1..=u64::from(u32::MAX)).prop_map(|n| Arrivals::Every {
            period: SimDuration::from_nanos(n)
        }),
        (1..=u64::from(u32::MAX)).prop_map(|n| Arrivals::Poisson {
            mean: SimDuration::from_nanos(n)
        }),
        Just(Arrivals::Flood),
    ];
    let keys = prop_oneof![
        Just(Keys::Null),
        (1..=u32::MAX).prop_map(|count| Keys::Uniform { count }),
        (1..=u32::MAX).prop_map(|count| Keys::Cycle { count }),
    ];
    let placement = prop_oneof![
        Just(Placement::Partitioner),
        Just(Placement::KeyModulo),
        (0..partitions).prop_map(Placement::Fixed),
        proptest::collection::vec(0..partitions, 1..4)
            .prop_map(|list| Placement::Listed(list.into())),
    ];
    let ratio = (1_000..=200_000_u64).prop_map(|n| Ratio::new(n, 100_000).expect("not zero"));
    let sizes = (1..1_000_000_u32, 0..=64_u32 << 20, any::<bool>());
    let behaviour = (
        (1..=64_u32).prop_flat_map(|threads| (Just(threads), 1..=threads)),
        any::<(bool, bool)>(),
        proptest::option::of(1..1_000_u32),
        (0..9_u32, span(secs(99))),
    )
        .prop_map(
            |((threads, producers), (sync, outbox), flush_every, (resend, wait))| Behaviour {
                threads,
                producers,
                send: if sync {
                    SendMode::Sync
                } else {
                    SendMode::Async
                },
                flush_every,
                on_error: OnError { resend, wait },
                on_restart: if outbox {
                    OnRestart::Resend
                } else {
                    OnRestart::Next
                },
            },
        );
    let keys = (keys, placement, ratio, behaviour);
    (arrivals, keys, sizes, span(secs(99)), producer_config()).prop_map(
        move |(arrivals, keys, (count, value_size, keep_payload), start, config)| {
            let (keys, placement, compression_ratio, behaviour) = keys;
            ProducerSpec {
                name: Arc::from(format!("p{index}")),
                plan: SendPlan {
                    sender: SenderId(index),
                    topic,
                    partitions,
                    first: RecordId(0),
                    count,
                    start,
                    arrivals,
                    keys,
                    placement,
                    // Only so many bytes may be kept.
                    value_size: value_size % if keep_payload { 1_000 } else { 65 << 20 },
                    compression_ratio,
                    behaviour,
                    keep_payload,
                },
                config,
            }
        },
    )
}

fn group(index: u32) -> impl Strategy<Value = GroupSpec> {
    let reset = select(vec![
        AutoOffsetReset::Earliest,
        AutoOffsetReset::Latest,
        AutoOffsetReset::ByDuration(SimDuration::from_millis(3_723_004)),
    ]);
    let pauses = proptest::collection::vec((0..1_000_u64, 1..1_000_u64), 0..3);
    (
        1..5_u32,
        span(secs(99)),
        span(secs(86_400)),
        pauses,
        reset,
        1..9_u32,
    )
        .prop_map(
            move |(members, start, handler, pauses, auto_offset_reset, fetch_min_bytes)| {
                let mut at = 0;
                let mut ranges = Vec::new();
                for (wait, length) in pauses {
                    let from = SimDuration::from_millis(at + wait);
                    at += wait + length;
                    ranges.push((from, SimDuration::from_millis(at)));
                }
                let member = |member: u32| ReadPlan {
                    group: GroupId(index),
                    member,
                    partitions: (0..3_u32)
                        .filter(|partition| partition % members == member)
                        .map(|partition| TopicPartition {
                            topic: TopicId(0),
                            partition,
                        })
                        .collect(),
                    rack: (start.as_nanos() % 2 == 1).then(|| "a".into()),
                    start,
                    start_at: match fetch_min_bytes % 3 {
                        0 => None,
                        1 => Some(StartAt::Back(start)),
                        _ => Some(StartAt::At(start)),
                    },
                    handler,
                    pauses: ranges.clone(),
                };
                GroupSpec {
                    name: Arc::from(format!("g{index}")),
                    members: (0..members).map(member).collect(),
                    config: ConsumerConfig {
                        fetch_min_bytes,
                        auto_offset_reset,
                        ..ConsumerConfig::default()
                    },
                }
            },
        )
}

fn topics() -> impl Strategy<Value = Vec<TopicSpec>> {
    let minimum = proptest::option::of(1..5_u32);
    (minimum, proptest::option::of(any::<bool>()), 1..9_u32).prop_map(
        |(minimum, unclean, other)| {
            let topic = |name: &str, partitions, replication_factor, config| TopicSpec {
                name: Arc::from(name),
                origin: TopicOrigin::Standing,
                partitions,
                grows_to: partitions,
                replication_factor,
                config,
            };
            let config = TopicConfig {
                min_insync_replicas: minimum,
                unclean_leader_election_enable: unclean,
                ..TopicConfig::default()
            };
            vec![
                topic("orders", 3, 3, config),
                topic("orders.v1", other, 1, TopicConfig::default()),
                TopicSpec {
                    origin: TopicOrigin::AutoCreated,
                    ..topic("later", 1, 1, TopicConfig::default())
                },
            ]
        },
    )
}

prop_compose! {
    fn limits()(
        producer in proptest::option::of(1..=1_000_000_000_000_u64),
        consumer in proptest::option::of(1..=1_000_000_000_000_u64),
        percentage in proptest::option::of(1..100_000_u64),
    ) -> Limits {
        Limits {
            producer_byte_rate: producer,
            consumer_byte_rate: consumer,
            request_percentage: percentage.map(Ratio::percent),
        }
    }
}

fn quotas() -> impl Strategy<Value = QuotaSpec> {
    (limits(), limits(), any::<bool>()).prop_map(|(default, own, empty)| {
        let own = (Arc::from(ClusterSpec::TOOLS), own);
        QuotaSpec {
            clients: (!empty).then_some(own).into_iter().collect(),
            default: if empty { Limits::default() } else { default },
        }
    })
}

#[expect(clippy::too_many_lines, reason = "every field by hand")]
fn setup() -> impl Strategy<Value = Setup> {
    let apps = (
        topics(),
        producer(0, TopicId(0), 3),
        proptest::collection::vec(group(0), 0..=1),
    );
    let network = (latency(), 1_000..=1_000_000_000_000_u64, 0..1_000_000_u32);
    let disks = (
        span(secs(60)),
        1_000..=1_000_000_000_000_u64,
        1_000_000..=1_u64 << 50,
        span(secs(60)),
        64_000..=1_u64 << 50,
        2..=64_u32,
    );
    let codecs = || proptest::array::uniform4(span(secs(60)));
    let codecs = (codecs(), codecs());
    let costs = (
        span(secs(60)),
        span(secs(60)),
        span(secs(60)),
        span(secs(60)),
        codecs,
    );
    let numbers = (1..99_u64, any::<bool>(), quotas());
    let timeline = (timeline(), proptest::option::of(faults()));
    (apps, network, disks, costs, timeline, numbers).prop_map(
        |(
            (topics, producer, groups),
            network,
            disks,
            costs,
            (timeline, faults),
            (lag, elr, quotas),
        )| {
            Setup {
                cluster: ClusterSpec {
                    commands: Vec::new(),
                    mutation: None,
                    brokers: 3,
                    spare_brokers: u32::from(elr),
                    racks: if elr {
                        vec!["a".into()]
                    } else {
                        vec!["a".into(), "b".into()]
                    },
                    controllers: 1,
                    broker_config: BrokerConfig {
                        replica_lag_time_max: secs(lag),
                        ..BrokerConfig::default()
                    },
                    security_protocol: if elr {
                        SecurityProtocol::Ssl
                    } else {
                        SecurityProtocol::Plaintext
                    },
                    features: Features {
                        eligible_leader_replicas: elr,
                    },
                    topics,
                    producers: vec![producer],
                    groups,
                    quotas,
                    network: NetworkSpec {
                        latency: network.0,
                        bandwidth: network.1,
                        loss_ppm: network.2,
                    },
                    disks: DiskSpec {
                        flush_latency: disks.0,
                        read_latency: disks.3,
                        bandwidth: disks.1,
                        capacity: disks.2,
                        page_cache: disks.4,
                        log_dirs: disks.5,
                    },
                    costs: CpuCosts {
                        produce: costs.0,
                        fetch: costs.1,
                        other: costs.2,
                        per_kib: costs.3,
                        network: costs.1,
                        tls_per_kib: costs.2,
                        codecs: CodecCosts {
                            compress: costs.4.0,
                            decompress: costs.4.1,
                        },
                        ..CpuCosts::default()
                    },
                },
                timeline,
                faults,
                run_for: RUN_FOR,
                drain_for: secs(lag),
            }
        },
    )
}

/// A variant that a file can say: another producer config, other faults, another topic config.
fn variant_of(base: Setup) -> impl Strategy<Value = Setup> {
    (producer_config(), timeline(), any::<bool>(), 1..5_u32).prop_map(
        move |(config, timeline, same_faults, minimum)| {
            let mut setup = base.clone();
            setup.cluster.producers[0].config = config;
            if !same_faults {
                setup.timeline = timeline;
            }
            setup.cluster.topics[1].config.min_insync_replicas = Some(minimum);
            setup
        },
    )
}

prop_compose! {
    pub(super) fn scenario()(base in setup())(
        other in variant_of(base.clone()),
        base in Just(base),
        text in "[ -~\u{e9}\n]{1,200}",
        seed in 0..1_000_u64,
    ) -> Scenario {
        let claim = |variant: &str| Claim {
            variant: Arc::from(variant),
            text: Arc::from("lost <= 3 in any seed"),
            kind: ClaimKind::Compare {
                metric: Arc::from("lost"),
                op: Comparison::LessOrEqual,
                right: Operand::Number(3),
                seeds: SeedQuantifier::Any,
            },
        };
        Scenario {
            name: Arc::from("x"),
            question: Arc::from(text.as_str()),
            answers: vec![Arc::from("A5")],
            catalogue: Some(Arc::from("S01")),
            seed,
            variants: vec![
                Variant { name: Arc::from("base"), setup: Ok(base) },
                Variant { name: Arc::from("v = 2 \"x\""), setup: Ok(other) },
            ],
            claims: vec![claim("base"), claim("v = 2 \"x\"")],
            teach: Teach { say: Some(Arc::from(text.as_str())), model: None },
        }
    }
}

fn sources() -> Vec<&'static str> {
    let short = library().iter().filter(|entry| entry.source.len() < 5_000);
    short.map(|entry| entry.source).collect()
}

/// Formatting a valid file keeps its meaning, and formatting it again changes nothing.
fn assert_format_keeps(text: &str) {
    let scenario = parse("x", text, &[]).expect("the test's own input is sound");
    let once = format("x", text).expect("the test's own input is sound");
    match parse("x", &once, &[]) {
        Ok(again) => assert_eq!(again, scenario, "{once}"),
        Err(problems) => panic!("{problems}\n{once}"),
    }
    assert_eq!(
        format("x", &once).expect("the test's own input is sound"),
        once
    );
}

#[test]
fn the_library_is_in_canonical_form() {
    for entry in library() {
        let canonical = format(entry.name, entry.source).expect("the test's own input is sound");
        assert_eq!(
            entry.source, canonical,
            "{}: run `retrial fmt --write`",
            entry.name
        );
        assert_format_keeps(entry.source);
    }
}

#[test]
fn a_scenario_of_the_library_survives_writing_and_reading() {
    for entry in library() {
        let mut scenario =
            parse(entry.name, entry.source, &[]).expect("the test's own input is sound");
        let written = write(&scenario).expect("the test's own input is sound");
        // What Kafka refuses has no set-up to write.
        let refused = |name: &Arc<str>| {
            let mut variants = scenario.variants.iter();
            variants.any(|variant| variant.name == *name && variant.setup.is_err())
        };
        let claims = scenario.claims.iter().filter(|c| !refused(&c.variant));
        scenario.claims = claims.cloned().collect();
        scenario.variants.retain(|variant| variant.setup.is_ok());
        assert_eq!(
            parse(entry.name, &written, &[]).expect("the test's own input is sound"),
            scenario
        );
        assert_eq!(
            format(entry.name, &written).expect("the test's own input is sound"),
            written
        );
    }
}

/// Breaks a text: drops, doubles, swaps or overwrites stretches of it.
fn mutate(text: &str, cuts: &[(Index, Index, u8, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (from, to, how, with) in cuts {
        if chars.is_empty() {
            break;
        }
        let (a, b) = (from.index(chars.len()), to.index(chars.len()));
        let (a, b) = (a.min(b), a.max(b).min(a.min(b) + 40));
        match how % 4 {
            0 => {
                chars.drain(a..b);
            }
            1 => {
                let part = chars[a..b].to_vec();
                chars.splice(b..b, part);
            }
            2 => {
                chars.splice(a..b, with.chars());
            }
            _ => chars.swap(a, b),
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_scenario_survives_writing_and_reading(scenario in scenario()) {
        let text = write(&scenario).expect("the test's own input is sound");
        prop_assert_eq!(parse("x", &text, &[]).expect("the test's own input is sound"), scenario);
        assert_format_keeps(&text);
        prop_assert_eq!(format("x", &text).expect("the test's own input is sound"), text);
    }

    #[test]
    fn no_broken_file_makes_the_reader_panic(
        source in select(sources()),
        cuts in proptest::collection::vec(
            (any::<Index>(), any::<Index>(), any::<u8>(), "[a-z0-9\"'#.=\\[\\]{},\n -]{0,9}"),
            1..6,
        ),
    ) {
        let text = mutate(source, &cuts);
        match parse("x", &text, &[]) {
            Ok(_) => assert_format_keeps(&text),
            Err(problems) => {
                draw(&problems, Style::Plain, 100);
                problems.to_string();
            }
        }
        if let Ok(once) = format("x", &text) {
            prop_assert_eq!(&format("x", &once).expect("the test's own input is sound"), &once);
        }
    }

    #[test]
    fn comments_survive_formatting(
        source in select(sources()),
        places in proptest::collection::vec(any::<Index>(), 1..8),
    ) {
        // A comment after any line of the file that does not end inside a string.
        let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
        for (i, place) in places.iter().enumerate() {
            let line = place.index(lines.len());
            let in_string = lines[line].ends_with('\\') || lines[line].ends_with("\"\"\"");
            if !in_string && i % 2 == 0 {
                lines[line].push_str(&format!(" # mark{i}"));
            } else if !in_string {
                lines.insert(line + 1, format!("# mark{i}"));
            }
        }
        let text = lines.join("\n");
        prop_assume!(parse("x", &text, &[]).is_ok());
        assert_format_keeps(&text);
        let formatted = format("x", &text).expect("the test's own input is sound");
        for comment in crate::scenario::comments::scan(&text) {
            let mark = comment.text.rsplit('#').next().expect("the test's own input is sound").trim().to_owned();
            prop_assert!(formatted.contains(&mark), "{} lacks {}", formatted, mark);
        }
    }
}
