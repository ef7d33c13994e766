//! Brokers, topics, and the declared assumptions about hosts.

use crate::scenario::keys::Absent::{Means, Required, Value};
use crate::scenario::keys::{BANDWIDTH, TableDoc, Takes, UP_TO_A_MINUTE, key};

/// `[cluster]`.
pub static CLUSTER: TableDoc = TableDoc {
    header: "[cluster]",
    says: "Brokers b1, b2, … and KRaft controllers c1, c2, … on hosts of their own.",
    keys: &[
        key(
            "brokers",
            Takes::Count { min: 1, max: 1_000 },
            Value("3"),
            "brokers = 3",
            "How many brokers.",
        ),
        key(
            "spare_brokers",
            Takes::Count { min: 0, max: 1_000 },
            Value("0"),
            "spare_brokers = 1",
            "How many more brokers there are that have not joined: `start` lets one register.",
        ),
        key(
            "racks",
            Takes::Texts,
            Means("no racks"),
            "racks = [\"a\", \"b\", \"c\"]",
            "broker.rack of b1, b2, … in turn; replicas are spread over them.",
        ),
        key(
            "controllers",
            Takes::Count { min: 1, max: 1 },
            Value("1"),
            "controllers = 1",
            "How many controllers; a quorum of several voters is not simulated yet.",
        ),
        key(
            "security_protocol",
            Takes::Word(&["PLAINTEXT", "SSL"]),
            Value("PLAINTEXT"),
            "security_protocol = \"SSL\"",
            "security.protocol of all connections to brokers and controllers: with SSL (TLS) brokers encrypt and decrypt, and sendfile is not used; it costs what `[costs]` says.",
        ),
        key(
            "config",
            Takes::Config,
            Means("Kafka 4.2's defaults"),
            "config = { \"replica.lag.time.max.ms\" = \"10s\" }",
            "Config of all brokers and controllers.",
        ),
        key(
            "features",
            Takes::Table,
            Means("as in a cluster created with 4.2"),
            "features = { \"eligible.leader.replicas.version\" = 0 }",
            "Feature levels that the whole cluster has agreed on.",
        ),
    ],
};

/// `features` of `[cluster]`.
pub static FEATURES: TableDoc = TableDoc {
    header: "`features` of [cluster]",
    says: "Finalized feature levels, by Kafka's names.",
    keys: &[key(
        "eligible.leader.replicas.version",
        Takes::Count { min: 0, max: 1 },
        Value("1"),
        "\"eligible.leader.replicas.version\" = 0",
        "1: whoever leaves an ISR that is too small stays eligible to lead (KIP-966); 0: as before 4.1.",
    )],
};

/// `[topics.NAME]`.
pub static TOPIC: TableDoc = TableDoc {
    header: "[topics.NAME]",
    says: "A topic, there from the start; leaders are placed by the random stream `placement`.",
    keys: &[
        key(
            "auto_create",
            Takes::True,
            Means("it is there at 0 s"),
            "auto_create = true",
            "It does not exist until a client asks for it; then `num.partitions`, `default.replication.factor` and `auto.create.topics.enable` of the brokers decide. Without the other keys.",
        ),
        key(
            "partitions",
            Takes::Count {
                min: 1,
                max: 100_000,
            },
            Value("1"),
            "partitions = 6",
            "How many partitions (num.partitions is 1).",
        ),
        key(
            "replication_factor",
            Takes::Count { min: 1, max: 1_000 },
            Value("1"),
            "replication_factor = 3",
            "Replicas of each (default.replication.factor is 1); at most the number of brokers.",
        ),
        key(
            "config",
            Takes::Config,
            Means("the brokers' config"),
            "config = { \"min.insync.replicas\" = 2 }",
            "Config of the topic.",
        ),
    ],
};

/// `[network]`.
pub static NETWORK: TableDoc = TableDoc {
    header: "[network]",
    says: "Links between any two hosts: one availability zone, if nothing else is said.",
    keys: &[
        key(
            "latency",
            Takes::Form("DURATION, \"FROM..TO\" or { base = DURATION, mean = DURATION }"),
            Means("{ base = \"200us\", mean = \"50us\" }"),
            "latency = \"1ms..3ms\"",
            "One way, each at most 1m: always the same, evenly between two, or `base` and an exponentially distributed part with this mean.",
        ),
        key(
            "bandwidth",
            BANDWIDTH,
            Value("1.25GB/s"),
            "bandwidth = \"100MB/s\"",
            "Of one connection and direction.",
        ),
        key(
            "loss",
            Takes::Share,
            Value("0%"),
            "loss = \"0.1%\"",
            "Share of transmissions lost (and sent again by TCP), in millionths, below 100%.",
        ),
    ],
};

/// `latency` of the network, where it is a table.
pub static LATENCY: TableDoc = TableDoc {
    header: "`latency` of [network]",
    says: "A fixed part and an exponentially distributed one.",
    keys: &[
        key(
            "base",
            UP_TO_A_MINUTE,
            Required,
            "base = \"200us\"",
            "The fixed part.",
        ),
        key(
            "mean",
            UP_TO_A_MINUTE,
            Required,
            "mean = \"50us\"",
            "The mean of the other.",
        ),
    ],
};

/// `[disks]`.
pub static DISKS: TableDoc = TableDoc {
    header: "[disks]",
    says: "The disk of each broker and controller: NVMe, if nothing else is said.",
    keys: &[
        key(
            "flush_latency",
            UP_TO_A_MINUTE,
            Value("500us"),
            "flush_latency = \"10ms\"",
            "Time of one flush, beside its size.",
        ),
        key(
            "read_latency",
            UP_TO_A_MINUTE,
            Value("100us"),
            "read_latency = \"8ms\"",
            "Time of one read that the page cache can't answer, beside its size.",
        ),
        key(
            "bandwidth",
            BANDWIDTH,
            Value("1GB/s"),
            "bandwidth = \"200MB/s\"",
            "Bytes written or read per second.",
        ),
        key(
            "capacity",
            Takes::Size {
                min: 1_000_000,
                max: 1 << 50,
            },
            Value("1TB"),
            "capacity = \"50GB\"",
            "Bytes that fit.",
        ),
        key(
            "page_cache",
            Takes::Size {
                min: 64_000,
                max: 1 << 50,
            },
            Value("32GiB"),
            "page_cache = \"64MB\"",
            "What a host keeps in memory of its logs, half of 64 GiB if nothing is said; a reader further behind is served from the disk.",
        ),
        key(
            "log_dirs",
            Takes::Count { min: 1, max: 64 },
            Value("1"),
            "log_dirs = 2",
            "How many log directories each broker has (log.dirs), each on a disk of its own; the first is metadata.log.dir too.",
        ),
    ],
};

/// `[costs]`.
pub static COSTS: TableDoc = TableDoc {
    header: "[costs]",
    says: "How long a request holds a handler thread and a network thread of a broker or controller, and what TLS and compression take.",
    keys: &[
        key(
            "produce",
            UP_TO_A_MINUTE,
            Value("20us"),
            "produce = \"50us\"",
            "A produce request.",
        ),
        key(
            "fetch",
            UP_TO_A_MINUTE,
            Value("20us"),
            "fetch = \"50us\"",
            "A fetch request.",
        ),
        key(
            "other",
            UP_TO_A_MINUTE,
            Value("10us"),
            "other = \"10us\"",
            "Any other request.",
        ),
        key(
            "per_kib",
            UP_TO_A_MINUTE,
            Value("100ns"),
            "per_kib = \"1us\"",
            "Any request, for each KiB of it.",
        ),
        key(
            "network",
            UP_TO_A_MINUTE,
            Value("0s"),
            "network = \"5us\"",
            "A network thread, for each request that it reads and each answer that it writes; by default the requests' own costs cover it.",
        ),
        key(
            "network_per_kib",
            UP_TO_A_MINUTE,
            Value("0s"),
            "network_per_kib = \"200ns\"",
            "A network thread, for each KiB of them.",
        ),
        key(
            "sendfile_per_kib",
            UP_TO_A_MINUTE,
            Value("0s"),
            "sendfile_per_kib = \"10ns\"",
            "A network thread, for each KiB of an answer to a fetch in plain text: the kernel sends the file.",
        ),
        key(
            "copy_per_kib",
            UP_TO_A_MINUTE,
            Value("100ns"),
            "copy_per_kib = \"100ns\"",
            "The same over TLS, which needs the bytes in the process: 10 GB/s.",
        ),
        key(
            "tls_per_kib",
            UP_TO_A_MINUTE,
            Value("700ns"),
            "tls_per_kib = \"1us\"",
            "A network thread, to encrypt or decrypt a KiB with `security_protocol = \"SSL\"`: AES-GCM at 1.5 GB/s.",
        ),
        key(
            "compress",
            Takes::Table,
            Means("its defaults"),
            "compress = { lz4 = \"2us\" }",
            "What it takes to compress a KiB of records, of the producer's thread or the broker.",
        ),
        key(
            "decompress",
            Takes::Table,
            Means("its defaults"),
            "decompress = { lz4 = \"500ns\" }",
            "What it takes to get a KiB of records back, of the broker or the consumer's thread.",
        ),
    ],
};

/// `compress` of `[costs]`.
pub static COMPRESS: TableDoc = TableDoc {
    header: "`compress` of [costs]",
    says: "CPU time to compress a KiB of records.",
    keys: &[
        key(
            "gzip",
            UP_TO_A_MINUTE,
            Value("25us"),
            "gzip = \"25us\"",
            "With gzip.",
        ),
        key(
            "snappy",
            UP_TO_A_MINUTE,
            Value("2us"),
            "snappy = \"2us\"",
            "With snappy.",
        ),
        key(
            "lz4",
            UP_TO_A_MINUTE,
            Value("1500ns"),
            "lz4 = \"1500ns\"",
            "With lz4.",
        ),
        key(
            "zstd",
            UP_TO_A_MINUTE,
            Value("3us"),
            "zstd = \"3us\"",
            "With zstd.",
        ),
    ],
};

/// `decompress` of `[costs]`.
pub static DECOMPRESS: TableDoc = TableDoc {
    header: "`decompress` of [costs]",
    says: "CPU time to get a KiB of records back.",
    keys: &[
        key(
            "gzip",
            UP_TO_A_MINUTE,
            Value("3us"),
            "gzip = \"3us\"",
            "With gzip.",
        ),
        key(
            "snappy",
            UP_TO_A_MINUTE,
            Value("700ns"),
            "snappy = \"700ns\"",
            "With snappy.",
        ),
        key(
            "lz4",
            UP_TO_A_MINUTE,
            Value("400ns"),
            "lz4 = \"400ns\"",
            "With lz4.",
        ),
        key(
            "zstd",
            UP_TO_A_MINUTE,
            Value("1us"),
            "zstd = \"1us\"",
            "With zstd.",
        ),
    ],
};
