//! Client quotas.

use crate::scenario::keys::Absent::Means;
use crate::scenario::keys::{TableDoc, Takes, key};

const BYTE_RATE: Takes = Takes::Bandwidth {
    min: 1,
    max: 1_000_000_000_000,
};

/// `[quotas.NAME]`.
pub static QUOTA: TableDoc = TableDoc {
    header: "[quotas.NAME]",
    says: "What a client.id may take of each broker, over `quota.window.num` windows of \
           `quota.window.size.seconds`. A producer's client.id is its name, a consumer's that of \
           its group, whose members share it; command-line tools are `adminclient-1`; `default` \
           holds for every client.id for what its own table does not say.",
    keys: &[
        key(
            "producer_byte_rate",
            BYTE_RATE,
            Means("that of [quotas.default], else no limit"),
            "producer_byte_rate = \"1MB/s\"",
            "Bytes of produce requests per second.",
        ),
        key(
            "consumer_byte_rate",
            BYTE_RATE,
            Means("that of [quotas.default], else no limit"),
            "consumer_byte_rate = \"2MB/s\"",
            "Bytes of answers to its fetches per second.",
        ),
        key(
            "request_percentage",
            Takes::Form("a share of one thread, 1% to 100000%"),
            Means("that of [quotas.default], else no limit"),
            "request_percentage = \"50%\"",
            "Time of the broker's handler and network threads that its requests take; \"200%\" is two threads.",
        ),
    ],
};
