//! The brokers' registrations as this broker knows them, by broker id, for the hot path.
//!
//! Source: KRaftMetadataCache.getAliveBrokerEpoch, Partition.isReplicaIsrEligible; KIP-841, KIP-903.

use crate::kafka::ids::{BrokerEpoch, BrokerId};
use crate::metadata::image::{BrokerRegistration, MetadataImage};

/// Registrations by broker id.
#[derive(Clone, Debug, Default)]
pub(super) struct Registrations {
    by_id: Vec<Option<BrokerRegistration>>,
}

impl Registrations {
    /// The registrations of an image.
    pub(super) fn of(image: &MetadataImage) -> Self {
        let mut registrations = Self::default();
        for (broker, registration) in &image.brokers {
            let index = broker.0 as usize;
            if registrations.by_id.len() <= index {
                registrations.by_id.resize(index + 1, None);
            }
            registrations.by_id[index] = Some(*registration);
        }
        registrations
    }

    /// The broker's registration.
    pub(super) fn find(&self, broker: BrokerId) -> Option<&BrokerRegistration> {
        self.by_id.get(broker.0 as usize)?.as_ref()
    }

    /// The broker's epoch, unless it is fenced or unknown.
    pub(super) fn alive_epoch(&self, broker: BrokerId) -> Option<BrokerEpoch> {
        let registration = self
            .find(broker)
            .filter(|registration| !registration.fenced);
        registration.map(|registration| registration.epoch)
    }

    /// True when a broker that fetches with this epoch may join an in-sync set.
    pub(super) fn may_join_isr(&self, broker: BrokerId, epoch: Option<BrokerEpoch>) -> bool {
        self.find(broker).is_some_and(|registration| {
            !registration.fenced
                && !registration.in_controlled_shutdown
                && epoch == Some(registration.epoch)
        })
    }
}
