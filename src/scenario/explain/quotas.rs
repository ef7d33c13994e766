//! Client quotas in English.

use crate::cluster::spec::QuotaSpec;
use crate::kafka::quota::{Limits, QuotaType};
use crate::scenario::explain::{Fact, Facts};
use crate::scenario::value::print_bandwidth;

/// What each client.id may take.
pub(super) fn quotas(all: &mut Vec<Fact>, spec: &QuotaSpec) {
    let default = ("any other client.id".to_owned(), &spec.default);
    let own = (spec.clients.iter()).map(|(client, limits)| (format!("client.id {client}"), limits));
    let default = if spec.clients.is_empty() {
        ("every client.id".to_owned(), default.1)
    } else {
        default
    };
    for (client, limits) in own.chain([default]) {
        let mut facts = Facts {
            all: &mut *all,
            subject: format!("Quota of {client}"),
        };
        limit(&mut facts, limits);
    }
}

fn limit(facts: &mut Facts<'_>, limits: &Limits) {
    let rates = [
        (
            QuotaType::Produce,
            limits.producer_byte_rate,
            "sends at most",
        ),
        (QuotaType::Fetch, limits.consumer_byte_rate, "reads at most"),
    ];
    for (quota, bytes, verb) in rates {
        if let Some(bytes) = bytes {
            let text = format!("{verb} {} per broker", print_bandwidth(bytes));
            facts.say(quota.name(), text);
        }
    }
    if let Some(share) = limits.request_percentage {
        let text = format!("takes at most {share} of one thread's time per broker");
        facts.say(QuotaType::Request.name(), text);
    }
}
