//! Random faults.

use crate::fault::random::Preset;
use crate::scenario::keys::Absent::{Means, Value};
use crate::scenario::keys::{TableDoc, Takes, key};

/// `[faults]`.
pub static FAULTS: TableDoc = TableDoc {
    header: "[faults]",
    says: "Faults drawn from the seed, beside those of the timeline: `random-1`, `random-2` and so on. `hit faults` claims that one of them had something to act on.",
    keys: &[
        key(
            "like",
            Takes::Word(&Preset::NAMES),
            Value("light"),
            "like = \"heavy\"",
            "Where the other keys have their values from. `swarm` is as heavy, but each seed draws which of the kinds it uses.",
        ),
        key(
            "kinds",
            Takes::Texts,
            Means("as `like` says"),
            "kinds = [\"crash\", \"power_loss\"]",
            "What may break: crash, power_loss, lose_disk, stop, pause, isolate, cut, slow_link, corrupt, reset, slow_disk.",
        ),
        key(
            "rate",
            Takes::Rate,
            Means("as `like` says"),
            "rate = \"1/10s\"",
            "How often, on average; the gaps are exponential.",
        ),
        key(
            "for",
            Takes::Form("a duration or a range"),
            Means("as `like` says"),
            "for = \"1s..20s\"",
            "How long each lasts.",
        ),
        key(
            "at_once",
            Takes::Count { min: 1, max: 1_000 },
            Means("as `like` says"),
            "at_once = 1",
            "How many nodes may be broken at once. A broker is broken from its fault until it is unfenced and back in every ISR. A fault that finds no room does not happen.",
        ),
        key(
            "max",
            Takes::Count {
                min: 0,
                max: 10_000,
            },
            Means("as `like` says"),
            "max = 20",
            "How many faults there are at most.",
        ),
        key(
            "among",
            Takes::Targets,
            Means("as `like` says"),
            "among = \"brokers\"",
            "Whom they hit.",
        ),
    ],
};
