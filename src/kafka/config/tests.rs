//! The tables as wholes, and Kafka's cross-checks one by one.

use super::*;
use crate::kafka::api::produce::Acks;
use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::topic::TopicConfig;
use crate::sim::time::SimDuration;
use ConfigValue::{Bool, Integer, Text};

fn settings<C: Component>(given: &[(&str, ConfigValue<'_>)]) -> Settings<C> {
    let mut settings = Settings::new();
    for (name, value) in given {
        settings.set(name, *value).unwrap();
    }
    settings
}

fn producer(given: &[(&str, ConfigValue<'_>)]) -> Result<ProducerConfig, ConfigException> {
    settings(given).resolve()
}

fn problem<C: Component>(name: &str, value: ConfigValue<'_>) -> String {
    let problem = Settings::<C>::new().set(name, value).unwrap_err();
    match problem.help() {
        Some(help) => format!("{problem} ({help})"),
        None => problem.to_string(),
    }
}

/// The table as the book could print it.
fn table<C: Component>() -> String {
    let none = match C::KIND {
        ComponentKind::Topic => "of the broker",
        ComponentKind::Producer | ComponentKind::Consumer | ComponentKind::Broker => "not set",
    };
    let line = |name| {
        let about = describe::<C>(name).unwrap();
        let default = about.default.map_or(none.to_owned(), |v| v.to_string());
        let (kind, source) = (about.kind, about.source);
        let (unit, range) = (kind.unit(), kind.range());
        let line = format!("{name} = {default} {unit} [{range}] {source}\n");
        // Kafka's own classes have long names.
        line.replace("org.apache.kafka.common.replica.", "")
            .replace("Selector", "…")
    };
    names::<C>().map(line).collect()
}

#[test]
fn every_config_reads_back_its_default_and_is_valid() {
    fn check<C: Component + std::fmt::Debug + PartialEq>() {
        let mut settings = Settings::<C>::new();
        for entry in C::ENTRIES {
            if let Some(default) = (entry.get)(&C::default()) {
                let given = default.to_string();
                settings.set(entry.name, ConfigValue::Text(&given)).unwrap();
            }
            assert!(!entry.doc.is_empty() && !entry.doc.ends_with('.'));
            let twins = C::ENTRIES.iter().filter(|other| other.name == entry.name);
            assert_eq!(twins.count(), 1, "{}", entry.name);
            assert!(!unmodelled::of(C::KIND).any(|name| name == entry.name));
        }
        assert_eq!(*settings.values(), C::default());
        assert_eq!(settings.resolve().unwrap(), C::default());
        assert_eq!(Settings::<C>::new().notices(), Vec::<String>::new());
    }
    check::<ProducerConfig>();
    check::<ConsumerConfig>();
    check::<BrokerConfig>();
    check::<TopicConfig>();
}

#[test]
fn a_producers_defaults_and_ranges_are_kafkas() {
    insta::assert_snapshot!(table::<ProducerConfig>(), @r"
    client.id = not set  [a string of at most 64 bytes] ProducerConfig
    acks = all  [one of all, -1, 1, 0] ProducerConfig
    enable.idempotence = true  [true or false] ProducerConfig
    retries = 2147483647  [at least 0] ProducerConfig
    max.in.flight.requests.per.connection = 5  [at least 1] ProducerConfig
    batch.size = 16384 bytes [at least 0] ProducerConfig
    linger.ms = 5 ms [at least 0] ProducerConfig
    buffer.memory = 33554432 bytes [at least 0] ProducerConfig
    max.block.ms = 60000 ms [at least 0] ProducerConfig
    delivery.timeout.ms = 120000 ms [at least 0] ProducerConfig
    request.timeout.ms = 30000 ms [at least 0] ProducerConfig
    max.request.size = 1048576 bytes [at least 0] ProducerConfig
    retry.backoff.ms = 100 ms [at least 0] ProducerConfig
    retry.backoff.max.ms = 1000 ms [at least 0] ProducerConfig
    reconnect.backoff.ms = 50 ms [at least 0] ProducerConfig
    reconnect.backoff.max.ms = 1000 ms [at least 0] ProducerConfig
    metadata.max.age.ms = 300000 ms [at least 0] ProducerConfig
    compression.type = none  [one of none, gzip, snappy, lz4, zstd] ProducerConfig
    compression.gzip.level = -1  [one of -1, 1, 2, 3, 4, 5, 6, 7, 8, 9] ProducerConfig
    compression.lz4.level = 9  [1 to 17] ProducerConfig
    compression.zstd.level = 3  [-131072 to 22] ProducerConfig
    partitioner.class = null  [one of null, org.apache.kafka.clients.producer.RoundRobinPartitioner, RoundRobinPartitioner, RoundRobinPartitioner 2.4, org.apache.kafka.clients.producer.internals.DefaultPartitioner, DefaultPartitioner 2.4, org.apache.kafka.clients.producer.UniformStickyPartitioner, UniformStickyPartitioner, DefaultPartitioner 2.3, kafkajs DefaultPartitioner, librdkafka consistent_random, librdkafka murmur2_random, librdkafka random] ProducerConfig
    partitioner.adaptive.partitioning.enable = true  [true or false] ProducerConfig
    partitioner.availability.timeout.ms = 0 ms [at least 0] ProducerConfig
    partitioner.ignore.keys = false  [true or false] ProducerConfig
    socket.connection.setup.timeout.ms = 10000 ms [at least 0] ProducerConfig
    socket.connection.setup.timeout.max.ms = 30000 ms [at least 0] ProducerConfig
    ");
}

#[test]
fn a_consumers_defaults_and_ranges_are_kafkas() {
    insta::assert_snapshot!(table::<ConsumerConfig>(), @r"
    client.id = not set  [a string of at most 64 bytes] ConsumerConfig
    fetch.min.bytes = 1 bytes [at least 0] ConsumerConfig
    fetch.max.wait.ms = 500 ms [at least 0] ConsumerConfig
    fetch.max.bytes = 52428800 bytes [at least 0] ConsumerConfig
    max.partition.fetch.bytes = 1048576 bytes [at least 0] ConsumerConfig
    max.poll.records = 500  [at least 1] ConsumerConfig
    auto.offset.reset = latest  [one of earliest, latest, none or by_duration:<PnDTnHnMn.nS>] ConsumerConfig
    request.timeout.ms = 30000 ms [at least 0] ConsumerConfig
    retry.backoff.ms = 100 ms [at least 0] ConsumerConfig
    retry.backoff.max.ms = 1000 ms [at least 0] ConsumerConfig
    reconnect.backoff.ms = 50 ms [at least 0] ConsumerConfig
    reconnect.backoff.max.ms = 1000 ms [at least 0] ConsumerConfig
    metadata.max.age.ms = 300000 ms [at least 0] ConsumerConfig
    allow.auto.create.topics = true  [true or false] ConsumerConfig
    check.crcs = true  [true or false] ConsumerConfig
    socket.connection.setup.timeout.ms = 10000 ms [at least 0] ConsumerConfig
    socket.connection.setup.timeout.max.ms = 30000 ms [at least 0] ConsumerConfig
    ");
}

#[test]
fn a_brokers_defaults_and_ranges_are_kafkas() {
    insta::assert_snapshot!(table::<BrokerConfig>(), @r"
    replica.lag.time.max.ms = 30000 ms [at least 0] ReplicationConfigs
    replica.fetch.wait.max.ms = 500 ms [at least 0] ReplicationConfigs
    replica.fetch.min.bytes = 1 bytes [at least 0] ReplicationConfigs
    replica.fetch.max.bytes = 1048576 bytes [at least 0] ReplicationConfigs
    replica.fetch.response.max.bytes = 10485760 bytes [at least 0] ReplicationConfigs
    replica.fetch.backoff.ms = 1000 ms [at least 0] ReplicationConfigs
    replica.socket.timeout.ms = 30000 ms [at least 0] ReplicationConfigs
    replica.high.watermark.checkpoint.interval.ms = 5000 ms [at least 0] ReplicationConfigs
    num.replica.fetchers = 1  [at least 1] ReplicationConfigs
    replica.selector.class = Leader…  [one of Leader…, RackAwareReplica…] ReplicationConfigs
    default.replication.factor = 1  [at least 1] ReplicationConfigs
    unclean.leader.election.enable = false  [true or false] ReplicationConfigs
    unclean.leader.election.interval.ms = 300000 ms [at least 1] ReplicationConfigs
    auto.leader.rebalance.enable = true  [true or false] ReplicationConfigs
    leader.imbalance.check.interval.seconds = 300  [at least 1] ReplicationConfigs
    num.partitions = 1  [at least 1] ServerLogConfigs
    auto.create.topics.enable = true  [true or false] ServerLogConfigs
    min.insync.replicas = 1  [at least 1] LogConfig
    log.flush.interval.messages = 9223372036854775807  [at least 1] LogConfig
    log.segment.bytes = 1073741824 bytes [at least 1048576] LogConfig
    log.roll.ms = not set ms [at least 1] LogConfig
    log.roll.hours = 168  [at least 1] LogConfig
    log.roll.jitter.ms = not set ms [at least 0] LogConfig
    log.roll.jitter.hours = 0  [at least 0] LogConfig
    log.index.size.max.bytes = 10485760 bytes [at least 4] LogConfig
    log.index.interval.bytes = 4096 bytes [at least 0] LogConfig
    log.retention.ms = not set ms [at least -1] LogConfig
    log.retention.minutes = not set  [at least -1] LogConfig
    log.retention.hours = 168  [at least -1] LogConfig
    log.retention.bytes = -1 bytes [at least -1] LogConfig
    log.retention.check.interval.ms = 300000 ms [at least 1] LogConfig
    log.initial.task.delay.ms = 30000 ms [at least 0] LogConfig
    log.segment.delete.delay.ms = 60000 ms [at least 0] LogConfig
    log.flush.start.offset.checkpoint.interval.ms = 60000 ms [at least 0] LogConfig
    log.message.timestamp.type = CreateTime  [one of CreateTime, LogAppendTime] LogConfig
    log.message.timestamp.before.max.ms = 9223372036854775807 ms [at least 0] LogConfig
    log.message.timestamp.after.max.ms = 3600000 ms [at least 0] LogConfig
    compression.type = producer  [one of producer, uncompressed, zstd, lz4, snappy, gzip] ServerConfigs
    compression.gzip.level = -1  [one of -1, 1, 2, 3, 4, 5, 6, 7, 8, 9] ServerConfigs
    compression.lz4.level = 9  [1 to 17] ServerConfigs
    compression.zstd.level = 3  [-131072 to 22] ServerConfigs
    message.max.bytes = 1048588 bytes [at least 0] ServerConfigs
    fetch.max.bytes = 57671680 bytes [at least 1024] ServerConfigs
    request.timeout.ms = 30000 ms [at least 0] ServerConfigs
    num.network.threads = 3  [at least 1] ServerConfigs
    num.io.threads = 8  [at least 1] ServerConfigs
    queued.max.requests = 500  [at least 1] ServerConfigs
    controlled.shutdown.enable = true  [true or false] ServerConfigs
    replication.quota.window.num = 11  [at least 1] QuotaConfig
    replication.quota.window.size.seconds = 1  [at least 1] QuotaConfig
    broker.heartbeat.interval.ms = 2000 ms [at least 0] KRaftConfigs
    broker.session.timeout.ms = 9000 ms [at least 0] KRaftConfigs
    initial.broker.registration.timeout.ms = 60000 ms [at least 0] KRaftConfigs
    metadata.max.idle.interval.ms = 500 ms [at least 0] MetadataLogConfig
    controller.quorum.append.linger.ms = 25 ms [at least 0] QuorumConfig
    controller.quorum.request.timeout.ms = 2000 ms [at least 0] QuorumConfig
    quota.window.num = 11  [at least 1] QuotaConfig
    quota.window.size.seconds = 1  [at least 1] QuotaConfig
    producer.id.expiration.ms = 86400000 ms [at least 1] TransactionLogConfig
    ");
}

#[test]
fn a_topics_defaults_and_ranges_are_kafkas() {
    insta::assert_snapshot!(table::<TopicConfig>(), @r"
    min.insync.replicas = of the broker  [at least 1] LogConfig
    unclean.leader.election.enable = of the broker  [true or false] LogConfig
    max.message.bytes = of the broker bytes [at least 0] LogConfig
    flush.messages = of the broker  [at least 1] LogConfig
    segment.bytes = of the broker bytes [at least 1048576] LogConfig
    segment.ms = of the broker ms [at least 1] LogConfig
    segment.jitter.ms = of the broker ms [at least 0] LogConfig
    segment.index.bytes = of the broker bytes [at least 4] LogConfig
    index.interval.bytes = of the broker bytes [at least 0] LogConfig
    retention.ms = of the broker ms [at least -1] LogConfig
    retention.bytes = of the broker bytes [at least -1] LogConfig
    file.delete.delay.ms = of the broker ms [at least 0] LogConfig
    message.timestamp.type = of the broker  [one of CreateTime, LogAppendTime] LogConfig
    message.timestamp.before.max.ms = of the broker ms [at least 0] LogConfig
    message.timestamp.after.max.ms = of the broker ms [at least 0] LogConfig
    compression.type = of the broker  [one of producer, uncompressed, zstd, lz4, snappy, gzip] LogConfig
    compression.gzip.level = of the broker  [one of -1, 1, 2, 3, 4, 5, 6, 7, 8, 9] LogConfig
    compression.lz4.level = of the broker  [1 to 17] LogConfig
    compression.zstd.level = of the broker  [-131072 to 22] LogConfig
    ");
}

#[test]
fn an_unknown_name_comes_with_the_nearest_one() {
    insta::assert_snapshot!(problem::<ProducerConfig>("lingre.ms", Integer(1)), @"a producer has no config lingre.ms (did you mean linger.ms?)");
    insta::assert_snapshot!(problem::<ProducerConfig>("linger", Integer(1)), @"a producer has no config linger (did you mean linger.ms?)");
    insta::assert_snapshot!(problem::<ProducerConfig>("BATCH_SIZE", Integer(1)), @"a producer has no config BATCH_SIZE (did you mean batch.size?)");
    insta::assert_snapshot!(problem::<ProducerConfig>("compresion.type", Integer(1)), @"a producer has no config compresion.type (did you mean compression.type?)");
    insta::assert_snapshot!(problem::<ProducerConfig>("colour", Integer(1)), @"a producer has no config colour");
}

#[test]
fn a_config_of_another_component_is_sent_there() {
    insta::assert_snapshot!(problem::<ProducerConfig>("min.insync.replicas", Integer(2)), @"a producer has no config min.insync.replicas (it is a config of a topic)");
    insta::assert_snapshot!(problem::<TopicConfig>("acks", Text("all")), @"a topic has no config acks (it is a config of a producer)");
}

#[test]
fn what_kafka_knows_and_this_simulator_does_not_is_said_so() {
    insta::assert_snapshot!(problem::<ProducerConfig>("metric.reporters", Text("zstd")), @"metric.reporters is known to Kafka but not modelled here (leave it out: no part of the simulator reads it)");
    insta::assert_snapshot!(problem::<BrokerConfig>("ssl.key.password", Text("x")), @"ssl.key.password is known to Kafka but not modelled here (leave it out: no part of the simulator reads it)");
    insta::assert_snapshot!(problem::<BrokerConfig>("zookeeper.connect", Text("x")), @"zookeeper.connect is gone from Kafka since version 4.0");
}

#[test]
fn a_value_out_of_range_is_the_users_error() {
    insta::assert_snapshot!(problem::<ProducerConfig>("linger.ms", Integer(-1)), @"invalid value -1 for configuration linger.ms: value must be at least 0");
    insta::assert_snapshot!(problem::<ProducerConfig>("acks", Text("quorum")), @"invalid value quorum for configuration acks: expected one of all, -1, 1, 0");
    insta::assert_snapshot!(problem::<ConsumerConfig>("max.poll.records", Integer(0)), @"invalid value 0 for configuration max.poll.records: value must be at least 1");
}

#[test]
fn idempotence_turns_off_silently_when_it_was_not_asked_for() {
    for given in [("acks", Integer(1)), ("retries", Integer(0))] {
        assert!(!producer(&[given]).unwrap().enable_idempotence);
    }
    let quiet = settings::<ProducerConfig>(&[("acks", Integer(1))]);
    assert_eq!(quiet.notices(), ["enable.idempotence is off, as acks is 1"]);
}

#[test]
fn idempotence_that_was_asked_for_refuses_what_contradicts_it() {
    let asked = ("enable.idempotence", Bool(true));
    let acks = producer(&[asked, ("acks", Text("1"))]).unwrap_err();
    assert_eq!(acks.name, "acks");
    let retries = producer(&[asked, ("retries", Integer(0))]).unwrap_err();
    assert_eq!(retries.name, "retries");
    assert!(
        producer(&[asked, ("acks", Integer(-1))])
            .unwrap()
            .enable_idempotence
    );
}

#[test]
fn more_than_five_in_flight_are_refused_even_without_asking_for_idempotence() {
    let name = "max.in.flight.requests.per.connection";
    let six = producer(&[(name, Integer(6))]).unwrap_err();
    assert_eq!(six.name, name);
    insta::assert_snapshot!(six, @"an idempotent producer allows at most 5 max.in.flight.requests.per.connection, not 6");
    // Even where acks=1 would have turned idempotence off.
    assert_eq!(
        producer(&[(name, Integer(6)), ("acks", Integer(1))])
            .unwrap_err()
            .name,
        name
    );
    let off = ("enable.idempotence", Bool(false));
    assert!(producer(&[(name, Integer(6)), off]).is_ok());
    assert!(producer(&[(name, Integer(5))]).is_ok());
}

#[test]
fn the_delivery_timeout_covers_linger_and_request_timeout() {
    let short = [("delivery.timeout.ms", Text("20s"))];
    let refused = producer(&short).unwrap_err();
    assert_eq!(refused.name, "delivery.timeout.ms");
    insta::assert_snapshot!(refused, @"delivery.timeout.ms is 20s, less than linger.ms + request.timeout.ms, which is 30005ms");
    let exact = [
        ("delivery.timeout.ms", Text("20s")),
        ("request.timeout.ms", Text("19s")),
        ("linger.ms", Text("1s")),
    ];
    assert!(producer(&exact).is_ok());
}

#[test]
fn a_default_delivery_timeout_is_raised() {
    let given = [
        ("request.timeout.ms", Text("3m")),
        ("linger.ms", Integer(7)),
    ];
    let raised = producer(&given).unwrap().delivery_timeout;
    assert_eq!(raised, SimDuration::from_millis(180_007));
    let notices = settings::<ProducerConfig>(&given).notices();
    insta::assert_snapshot!(notices.join("\n"), @"delivery.timeout.ms is raised to linger.ms + request.timeout.ms, 180007ms");
}

#[test]
fn a_reconnect_backoff_alone_sets_its_maximum_too() {
    let given = [("reconnect.backoff.ms", Integer(200))];
    let config = producer(&given).unwrap();
    assert_eq!(config.reconnect_backoff_max, SimDuration::from_millis(200));
    let consumer = settings::<ConsumerConfig>(&given).resolve().unwrap();
    assert_eq!(
        consumer.reconnect_backoff_max,
        SimDuration::from_millis(200)
    );
}

#[test]
fn a_broker_refuses_a_fetch_wait_beyond_its_time_outs() {
    let given = [("replica.lag.time.max.ms", Integer(400))];
    let refused = settings::<BrokerConfig>(&given).resolve().unwrap_err();
    insta::assert_snapshot!(refused, @"replica.fetch.wait.max.ms must be at most replica.lag.time.max.ms, or idle followers leave the ISR");
    let given = [("replica.socket.timeout.ms", Integer(400))];
    let refused = settings::<BrokerConfig>(&given).resolve().unwrap_err();
    insta::assert_snapshot!(refused, @"replica.socket.timeout.ms must be at least replica.fetch.wait.max.ms, or idle fetches time out");
}

#[test]
fn a_heartbeat_interval_above_half_the_session_is_only_logged() {
    let given = [("broker.session.timeout.ms", Text("3s"))];
    let broker = settings::<BrokerConfig>(&given);
    assert!(broker.resolve().is_ok());
    insta::assert_snapshot!(broker.notices().join("\n"), @"broker.heartbeat.interval.ms (2s) is more than half of broker.session.timeout.ms (3s): one late heartbeat fences a broker");
}

#[test]
fn set_values_are_listed_in_order_and_in_canonical_form() {
    let given = [
        ("acks", Integer(-1)),
        ("linger.ms", Text("2s")),
        ("batch.size", Text("64KiB")),
        ("linger.ms", Text("90s")),
    ];
    let set = settings::<ProducerConfig>(&given);
    let lines = set
        .iter()
        .map(|(name, value, pretty)| format!("{name} = {value} ({pretty})\n"));
    insta::assert_snapshot!(lines.collect::<String>(), @r"
    acks = all (all)
    linger.ms = 90000 (90s)
    batch.size = 65536 (64KiB)
    ");
    assert_eq!(set.values().acks, Acks::All);
    let value = canonical::<BrokerConfig>("log.flush.interval.messages", Integer(i64::MAX));
    assert_eq!(value.unwrap(), Value::Integer(i64::MAX));
}

#[test]
fn a_topic_leaves_open_what_it_does_not_set() {
    let topic = settings::<TopicConfig>(&[("min.insync.replicas", Integer(2))]);
    assert_eq!(topic.values().min_insync_replicas, Some(2));
    assert_eq!(topic.values().max_message_bytes, None);
    assert_eq!(topic.get("max.message.bytes"), None);
}

#[test]
fn a_producers_own_level_of_compression_is_announced_as_a_declaration() {
    let set = settings::<ProducerConfig>(&[("compression.gzip.level", Integer(9))]);
    assert_eq!(set.values().compression_gzip_level, 9);
    insta::assert_snapshot!(set.notices().join("\n"), @"compression.gzip.level changes neither size nor cost by itself: declare what the level does in compression_ratio and [costs]");
    insta::assert_snapshot!(problem::<ProducerConfig>("compression.gzip.level", Integer(0)), @"invalid value 0 for configuration compression.gzip.level: expected one of -1, 1, 2, 3, 4, 5, 6, 7, 8, 9");
    insta::assert_snapshot!(problem::<ProducerConfig>("compression.lz4.level", Integer(18)), @"invalid value 18 for configuration compression.lz4.level: value must be no more than 17");
}

#[test]
fn a_class_of_java_has_its_short_name_too() {
    let long = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let set = settings::<ProducerConfig>(&[("partitioner.class", Text(long))]);
    let value = set.get("partitioner.class").map(|value| value.to_string());
    assert_eq!(value.as_deref(), Some("RoundRobinPartitioner"));
}

#[test]
fn what_belongs_to_transactions_is_checked_and_refused_for_now() {
    insta::assert_snapshot!(problem::<ProducerConfig>("transactional.id", Text("tx-1")), @"transactional.id is valid, but transactions are not simulated yet (leave it out: without it the producer is idempotent within one session, which is all that can be simulated so far)");
    insta::assert_snapshot!(problem::<ProducerConfig>("transactional.id", Text("")), @"invalid value  for configuration transactional.id: expected a string that is not empty");
    insta::assert_snapshot!(problem::<ProducerConfig>("transaction.timeout.ms", Integer(i64::MAX)), @"invalid value 9223372036854775807 for configuration transaction.timeout.ms: value must be no more than 2147483647");
    insta::assert_snapshot!(problem::<ProducerConfig>("transaction.timeout.ms", Text("30s")), @"transaction.timeout.ms is valid, but transactions are not simulated yet (leave it out: without it the producer is idempotent within one session, which is all that can be simulated so far)");
}
