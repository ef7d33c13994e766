//! Client quotas: what a client.id may take of each broker.
//!
//! Modelled: `producer_byte_rate`, `consumer_byte_rate` and `request_percentage` for a client.id and
//! for all that have none of their own (the default client.id), each looked up alone.
//! Left out: users, and users with a client.id; controller_mutation_rate; connection_creation_rate.
//! Source: QuotaConfig, QuotaType, ClientQuotaManager.DefaultQuotaCallback (4.2); KIP-13, KIP-124.

// Deviation: quotas stand from the start; they are not changed while a run goes on.
// Deviation: the requests of brokers to one another are free of client quotas; in Kafka the default
// client.id holds for those among them that are no fetches.

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
    /// How Kafka calls its quota.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Produce => "producer_byte_rate",
            Self::Fetch => "consumer_byte_rate",
            Self::Request => "request_percentage",
        }
    }
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

/// What brokers know of clients and their quotas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientQuotas {
    /// By client.id.
    pub limits: Vec<Limits>,
    /// The client.id that requests from a host carry; none for brokers and controllers.
    pub clients: Arc<[Option<ClientId>]>,
}

impl ClientQuotas {
    /// The client.id of the requests that come from a host.
    pub fn client(&self, host: HostId) -> Option<ClientId> {
        self.clients.get(host.0 as usize).copied().flatten()
    }

    /// A client's limit; none without one.
    pub fn limit(&self, client: ClientId, quota: QuotaType) -> Option<u64> {
        self.limits.get(client.0 as usize)?.per_second(quota)
    }

    /// True when anybody has a quota of this type.
    pub fn has(&self, quota: QuotaType) -> bool {
        self.limits
            .iter()
            .any(|limits| limits.per_second(quota).is_some())
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
}
