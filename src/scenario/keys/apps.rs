//! Producer applications and groups of readers.

use crate::scenario::keys::Absent::{Means, Required, Value};
use crate::scenario::keys::{
    MAX_MEMBERS, MAX_RECORDS, TableDoc, Takes, UP_TO_A_DAY, UP_TO_A_YEAR, key,
};

/// `[producers.NAME]`.
pub static PRODUCER: TableDoc = TableDoc {
    header: "[producers.NAME]",
    says: "An application that sends, on the host NAME. All producers' records are numbered \
           on, in the order of the file.",
    keys: &[
        key(
            "topic",
            Takes::Text,
            Required,
            "topic = \"orders\"",
            "Where it sends.",
        ),
        key(
            "rate",
            Takes::Rate,
            Required,
            "rate = \"80/s\"",
            "How often it calls send: \"80/s\", \"1.5k/s\", \"10/m\", \"1/1500ms\", or \"flood\": as fast as buffer.memory lets.",
        ),
        key(
            "arrivals",
            Takes::Word(&["even", "poisson"]),
            Value("even"),
            "arrivals = \"poisson\"",
            "Evenly, or at random with the rate as its mean.",
        ),
        key(
            "count",
            Takes::Count {
                min: 1,
                max: MAX_RECORDS,
            },
            Means("as many as the rate gives from `start` to `run_for`; needed with \"flood\""),
            "count = 1000",
            "How many records it sends.",
        ),
        key(
            "start",
            UP_TO_A_YEAR,
            Value("0s"),
            "start = \"5s\"",
            "When it starts, before `run_for`.",
        ),
        key(
            "keys",
            Takes::Form("\"none\", { uniform = N } or { cycle = N }"),
            Value("none"),
            "keys = { uniform = 10000 }",
            "No keys, N keys at random, or N keys in turn; N is 1 to 4294967295.",
        ),
        key(
            "partition",
            Takes::Form("\"partitioner\", \"key_modulo\", a number or an array of numbers"),
            Value("partitioner"),
            "partition = [0, 0, 1]",
            "Who chooses partitions: the producer's partitioner; or the application: the key's number modulo the partitions, always the same one, or these in turn.",
        ),
        key(
            "threads",
            Takes::Count { min: 1, max: 64 },
            Value("1"),
            "threads = 4",
            "Threads that take the next record in turn; the order of records is that of their calls of send().",
        ),
        key(
            "producers",
            Takes::Count { min: 1, max: 64 },
            Value("1"),
            "producers = 4",
            "How many KafkaProducer objects the application makes, at most one a thread; its threads use them in turn. Each has its own buffer.memory, connections, metadata and producer id.",
        ),
        key(
            "send",
            Takes::Word(&["async", "sync"]),
            Value("async"),
            "send = \"sync\"",
            "\"async\": a thread sends the next record at once; \"sync\": when the future of its last one is done.",
        ),
        key(
            "flush_every",
            Takes::Count {
                min: 1,
                max: MAX_RECORDS,
            },
            Means("never"),
            "flush_every = 100",
            "After how many records a thread calls flush() and waits for it.",
        ),
        key(
            "on_error",
            Takes::Table,
            Means("nothing: the record is given up"),
            "on_error = { resend = 3, wait = \"1s\" }",
            "What the application does when a record fails.",
        ),
        key(
            "on_restart",
            Takes::Word(&["next", "resend"]),
            Value("next"),
            "on_restart = \"resend\"",
            "What a restarted application begins with: the next record that was not sent yet, or all that it had not seen confirmed, as from an outbox.",
        ),
        key(
            "value_size",
            Takes::Size {
                min: 0,
                max: 64 << 20,
            },
            Value("100B"),
            "value_size = \"1KiB\"",
            "Bytes of each value.",
        ),
        key(
            "compression_ratio",
            Takes::Form("a share, 1% to 200%"),
            Value("100%"),
            "compression_ratio = \"35%\"",
            "What compression leaves of the records' bytes, where somebody compresses them.",
        ),
        key(
            "payload",
            Takes::Word(&["descriptor", "bytes"]),
            Value("descriptor"),
            "payload = \"bytes\"",
            "\"descriptor\" keeps who a record is and how large; \"bytes\" makes, keeps and checks its bytes too.",
        ),
        key(
            "config",
            Takes::Config,
            Means("Kafka 4.2's defaults"),
            "config = { acks = \"all\" }",
            "Config of the producer.",
        ),
    ],
};

/// `keys` of a producer, where it is a table.
pub static KEYS: TableDoc = TableDoc {
    header: "`keys` of [producers.NAME]",
    says: "One of the two, or \"none\" instead of a table.",
    keys: &[
        key(
            "uniform",
            Takes::Count {
                min: 1,
                max: u32::MAX as u64,
            },
            Means("-"),
            "uniform = 10000",
            "So many keys, one drawn at random for each record.",
        ),
        key(
            "cycle",
            Takes::Count {
                min: 1,
                max: u32::MAX as u64,
            },
            Means("-"),
            "cycle = 100",
            "So many keys, in turn.",
        ),
    ],
};

/// `on_error` of a producer.
pub static ON_ERROR: TableDoc = TableDoc {
    header: "`on_error` of [producers.NAME]",
    says: "The application sends a record that failed again: the same record to the audit, a new one to the producer.",
    keys: &[
        key(
            "resend",
            Takes::Count { min: 0, max: 1_000 },
            Value("0"),
            "resend = 3",
            "How often at most.",
        ),
        key(
            "wait",
            UP_TO_A_DAY,
            Value("0s"),
            "wait = \"1s\"",
            "How long it waits before.",
        ),
    ],
};

/// `[groups.NAME]`.
pub static GROUP: TableDoc = TableDoc {
    header: "[groups.NAME]",
    says: "A group of readers; each member is a host: NAME-1, NAME-2, …",
    keys: &[
        key(
            "topics",
            Takes::Texts,
            Required,
            "topics = [\"orders\"]",
            "What it reads.",
        ),
        key(
            "members",
            Takes::Count {
                min: 1,
                max: MAX_MEMBERS,
            },
            Value("1"),
            "members = 3",
            "How many members.",
        ),
        key(
            "protocol",
            Takes::Word(&["assign"]),
            Required,
            "protocol = \"assign\"",
            "\"assign\": each member has its partitions from the start, and nobody coordinates. All partitions, by topic and number, go round the members: the ith to member i modulo `members`. Positions are not committed; without one, a member starts at auto.offset.reset, which is `earliest` here unless it is set.",
        ),
        key(
            "start",
            UP_TO_A_YEAR,
            Value("0s"),
            "start = \"10s\"",
            "When its members start, before `run_for`.",
        ),
        key(
            "start_at",
            Takes::Form("\"-DURATION\" or \"DURATION\""),
            Means("auto.offset.reset says where"),
            "start_at = \"-1h\"",
            "From which time on they read, looked up whenever a member starts (offsetsForTimes, then seek): so long ago by its own clock, or since a moment of the run. Timestamps of records count, not when they came; where none is as late, it reads from the end.",
        ),
        key(
            "handler",
            Takes::Table,
            Means("takes no time"),
            "handler = { takes = \"2ms\" }",
            "What is done with each record.",
        ),
        key(
            "racks",
            Takes::Texts,
            Means("none"),
            "racks = [\"a\", \"b\"]",
            "client.rack of its members, in turn.",
        ),
        key(
            "pauses",
            Takes::Form("an array of \"FROM..TO\""),
            Means("none"),
            "pauses = [\"10s..20s\"]",
            "When every member pauses and resumes its partitions, in order of time.",
        ),
        key(
            "config",
            Takes::Config,
            Means("Kafka 4.2's defaults, but auto.offset.reset"),
            "config = { \"max.poll.records\" = 50 }",
            "Config of the consumers.",
        ),
    ],
};

/// `handler` of a group.
pub static HANDLER: TableDoc = TableDoc {
    header: "`handler` of [groups.NAME]",
    says: "What is done with each record.",
    keys: &[key(
        "takes",
        UP_TO_A_DAY,
        Value("0s"),
        "takes = \"2ms\"",
        "How long, for one record.",
    )],
};
