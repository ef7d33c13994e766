//! The names that Kafka 4.2 knows and this simulator does not model, so that a scenario that uses
//! one is told so instead of being ignored or corrected.
//!
//! Left out: the many names of security, which are recognised by their prefix.
//! Source: ProducerConfig, ConsumerConfig, AbstractKafkaConfig, LogConfig (4.2); removed: 3.9.

use crate::kafka::config::broker::BrokerConfig;
use crate::kafka::config::consumer::ConsumerConfig;
use crate::kafka::config::producer::ProducerConfig;
use crate::kafka::config::topic::TopicConfig;
use crate::kafka::config::{ComponentKind, describe};

/// The names that `component` has in Kafka and not here.
pub fn of(component: ComponentKind) -> impl Iterator<Item = &'static str> {
    let names = match component {
        ComponentKind::Producer => PRODUCER,
        ComponentKind::Consumer => CONSUMER,
        ComponentKind::Broker => BROKER,
        ComponentKind::Topic => TOPIC,
    };
    names.split_ascii_whitespace()
}

/// True when `component` has the config `name`, here or in Kafka.
pub fn is_known(component: ComponentKind, name: &str) -> bool {
    let modelled = match component {
        ComponentKind::Producer => describe::<ProducerConfig>(name).is_some(),
        ComponentKind::Consumer => describe::<ConsumerConfig>(name).is_some(),
        ComponentKind::Broker => describe::<BrokerConfig>(name).is_some(),
        ComponentKind::Topic => describe::<TopicConfig>(name).is_some(),
    };
    modelled || of(component).any(|known| known == name)
}

/// True for the configs of encryption and authentication.
pub fn is_security(name: &str) -> bool {
    ["ssl.", "sasl."]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// The first version without the config `name`, if an older Kafka had it.
pub fn removed_in(name: &str) -> Option<&'static str> {
    if name == "replica.lag.max.messages" {
        return Some("0.9");
    }
    let gone = name.starts_with("zookeeper.") || name.starts_with("password.encoder.");
    let gone = gone
        || REMOVED_IN_4_0
            .split_ascii_whitespace()
            .any(|old| old == name);
    gone.then_some("4.0")
}

const REMOVED_IN_4_0: &str = "
    auto.include.jmx.reporter broker.id.generation.enable control.plane.listener.name
    controlled.shutdown.max.retries controlled.shutdown.retry.backoff.ms
    delegation.token.master.key inter.broker.protocol.version
    leader.imbalance.per.broker.percentage log.message.downconversion.enable
    log.message.format.version log.message.timestamp.difference.max.ms
    message.downconversion.enable message.format.version message.timestamp.difference.max.ms
    offsets.commit.required.acks reserved.broker.max.id
";

/// ProducerConfig.
const PRODUCER: &str = "
    bootstrap.servers client.dns.lookup config.providers connections.max.idle.ms
    enable.metrics.push interceptor.classes key.serializer metadata.max.idle.ms
    metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy metric.reporters
    metrics.num.samples metrics.recording.level metrics.sample.window.ms
    receive.buffer.bytes security.protocol security.providers send.buffer.bytes
    transaction.timeout.ms transaction.two.phase.commit.enable transactional.id value.serializer
";

/// ConsumerConfig.
const CONSUMER: &str = "
    auto.commit.interval.ms bootstrap.servers client.dns.lookup
    client.rack config.providers connections.max.idle.ms default.api.timeout.ms
    enable.auto.commit enable.metrics.push exclude.internal.topics group.id group.instance.id
    group.protocol group.remote.assignor heartbeat.interval.ms interceptor.classes
    internal.throw.on.fetch.stable.offset.unsupported isolation.level key.deserializer
    max.poll.interval.ms metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy
    metric.reporters metrics.num.samples metrics.recording.level metrics.sample.window.ms
    partition.assignment.strategy receive.buffer.bytes security.protocol security.providers
    send.buffer.bytes session.timeout.ms share.acknowledgement.mode share.acquire.mode
    value.deserializer
";

/// AbstractKafkaConfig and the classes that it merges, QuotaConfig, internal ones too.
const BROKER: &str = "
    add.partitions.to.txn.retry.backoff.max.ms add.partitions.to.txn.retry.backoff.ms
    advertised.listeners alter.config.policy.class.name
    alter.log.dirs.replication.quota.window.num
    alter.log.dirs.replication.quota.window.size.seconds authorizer.class.name
    background.threads broker.id
    broker.rack client.quota.callback.class config.providers
    connection.failed.authentication.delay.ms connections.max.idle.ms connections.max.reauth.ms
    controller.listener.names controller.performance.always.log.threshold.ms
    controller.performance.sample.period.ms controller.quorum.auto.join.enable
    controller.quorum.bootstrap.servers controller.quorum.election.backoff.max.ms
    controller.quorum.election.timeout.ms controller.quorum.fetch.timeout.ms
    controller.quorum.retry.backoff.ms controller.quorum.voters controller.quota.window.num
    controller.quota.window.size.seconds controller.socket.timeout.ms
    create.topic.policy.class.name
    delegation.token.expiry.check.interval.ms delegation.token.expiry.time.ms
    delegation.token.max.lifetime.ms delegation.token.secret.key
    delete.records.purgatory.purge.interval.requests delete.topic.enable early.start.listeners
    fetch.purgatory.purge.interval.requests follower.replication.throttled.rate
    group.consumer.assignors group.consumer.heartbeat.interval.ms
    group.consumer.max.heartbeat.interval.ms group.consumer.max.session.timeout.ms
    group.consumer.max.size group.consumer.migration.policy
    group.consumer.min.heartbeat.interval.ms group.consumer.min.session.timeout.ms
    group.consumer.regex.refresh.interval.ms group.consumer.session.timeout.ms
    group.coordinator.append.linger.ms group.coordinator.rebalance.protocols
    group.coordinator.threads group.initial.rebalance.delay.ms group.max.session.timeout.ms
    group.max.size group.min.session.timeout.ms group.share.assignors
    group.share.delivery.count.limit group.share.enable group.share.heartbeat.interval.ms
    group.share.initialize.retry.interval.ms group.share.max.heartbeat.interval.ms
    group.share.max.record.lock.duration.ms group.share.max.session.timeout.ms
    group.share.max.share.sessions group.share.max.size group.share.min.heartbeat.interval.ms
    group.share.min.record.lock.duration.ms group.share.min.session.timeout.ms
    group.share.partition.max.record.locks group.share.persister.class.name
    group.share.record.lock.duration.ms group.share.session.timeout.ms
    group.streams.heartbeat.interval.ms group.streams.initial.rebalance.delay.ms
    group.streams.max.heartbeat.interval.ms group.streams.max.session.timeout.ms
    group.streams.max.size group.streams.max.standby.replicas
    group.streams.min.heartbeat.interval.ms group.streams.min.session.timeout.ms
    group.streams.num.standby.replicas group.streams.session.timeout.ms
    inter.broker.listener.name internal.metadata.delete.delay.millis
    internal.metadata.log.segment.bytes internal.metadata.max.batch.size.in.bytes
    internal.metadata.max.fetch.size.in.bytes kafka.metrics.polling.interval.secs
    kafka.metrics.reporters
    leader.replication.throttled.rate listener.security.protocol.map listeners
    log.cleaner.backoff.ms log.cleaner.dedupe.buffer.size log.cleaner.delete.retention.ms
    log.cleaner.enable log.cleaner.io.buffer.load.factor log.cleaner.io.buffer.size
    log.cleaner.io.max.bytes.per.second log.cleaner.max.compaction.lag.ms
    log.cleaner.min.cleanable.ratio log.cleaner.min.compaction.lag.ms log.cleaner.threads
    log.cleanup.policy log.dir log.dir.failure.timeout.ms log.dirs log.flush.interval.ms
    log.flush.offset.checkpoint.interval.ms log.flush.scheduler.interval.ms
    log.local.retention.bytes log.local.retention.ms log.preallocate
    max.connection.creation.rate max.connections max.connections.per.ip
    max.connections.per.ip.overrides max.incremental.fetch.session.cache.slots
    max.request.partition.size.limit metadata.log.dir
    metadata.log.max.record.bytes.between.snapshots metadata.log.max.snapshot.interval.ms
    metadata.log.segment.bytes metadata.log.segment.ms metadata.max.retention.bytes
    metadata.max.retention.ms metric.reporters metrics.num.samples metrics.recording.level
    metrics.sample.window.ms node.id
    num.recovery.threads.per.data.dir num.replica.alter.log.dirs.threads
    offset.metadata.max.bytes offsets.commit.timeout.ms offsets.load.buffer.size
    offsets.retention.check.interval.ms offsets.retention.minutes
    offsets.topic.compression.codec offsets.topic.num.partitions
    offsets.topic.replication.factor offsets.topic.segment.bytes principal.builder.class
    process.roles producer.id.expiration.check.interval.ms
    producer.purgatory.purge.interval.requests queued.max.request.bytes
    remote.fetch.max.wait.ms
    remote.list.offsets.request.timeout.ms remote.log.index.file.cache.total.size.bytes
    remote.log.manager.copier.thread.pool.size remote.log.manager.copy.max.bytes.per.second
    remote.log.manager.copy.quota.window.num remote.log.manager.copy.quota.window.size.seconds
    remote.log.manager.expiration.thread.pool.size remote.log.manager.fetch.max.bytes.per.second
    remote.log.manager.fetch.quota.window.num remote.log.manager.fetch.quota.window.size.seconds
    remote.log.manager.follower.thread.pool.size remote.log.manager.task.interval.ms
    remote.log.manager.task.retry.backoff.max.ms remote.log.manager.task.retry.backoff.ms
    remote.log.manager.task.retry.jitter remote.log.manager.thread.pool.size
    remote.log.metadata.custom.metadata.max.bytes remote.log.metadata.manager.class.name
    remote.log.metadata.manager.class.path remote.log.metadata.manager.impl.prefix
    remote.log.metadata.manager.listener.name remote.log.reader.max.pending.tasks
    remote.log.reader.threads remote.log.storage.manager.class.name
    remote.log.storage.manager.class.path remote.log.storage.manager.impl.prefix
    remote.log.storage.system.enable replica.alter.log.dirs.io.max.bytes.per.second
    replica.socket.receive.buffer.bytes
     security.inter.broker.protocol security.providers
    server.max.startup.time.ms share.coordinator.append.linger.ms
    share.coordinator.cold.partition.snapshot.interval.ms share.coordinator.load.buffer.size
    share.coordinator.snapshot.update.records.per.snapshot
    share.coordinator.state.topic.compression.codec share.coordinator.state.topic.min.isr
    share.coordinator.state.topic.num.partitions share.coordinator.state.topic.prune.interval.ms
    share.coordinator.state.topic.replication.factor share.coordinator.state.topic.segment.bytes
    share.coordinator.threads share.coordinator.write.timeout.ms
    share.fetch.purgatory.purge.interval.requests socket.connection.setup.timeout.max.ms
    socket.connection.setup.timeout.ms socket.listen.backlog.size socket.receive.buffer.bytes
    socket.request.max.bytes socket.send.buffer.bytes telemetry.max.bytes
    transaction.abort.timed.out.transaction.cleanup.interval.ms transaction.max.timeout.ms
    transaction.partition.verification.enable
    transaction.remove.expired.transaction.cleanup.interval.ms
    transaction.state.log.load.buffer.size transaction.state.log.min.isr
    transaction.state.log.num.partitions transaction.state.log.replication.factor
    transaction.state.log.segment.bytes transaction.two.phase.commit.enable
    transactional.id.expiration.ms unstable.api.versions.enable unstable.feature.versions.enable
";

/// LogConfig.
const TOPIC: &str = "
    cleanup.policy delete.retention.ms flush.ms follower.replication.throttled.replicas
    internal.segment.bytes leader.replication.throttled.replicas local.retention.bytes
    local.retention.ms max.compaction.lag.ms min.cleanable.dirty.ratio min.compaction.lag.ms
    preallocate remote.log.copy.disable remote.log.delete.on.disable remote.storage.enable
";
