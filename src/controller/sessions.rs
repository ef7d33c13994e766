//! Which brokers the active controller has heard of, and when: soft state, gone with the controller.
//!
//! Modelled: one session per broker and epoch, renewed by each heartbeat and by nothing else; the
//! metadata offset that each broker reports; how far the others must have come before a broker that
//! is shutting down may go. A new controller gives every unfenced broker a fresh session.
//! Source: BrokerHeartbeatManager, BrokerHeartbeatTracker (4.2); KAFKA-19130.

use std::collections::BTreeMap;

use crate::kafka::ids::{BrokerEpoch, BrokerId, Offset};
use crate::metadata::image::MetadataImage;
use crate::sim::time::{SimDuration, SimTime};

/// The sessions of all registered brokers.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    timeout: SimDuration,
    brokers: BTreeMap<BrokerId, Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    epoch: BrokerEpoch,
    /// The last heartbeat; none before the first, and after the session ran out.
    contact: Option<SimTime>,
    /// The end of what the broker has applied of the metadata log.
    metadata_offset: Option<Offset>,
    /// While the broker is shutting down: what the others must have applied before it may go.
    shutdown_offset: Option<Offset>,
}

impl Session {
    fn new(epoch: BrokerEpoch, contact: Option<SimTime>) -> Self {
        Self {
            epoch,
            contact,
            metadata_offset: None,
            shutdown_offset: None,
        }
    }
}

impl Sessions {
    /// The sessions of a controller that became active at `now`.
    pub(super) fn fresh(image: &MetadataImage, timeout: SimDuration, now: SimTime) -> Self {
        let session = |registration: &crate::metadata::image::BrokerRegistration| {
            Session::new(registration.epoch, (!registration.fenced).then_some(now))
        };
        Self {
            timeout,
            brokers: image
                .brokers
                .iter()
                .map(|(broker, registration)| (*broker, session(registration)))
                .collect(),
        }
    }

    /// True while the broker's session lasts.
    pub(super) fn is_alive(&self, broker: BrokerId, now: SimTime) -> bool {
        let contact = self.brokers.get(&broker).and_then(|s| s.contact);
        contact.is_some_and(|contact| !self.is_over(contact, now))
    }

    /// A broker registered: its session begins with its first heartbeat.
    pub(super) fn register(&mut self, broker: BrokerId, epoch: BrokerEpoch) {
        match self.brokers.get_mut(&broker) {
            // The same life registered again: it goes on where it was.
            Some(session) if session.epoch == epoch => {}
            Some(_) | None => {
                self.brokers.insert(broker, Session::new(epoch, None));
            }
        }
    }

    /// A broker was struck off.
    pub(super) fn forget(&mut self, broker: BrokerId) {
        self.brokers.remove(&broker);
    }

    /// A heartbeat arrived from a broker at the epoch of its registration.
    pub(super) fn renew(&mut self, broker: BrokerId, now: SimTime) {
        self.session(broker).contact = Some(now);
    }

    /// Notes what a heartbeat reported.
    pub(super) fn report(&mut self, broker: BrokerId, metadata_offset: Offset) {
        self.session(broker).metadata_offset = Some(metadata_offset);
    }

    /// The offset that the others must reach before the broker may go, if it is shutting down.
    pub(super) fn shutdown_offset(&self, broker: BrokerId) -> Option<Offset> {
        self.brokers.get(&broker)?.shutdown_offset
    }

    /// The broker began to shut down; what moved its leaders ends at `offset`. Only the first
    /// time counts.
    pub(super) fn begin_shutdown(&mut self, broker: BrokerId, offset: Offset) {
        let session = self.session(broker);
        session.shutdown_offset = session.shutdown_offset.or(Some(offset));
    }

    /// The broker is fenced, and with that no longer shutting down.
    pub(super) fn end_shutdown(&mut self, broker: BrokerId) {
        self.session(broker).shutdown_offset = None;
    }

    /// How far every active broker has applied the metadata log; none when one has not said so
    /// yet.
    pub(super) fn lowest_active_offset(&self, image: &MetadataImage) -> Option<Offset> {
        let active = self.brokers.iter().filter(|(broker, session)| {
            session.shutdown_offset.is_none()
                && image.brokers.get(broker).is_some_and(|r| !r.fenced)
        });
        active
            .map(|(_, session)| session.metadata_offset)
            .min()
            .unwrap_or(Some(Offset(u64::MAX)))
    }

    /// Ends the session that has been silent for longest, if that is too long.
    pub(super) fn take_stale(&mut self, now: SimTime) -> Option<BrokerId> {
        let oldest = self
            .brokers
            .iter()
            .filter_map(|(broker, session)| Some((session.contact?, *broker)))
            .min()?;
        let (contact, broker) = oldest;
        if !self.is_over(contact, now) {
            return None;
        }
        self.session(broker).contact = None;
        Some(broker)
    }

    fn is_over(&self, contact: SimTime, now: SimTime) -> bool {
        contact + self.timeout < now
    }

    fn session(&mut self, broker: BrokerId) -> &mut Session {
        self.brokers
            .get_mut(&broker)
            .expect("every registered broker has a session entry")
    }
}
