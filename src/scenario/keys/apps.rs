//! Producer applications and groups of readers.

use crate::scenario::keys::Absent::{Means, Required, Value};
use crate::scenario::keys::{
    MAX_MEMBERS, MAX_RECORDS, TableDoc, Takes, UP_TO_A_DAY, UP_TO_A_YEAR, key,
};

/// `[producers.NAME]`.
pub static PRODUCER: TableDoc = TableDoc {
    header: "[producers.NAME]",
    says: "An application with one producer, on the host NAME. All producers' records are numbered \
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
