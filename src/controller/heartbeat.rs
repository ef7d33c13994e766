//! BrokerHeartbeat (API key 63) at the controller.
//!
//! Modelled: the four states of a broker and the steps between them: fenced, unfenced, in
//! controlled shutdown, gone; log directories that failed.
//! Source: ReplicationControlManager.processBrokerHeartbeat,
//! BrokerHeartbeatManager.calculateNextBrokerState (4.2); KIP-631, KIP-841.

use crate::controller::cluster::{Cluster, Decision, Pass};
use crate::controller::log::Change;
use crate::controller::log_dirs;
use crate::kafka::api::broker_heartbeat::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::PartitionChangeCause;
use crate::kafka::ids::Offset;
use crate::kafka::metadata_records::MetadataRecord;
use crate::metadata::image::BrokerRegistration;
use crate::sim::time::SimTime;

/// A broker's state, as the active controller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fenced,
    Unfenced,
    ControlledShutdown,
    ShutDownNow,
}

/// Renews the session and moves the broker to its next state.
pub(super) fn decide(
    cluster: &mut Cluster,
    now: SimTime,
    request: BrokerHeartbeatRequest,
) -> Result<Decision<BrokerHeartbeatResponse>, ErrorCode> {
    let broker = request.broker;
    let registration = cluster.check_epoch(broker, request.broker_epoch)?;
    cluster.sessions.renew(broker, now);
    // The epoch is an offset: whoever has applied more has applied the registration.
    let is_caught_up = request.metadata_offset > Offset(registration.epoch.0);
    let current = state(cluster, registration, request);
    let next = next(cluster, current, request, is_caught_up);

    let mut changes = log_dirs::offline(cluster, request);
    changes.extend(match next {
        _ if next == current => Vec::new(),
        State::Fenced => cluster.fence(broker, PartitionChangeCause::Fenced),
        State::ShutDownNow => cluster.fence(broker, PartitionChangeCause::ControlledShutdown),
        State::Unfenced => unfence(cluster, request),
        State::ControlledShutdown => begin_shutdown(cluster, registration, request),
    });
    cluster.sessions.report(broker, request.metadata_offset);
    match next {
        State::Fenced | State::ShutDownNow => cluster.sessions.end_shutdown(broker),
        State::ControlledShutdown => {
            let end = cluster.latest.end.plus(changes.len() as u64);
            cluster.sessions.begin_shutdown(broker, end);
        }
        State::Unfenced => {}
    }
    Ok(Decision {
        changes,
        answer: BrokerHeartbeatResponse {
            error: None,
            is_caught_up,
            is_fenced: matches!(next, State::Fenced | State::ShutDownNow),
            should_shut_down: next == State::ShutDownNow,
        },
    })
}

fn state(
    cluster: &Cluster,
    registration: BrokerRegistration,
    request: BrokerHeartbeatRequest,
) -> State {
    if cluster.sessions.shutdown_offset(request.broker).is_some() {
        State::ControlledShutdown
    } else if registration.fenced {
        State::Fenced
    } else {
        State::Unfenced
    }
}

fn next(
    cluster: &Cluster,
    current: State,
    request: BrokerHeartbeatRequest,
    is_caught_up: bool,
) -> State {
    match current {
        State::Fenced if request.want_shut_down => State::ShutDownNow,
        State::Fenced if !request.want_fence && is_caught_up => State::Unfenced,
        State::Fenced => State::Fenced,
        State::Unfenced if request.want_fence && request.want_shut_down => State::ShutDownNow,
        State::Unfenced if request.want_fence => State::Fenced,
        State::Unfenced if request.want_shut_down => {
            if cluster.has_leaderships(request.broker) {
                State::ControlledShutdown
            } else {
                State::ShutDownNow
            }
        }
        State::Unfenced => State::Unfenced,
        // What it led has new leaders, and every other active broker knows them.
        State::ControlledShutdown
            if !cluster.has_leaderships(request.broker)
                && cluster.sessions.shutdown_offset(request.broker)
                    <= cluster.sessions.lowest_active_offset(&cluster.latest) =>
        {
            State::ShutDownNow
        }
        State::ControlledShutdown => State::ControlledShutdown,
        State::ShutDownNow => State::ShutDownNow,
    }
}

/// The broker is unfenced first; then it may lead what has no leader.
fn unfence(cluster: &Cluster, request: BrokerHeartbeatRequest) -> Vec<Change> {
    let mut changes = vec![Change::of(MetadataRecord::BrokerRegistrationChange {
        broker: request.broker,
        epoch: request.broker_epoch,
        fenced: Some(false),
        in_controlled_shutdown: None,
    })];
    changes.extend(
        cluster.partition_changes(Pass::Add(request.broker), PartitionChangeCause::Unfenced),
    );
    changes
}

/// The broker is marked first; then it leaves leadership and in-sync sets. Where it is the last
/// one in sync it stays, without a leader.
fn begin_shutdown(
    cluster: &Cluster,
    registration: BrokerRegistration,
    request: BrokerHeartbeatRequest,
) -> Vec<Change> {
    let mut changes = Vec::new();
    if !registration.in_controlled_shutdown {
        changes.push(Change::of(MetadataRecord::BrokerRegistrationChange {
            broker: request.broker,
            epoch: request.broker_epoch,
            fenced: None,
            in_controlled_shutdown: Some(true),
        }));
    }
    changes.extend(cluster.partition_changes(
        Pass::Remove(request.broker),
        PartitionChangeCause::ControlledShutdown,
    ));
    changes
}
