//! Client quotas: what a client.id may take of each broker.
//!
//! Modelled: `producer_byte_rate`, `consumer_byte_rate` and `request_percentage` for a client.id and
//! for all that have none of their own (the default client.id), each looked up alone.
//! Left out: users, and users with a client.id; controller_mutation_rate; connection_creation_rate.
//! Source: QuotaConfig, QuotaType, ClientQuotaManager.DefaultQuotaCallback (4.2); KIP-13, KIP-124,
//! KIP-546.

// Deviation: the requests of brokers to one another are free of client quotas; in Kafka the default
// client.id holds for those among them that are no fetches.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sim::process::HostId;
use crate::sim::ratio::Ratio;
use crate::sim::time::SimDuration;

/// A client.id, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u32);

/// What a quota limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum QuotaType {
    /// Bytes of produce requests.
    Produce,
    /// Bytes of answers to consumers' fetches.
    Fetch,
    /// Time of handler and network threads.
    Request,
}

impl QuotaType {
    /// All that a client.id can have.
    pub const ALL: [Self; 3] = [Self::Produce, Self::Fetch, Self::Request];

    /// How Kafka calls its quota.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "producer_byte_rate",
            Self::Fetch => "consumer_byte_rate",
            Self::Request => "request_percentage",
        }
    }
}

/// Whose quota it is: a client.id's, or, without one, that of all that have none of their own.
pub type Entity = Option<Arc<str>>;

/// A change of one quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaChange {
    /// Which.
    pub quota: QuotaType,
    /// Bytes per second, or a share of one thread; none takes it back.
    pub value: Option<Ratio>,
}

/// The quotas of a client.id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of produce requests per second.
    pub producer_byte_rate: Option<u64>,
    /// Bytes of answers to fetches per second.
    pub consumer_byte_rate: Option<u64>,
    /// Time of handler and network threads, as a share of one thread.
    pub request_percentage: Option<Ratio>,
}

impl Limits {
    /// Bytes, or nanoseconds of threads, per second; none without a limit.
    pub fn per_second(&self, quota: QuotaType) -> Option<u64> {
        match quota {
            QuotaType::Produce => self.producer_byte_rate,
            QuotaType::Fetch => self.consumer_byte_rate,
            QuotaType::Request => self.request_percentage.map(|share| share.of(1_000_000_000)),
        }
    }

    /// A limit as Kafka writes it: bytes per second, or a share of one thread.
    pub fn value(&self, quota: QuotaType) -> Option<Ratio> {
        let bytes = |rate: u64| Ratio::new(rate, 1).expect("one is not zero");
        match quota {
            QuotaType::Produce => self.producer_byte_rate.map(bytes),
            QuotaType::Fetch => self.consumer_byte_rate.map(bytes),
            QuotaType::Request => self.request_percentage,
        }
    }

    /// Sets a limit, or takes it back.
    pub fn change(&mut self, change: QuotaChange) {
        let bytes = change.value.map(|value| value.of(1));
        match change.quota {
            QuotaType::Produce => self.producer_byte_rate = bytes,
            QuotaType::Fetch => self.consumer_byte_rate = bytes,
            QuotaType::Request => self.request_percentage = change.value,
        }
    }

    /// These, and `others` for what they leave open.
    pub fn or(self, others: Self) -> Self {
        Self {
            producer_byte_rate: self.producer_byte_rate.or(others.producer_byte_rate),
            consumer_byte_rate: self.consumer_byte_rate.or(others.consumer_byte_rate),
            request_percentage: self.request_percentage.or(others.request_percentage),
        }
    }

    /// True without any limit.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a client is throttled, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The quota that it is over.
    pub quota: QuotaType,
    /// For how long its connection is muted.
    pub time: SimDuration,
    /// What it takes: bytes, or nanoseconds of threads, per second.
    pub rate: u64,
    /// What it may take.
    pub limit: u64,
}

/// The client.ids that brokers meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIds {
    /// By number.
    pub names: Arc<[Arc<str>]>,
    /// What requests from a host carry; none for brokers and controllers.
    pub of_hosts: Arc<[Option<ClientId>]>,
}

impl ClientIds {
    /// The client.id of the requests that come from a host.
    pub fn of(&self, host: HostId) -> Option<ClientId> {
        self.of_hosts.get(host.0 as usize).copied().flatten()
    }

    /// What each of them may take, by number.
    pub fn limits(&self, quotas: &BTreeMap<Entity, Limits>) -> Vec<Limits> {
        let of = |entity: &Entity| quotas.get(entity).copied().unwrap_or_default();
        let default = of(&None);
        let names = self.names.iter();
        names
            .map(|name| of(&Some(Arc::clone(name))).or(default))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_quota_of_a_client_is_looked_up_alone() {
        let own = Limits {
            producer_byte_rate: Some(1_000),
            ..Limits::default()
        };
        let default = Limits {
            producer_byte_rate: Some(5),
            request_percentage: Some(Ratio::percent(250)),
            consumer_byte_rate: None,
        };
        let both = own.or(default);
        assert_eq!(both.per_second(QuotaType::Produce), Some(1_000));
        assert_eq!(both.per_second(QuotaType::Fetch), None);
        assert_eq!(both.per_second(QuotaType::Request), Some(2_500_000_000));
    }

    #[test]
    fn a_limit_is_set_and_taken_back_as_it_reads() {
        let values = [Ratio::new(1_000, 1), Ratio::new(7, 1), Ratio::new(5, 2)];
        let mut limits = Limits::default();
        for (quota, value) in QuotaType::ALL.into_iter().zip(values) {
            limits.change(QuotaChange { quota, value });
            assert_eq!(limits.value(quota), value);
        }
        assert_eq!(limits.producer_byte_rate, Some(1_000));
        for quota in QuotaType::ALL {
            let value = None;
            limits.change(QuotaChange { quota, value });
        }
        assert!(limits.is_empty());
    }

    #[test]
    fn a_client_without_a_quota_of_its_own_has_the_default() {
        let ids = ClientIds {
            names: ["p1", "p2"].map(Arc::from).into(),
            of_hosts: Arc::new([None, Some(ClientId(1))]),
        };
        let rate = |bytes| Limits {
            producer_byte_rate: Some(bytes),
            ..Limits::default()
        };
        let quotas = BTreeMap::from([(None, rate(5)), (Some(Arc::from("p2")), rate(9))]);
        assert_eq!(ids.limits(&quotas), [rate(5), rate(9)]);
        let hosts = [0, 1, 2].map(|host| ids.of(HostId(host)));
        assert_eq!(hosts, [None, Some(ClientId(1)), None]);
    }
}
