//! Client quotas.

use crate::scenario::keys::Absent::{Means, Required};
use crate::scenario::keys::{Key, TableDoc, Takes, key};

const BYTE_RATE: Takes = Takes::Bandwidth {
    min: 1,
    max: 1_000_000_000_000,
};

const PRODUCER: Key = key(
    "producer_byte_rate",
    BYTE_RATE,
    Means("that of [quotas.default], else no limit"),
    "producer_byte_rate = \"1MB/s\"",
    "Bytes of produce requests per second.",
);

const CONSUMER: Key = key(
    "consumer_byte_rate",
    BYTE_RATE,
    Means("that of [quotas.default], else no limit"),
    "consumer_byte_rate = \"2MB/s\"",
    "Bytes of answers to its fetches per second.",
);

const REQUEST: Key = key(
    "request_percentage",
    Takes::Form("a share of one thread, 1% to 100000%"),
    Means("that of [quotas.default], else no limit"),
    "request_percentage = \"50%\"",
    "Time of the broker's handler and network threads that its requests take; \"200%\" is two threads.",
);

/// `[quotas.NAME]`.
pub static QUOTA: TableDoc = TableDoc {
    header: "[quotas.NAME]",
    says: "What a client.id may take of each broker, over `quota.window.num` windows of \
           `quota.window.size.seconds`. A producer's client.id is its name, a consumer's that of \
           its group, whose members share it, unless `client.id` in its `config` says otherwise; \
           command-line tools are `adminclient-1`; `default` \
           holds for every client.id for what its own table does not say.",
    keys: &[PRODUCER, CONSUMER, REQUEST],
};

/// What `alter_quotas` of an event takes.
pub static ALTERED: TableDoc = TableDoc {
    header: "alter_quotas",
    says: "Changes of a client.id's quotas while the cluster runs; `\"off\"` takes one back.",
    keys: &[
        key(
            "client",
            Takes::Form("a client.id, or `default`"),
            Required,
            "client = \"p1\"",
            "Whose quotas.",
        ),
        PRODUCER,
        CONSUMER,
        REQUEST,
    ],
};
