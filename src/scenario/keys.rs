//! Every key of a scenario file: what it takes, its range, its default and what it says.
//!
//! The reader checks by these tables, and the scenario reference of the book is printed from them.

use crate::sim::time::SimDuration;

/// One kind of table of the file.
#[derive(Debug)]
pub struct TableDoc {
    /// Its header: `[topics.NAME]`.
    pub header: &'static str,
    /// What it is.
    pub says: &'static str,
    /// Its keys, in canonical order.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What holds where it is not given.
    pub absent: Absent,
    /// What it says.
    pub says: &'static str,
    /// An example, as in a file.
    pub example: &'static str,
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A string.
    Text,
    /// An array of strings.
    Texts,
    /// A whole number.
    Count {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A duration with a unit.
    Duration {
        /// The shortest.
        min: SimDuration,
        /// The longest.
        max: SimDuration,
    },
    /// A duration with a unit and perhaps a sign.
    SignedDuration,
    /// An instant since the start, or a range of them.
    Instant,
    /// A size with a unit.
    Size {
        /// The least, in bytes.
        min: u64,
        /// The most, in bytes.
        max: u64,
    },
    /// A size per second.
    Bandwidth {
        /// The least, in bytes per second.
        min: u64,
        /// The most, in bytes per second.
        max: u64,
    },
    /// A share: `"1%"`, `"0.01"`, `"1/100"`.
    Share,
    /// Records per time.
    Rate,
    /// One of some words.
    Word(&'static [&'static str]),
    /// `true`.
    True,
    /// A node or a selector.
    Node,
    /// Two nodes or selectors.
    Nodes,
    /// A table of Kafka's configs.
    Config,
    /// Something with a form of its own.
    Form(&'static str),
    /// A table, described by itself.
    Table,
}

/// What holds where a key is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It must be given.
    Required,
    /// This value, read as if it stood in the file.
    Value(&'static str),
    /// What these words say.
    Means(&'static str),
}

/// No run, fault or wait is longer.
pub const LONGEST: SimDuration = SimDuration::from_secs(365 * 86_400);
/// No handler, start or extra delay is longer.
const ONE_DAY: SimDuration = SimDuration::from_secs(86_400);
const ONE_MINUTE: SimDuration = SimDuration::from_secs(60);

const UP_TO_A_YEAR: Takes = Takes::Duration {
    min: SimDuration::ZERO,
    max: LONGEST,
};
const UP_TO_A_DAY: Takes = Takes::Duration {
    min: SimDuration::ZERO,
    max: ONE_DAY,
};
const UP_TO_A_MINUTE: Takes = Takes::Duration {
    min: SimDuration::ZERO,
    max: ONE_MINUTE,
};
const BANDWIDTH: Takes = Takes::Bandwidth {
    min: 1_000,
    max: 1_000_000_000_000,
};

/// All records of all producers of a variant.
pub const MAX_RECORDS: u64 = 100_000_000;
/// All partitions of all topics of a variant, replicas counted.
pub const MAX_REPLICAS: u64 = 1_000_000;
/// All members of all groups of a variant.
pub const MAX_MEMBERS: u64 = 10_000;
/// All producers of a variant.
pub const MAX_PRODUCERS: u64 = 10_000;
/// The longest file, in bytes.
pub const MAX_FILE: usize = 1 << 20;

const fn key(
    name: &'static str,
    takes: Takes,
    absent: Absent,
    example: &'static str,
    says: &'static str,
) -> Key {
    Key {
        name,
        takes,
        absent,
        says,
        example,
    }
}

use Absent::{Means, Required, Value};

/// The keys above the first header, and the tables.
pub static TOP: TableDoc = TableDoc {
    header: "top of the file",
    says: "What is asked, for how long it runs, what breaks.",
    keys: &[
        key(
            "question",
            Takes::Text,
            Required,
            "question = \"Can an acknowledged order vanish?\"",
            "The question that the runs answer.",
        ),
        key(
            "answers",
            Takes::Texts,
            Means("none"),
            "answers = [\"A5\", \"B10\"]",
            "The interview questions that it answers: A1 to A14, B1 to B50.",
        ),
        key(
            "catalogue",
            Takes::Text,
            Means("none"),
            "catalogue = \"S01\"",
            "Its number in the catalogue.",
        ),
        key(
            "seed",
            Takes::Count {
                min: 0,
                max: i64::MAX as u64,
            },
            Value("0"),
            "seed = 7",
            "The seed of a run for which none is given.",
        ),
        key(
            "run_for",
            Takes::Duration {
                min: SimDuration::from_millis(1),
                max: LONGEST,
            },
            Value("30s"),
            "run_for = \"40s\"",
            "When all faults heal. Then the run drains.",
        ),
        key(
            "drain_for",
            UP_TO_A_YEAR,
            Value("5m"),
            "drain_for = \"5m\"",
            "How long the drain may take at most, in virtual time.",
        ),
        key(
            "base_label",
            Takes::Text,
            Value("base"),
            "base_label = \"acks=1\"",
            "What the set-up without any variant is called.",
        ),
        key(
            "timeline",
            Takes::Form("an array of events"),
            Means("nothing breaks"),
            "timeline = [{ id = \"crash\", at = \"3s\", crash = \"b1\" }]",
            "What breaks, and when: one table per event.",
        ),
        key(
            "cluster",
            Takes::Table,
            Means("its defaults"),
            "[cluster]",
            "Brokers and controllers.",
        ),
        key(
            "topics",
            Takes::Table,
            Means("no topics"),
            "[topics.orders]",
            "One table per topic.",
        ),
        key(
            "producers",
            Takes::Table,
            Means("nobody sends"),
            "[producers.p1]",
            "One table per producer application, each on a host of its own.",
        ),
        key(
            "groups",
            Takes::Table,
            Means("nobody reads"),
            "[groups.billing]",
            "One table per group of readers.",
        ),
        key(
            "network",
            Takes::Table,
            Means("its defaults"),
            "[network]",
            "Latency, bandwidth and loss between any two hosts: a declared assumption.",
        ),
        key(
            "disks",
            Takes::Table,
            Means("its defaults"),
            "[disks]",
            "Disks of brokers and controllers: a declared assumption.",
        ),
        key(
            "costs",
            Takes::Table,
            Means("its defaults"),
            "[costs]",
            "CPU time of brokers and controllers: a declared assumption.",
        ),
        key(
            "variants",
            Takes::Table,
            Means("the base alone"),
            "[variants.\"acks=all\"]",
            "The base with a few keys changed: one table per variant.",
        ),
        key(
            "claims",
            Takes::Table,
            Means("nothing is claimed"),
            "[claims]",
            "What must hold: an array of claims per variant.",
        ),
        key(
            "teach",
            Takes::Table,
            Means("nothing"),
            "[teach]",
            "What to say and what to mind.",
        ),
    ],
};

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
            "controllers",
            Takes::Count { min: 1, max: 9 },
            Value("1"),
            "controllers = 1",
            "How many controllers.",
        ),
        key(
            "config",
            Takes::Config,
            Means("Kafka 4.2's defaults"),
            "config = { \"replica.lag.time.max.ms\" = \"10s\" }",
            "Config of all brokers and controllers.",
        ),
    ],
};

/// `[topics.NAME]`.
pub static TOPIC: TableDoc = TableDoc {
    header: "[topics.NAME]",
    says: "A topic, there from the start; leaders are placed by the random stream `placement`.",
    keys: &[
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
            "bandwidth",
            BANDWIDTH,
            Value("1GB/s"),
            "bandwidth = \"200MB/s\"",
            "Bytes written per second.",
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
    ],
};

/// `[costs]`.
pub static COSTS: TableDoc = TableDoc {
    header: "[costs]",
    says: "How long a request holds a handler thread of a broker or controller.",
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
    ],
};

/// `{ … }` in `timeline`.
pub static EVENT: TableDoc = TableDoc {
    header: "an event of `timeline`",
    says: "A time or a moment, and one action. At `run_for` everything heals.",
    keys: &[
        key(
            "id",
            Takes::Text,
            Means("its action's name"),
            "id = \"crash\"",
            "What variants, claims, --set and the random stream `timeline/ID` call it.",
        ),
        key(
            "at",
            Takes::Instant,
            Means("`on` says when"),
            "at = \"10s..20s\"",
            "When, before `run_for`: an instant, or a range from which each seed draws one.",
        ),
        key(
            "on",
            Takes::Form("a moment"),
            Means("`at` says when"),
            "on = \"leader appended orders-0\"",
            "The moment of the protocol that it waits for; the rest of that step never happens.",
        ),
        key(
            "nth",
            Takes::Count {
                min: 1,
                max: 1_000_000_000,
            },
            Value("1"),
            "nth = 3",
            "With `on`: which time.",
        ),
        key(
            "every",
            Takes::True,
            Means("once"),
            "every = true",
            "With `on`: each time, not once.",
        ),
        key(
            "after",
            UP_TO_A_YEAR,
            Value("0s"),
            "after = \"5s\"",
            "With `on`: not before this.",
        ),
        key(
            "crash",
            Takes::Node,
            Means("-"),
            "crash = \"leader(orders-0)\"",
            "kill -9: memory is lost, the page cache and the disk stay.",
        ),
        key(
            "power_loss",
            Takes::Node,
            Means("-"),
            "power_loss = \"b1\"",
            "Power loss: what was not flushed is lost too.",
        ),
        key(
            "lose_disk",
            Takes::Node,
            Means("-"),
            "lose_disk = \"b1\"",
            "The disk's content is lost, and with it the process.",
        ),
        key(
            "stop",
            Takes::Node,
            Means("-"),
            "stop = \"b3\"",
            "A stop in good order (SIGTERM): controlled shutdown.",
        ),
        key(
            "start",
            Takes::Node,
            Means("-"),
            "start = \"b3\"",
            "A start after a crash or a stop.",
        ),
        key(
            "pause",
            Takes::Node,
            Means("-"),
            "pause = \"billing-1\"",
            "The process stands still (SIGSTOP, a long GC pause).",
        ),
        key(
            "cut",
            Takes::Nodes,
            Means("-"),
            "cut = [\"b1\", \"c1\"]",
            "Nothing arrives between the two.",
        ),
        key(
            "cut_one_way",
            Takes::Nodes,
            Means("-"),
            "cut_one_way = [\"b1\", \"b2\"]",
            "Nothing arrives from the first at the second.",
        ),
        key(
            "isolate",
            Takes::Node,
            Means("-"),
            "isolate = \"b1\"",
            "Nothing arrives between the node and any other host.",
        ),
        key(
            "slow_link",
            Takes::Nodes,
            Means("-"),
            "slow_link = [\"b1\", \"b2\"]",
            "Messages from the first to the second take `delay` longer.",
        ),
        key(
            "reset",
            Takes::Nodes,
            Means("-"),
            "reset = [\"p1\", \"leader(orders-0)\"]",
            "All connections between the two are reset; what is on its way is lost.",
        ),
        key(
            "slow_disk",
            Takes::Node,
            Means("-"),
            "slow_disk = \"b1\"",
            "Flushes take `delay` longer.",
        ),
        key(
            "fill_disk",
            Takes::Node,
            Means("-"),
            "fill_disk = \"b1\"",
            "The disk is full.",
        ),
        key(
            "fail_disk",
            Takes::Node,
            Means("-"),
            "fail_disk = \"b1\"",
            "Every call of the disk fails.",
        ),
        key(
            "skew_clock",
            Takes::Node,
            Means("-"),
            "skew_clock = \"p1\"",
            "The wall clock jumps by `by`.",
        ),
        key(
            "then",
            Takes::Form("the name of an action on one node"),
            Means("an action of its own"),
            "then = \"crash\"",
            "With `on`: this action, on the host where the moment happened; the same as crash = \"here\".",
        ),
        key(
            "delay",
            Takes::Duration {
                min: SimDuration::from_nanos(1),
                max: ONE_DAY,
            },
            Means("needed by slow_link and slow_disk"),
            "delay = \"40ms\"",
            "How much longer.",
        ),
        key(
            "by",
            Takes::SignedDuration,
            Means("needed by skew_clock"),
            "by = \"-8d\"",
            "How far the clock jumps, within 10 years, not 0.",
        ),
        key(
            "for",
            Takes::Duration {
                min: SimDuration::from_nanos(1),
                max: LONGEST,
            },
            Means("until `run_for`"),
            "for = \"20s\"",
            "How long it lasts; then it is undone: a start after a crash, a heal after a cut. Not with start and reset.",
        ),
    ],
};

/// `[teach]`.
pub static TEACH: TableDoc = TableDoc {
    header: "[teach]",
    says: "What a learner takes away.",
    keys: &[
        key(
            "say",
            Takes::Text,
            Means("nothing"),
            "say = \"acks=1 confirms the leader's append, not replication.\"",
            "The answer to say aloud, in at most 30 seconds.",
        ),
        key(
            "model",
            Takes::Text,
            Means("nothing"),
            "model = \"a crash here is kill -9\"",
            "The one caveat of the model that matters here.",
        ),
    ],
};

/// All tables, in canonical order.
pub static ALL: [&TableDoc; 13] = [
    &TOP, &EVENT, &CLUSTER, &TOPIC, &PRODUCER, &KEYS, &GROUP, &HANDLER, &NETWORK, &LATENCY, &DISKS,
    &COSTS, &TEACH,
];

/// What a variant or a `--set` may change.
pub const SET_UP: [&str; 10] = [
    "run_for",
    "drain_for",
    "timeline",
    "cluster",
    "topics",
    "producers",
    "groups",
    "network",
    "disks",
    "costs",
];

/// Which parts an action has, beside its node or nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionDoc {
    /// Its key.
    pub name: &'static str,
    /// It names two nodes.
    pub two_nodes: bool,
    /// What it needs beside: `delay`, `by` or nothing.
    pub needs: Option<&'static str>,
    /// It can be undone, so it may have `for`.
    pub lasts: bool,
    /// It acts on a disk: brokers and controllers only.
    pub on_disk: bool,
}

const fn action(
    name: &'static str,
    two_nodes: bool,
    needs: Option<&'static str>,
    lasts: bool,
    on_disk: bool,
) -> ActionDoc {
    ActionDoc {
        name,
        two_nodes,
        needs,
        lasts,
        on_disk,
    }
}

/// All actions.
pub const ACTIONS: [ActionDoc; 15] = [
    action("crash", false, None, true, false),
    action("power_loss", false, None, true, false),
    action("lose_disk", false, None, true, true),
    action("stop", false, None, true, false),
    action("start", false, None, false, false),
    action("pause", false, None, true, false),
    action("cut", true, None, true, false),
    action("cut_one_way", true, None, true, false),
    action("isolate", false, None, true, false),
    action("slow_link", true, Some("delay"), true, false),
    action("reset", true, None, false, false),
    action("slow_disk", false, Some("delay"), true, true),
    action("fill_disk", false, None, true, true),
    action("fail_disk", false, None, true, true),
    action("skew_clock", false, Some("by"), true, false),
];

impl TableDoc {
    /// The key of a name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}
