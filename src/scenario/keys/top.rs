//! The top of the file, and what it teaches.

use crate::scenario::keys::Absent::{Means, Required, Value};
use crate::scenario::keys::{LONGEST, TableDoc, Takes, UP_TO_A_YEAR, key};
use crate::sim::time::SimDuration;

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
            "faults",
            Takes::Table,
            Means("none at random"),
            "[faults]",
            "Faults drawn from the seed.",
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
            "quotas",
            Takes::Table,
            Means("nobody is limited"),
            "[quotas.p1]",
            "One table per client.id: what it may take of each broker.",
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
