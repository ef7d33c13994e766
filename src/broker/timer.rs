//! What wakes a broker, and in which dense slots the engine keeps it.

use crate::broker::controller_link;
use crate::rpc;
use crate::sim::process::TimerSlot;

/// Which conversation with the controller; each has a connection of its own, as in Kafka, so that
/// a long poll for metadata never holds up a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Registration and heartbeats.
    Lifecycle,
    /// Changes of in-sync sets.
    AlterPartition,
    /// Blocks of producer ids.
    ProducerIds,
    /// The metadata log.
    Metadata,
    /// What clients ask this broker and the controller does.
    Forwarding,
}

impl Link {
    /// All of them, by index.
    pub(super) const ALL: [Self; 5] = [
        Self::Lifecycle,
        Self::AlterPartition,
        Self::ProducerIds,
        Self::Metadata,
        Self::Forwarding,
    ];

    /// Dense, from 0.
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The name of its stream of chance.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "link/lifecycle",
            Self::AlterPartition => "link/alter-partition",
            Self::ProducerIds => "link/producer-ids",
            Self::Metadata => "link/metadata",
            Self::Forwarding => "link/forwarding",
        }
    }
}

/// What wakes a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The oldest parked produce has waited long enough.
    ProducePurgatory,
    /// The oldest parked fetch has waited long enough.
    FetchPurgatory,
    /// The oldest parked deletion of records has waited long enough.
    DeletePurgatory,
    /// Batches have been opened or compressed.
    CodecWork,
    /// A connection has been muted for its throttle time.
    Throttle,
    /// Time to look for members of in-sync sets that lag behind.
    ShrinkIsr,
    /// Time to send refused or unsent proposals for in-sync sets again.
    RetryAlterPartition,
    /// Time to write the high watermarks down.
    CheckpointHighWatermarks,
    /// Time to forget producers that were silent for long.
    ExpireProducers,
    /// Time to look for segments that nothing keeps.
    Retention,
    /// Time to write the log start offsets down.
    CheckpointLogStarts,
    /// Deleted segments have been on the disk long enough.
    DeleteFiles,
    /// Time for a registration or a heartbeat.
    Communicate,
    /// The broker could not register for too long.
    RegistrationDeadline,
    /// The controlled shutdown has taken too long.
    ShutdownDeadline,
    /// A conversation with the controller.
    Link(Link, controller_link::Timer),
    /// A fetcher's connection.
    FetcherRpc(rpc::Timer),
    /// The partitions of a fetcher have waited out an error.
    FetcherWake(u32),
}

/// Slots of the timers that exist once.
const SINGLES: usize = 14;
/// The families that grow with the cluster: five links, the fetchers' connections, their waits.
const FAMILIES: usize = 7;

impl TimerSlot for Timer {
    fn slot(self) -> usize {
        let of_family = |family: usize, inner: usize| SINGLES + family + FAMILIES * inner;
        match self {
            Self::ProducePurgatory => 0,
            Self::FetchPurgatory => 1,
            Self::ShrinkIsr => 2,
            Self::RetryAlterPartition => 3,
            Self::CheckpointHighWatermarks => 4,
            Self::ExpireProducers => 5,
            Self::Communicate => 6,
            // Who is not registered yet has no clients to throttle.
            Self::RegistrationDeadline | Self::Throttle => 7,
            Self::ShutdownDeadline => 8,
            Self::Retention => 9,
            Self::CheckpointLogStarts => 10,
            Self::DeleteFiles => 11,
            Self::DeletePurgatory => 12,
            Self::CodecWork => 13,
            Self::Link(link, timer) => of_family(link.index(), timer.slot()),
            Self::FetcherRpc(timer) => of_family(5, timer.slot()),
            Self::FetcherWake(fetcher) => of_family(6, fetcher as usize),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Peer;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_timers_share_a_slot() {
        let mut timers = vec![
            Timer::ProducePurgatory,
            Timer::FetchPurgatory,
            Timer::ShrinkIsr,
            Timer::RetryAlterPartition,
            Timer::CheckpointHighWatermarks,
            Timer::ExpireProducers,
            Timer::Communicate,
            Timer::RegistrationDeadline,
            Timer::ShutdownDeadline,
            Timer::Retention,
            Timer::CheckpointLogStarts,
            Timer::DeleteFiles,
            Timer::DeletePurgatory,
            Timer::CodecWork,
        ];
        for peer in 0..3 {
            timers.push(Timer::FetcherWake(peer));
            for rpc in [
                rpc::Timer::Request(Peer(peer)),
                rpc::Timer::Reconnect(Peer(peer)),
                rpc::Timer::Setup(Peer(peer)),
            ] {
                timers.push(Timer::FetcherRpc(rpc));
                timers.extend(
                    Link::ALL.map(|link| Timer::Link(link, controller_link::Timer::Rpc(rpc))),
                );
            }
        }
        timers.extend(Link::ALL.map(|link| Timer::Link(link, controller_link::Timer::Retry)));
        let slots: BTreeSet<usize> = timers.iter().map(|timer| timer.slot()).collect();
        assert_eq!(slots.len(), timers.len());
    }
}
