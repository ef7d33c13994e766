//! Guarantees that hold whatever the settings: looked at when a run has ended.

use crate::kafka::view::ReplicaView;
use crate::run::Violation;
use crate::run::watch::Watch;
use crate::scenario::model::Setup;
use crate::sim::time::SimTime;

/// What broke, if anything.
pub fn inspect(
    _setup: &Setup,
    _at: SimTime,
    _replicas: &[ReplicaView<'_>],
    _watch: &Watch,
) -> Vec<Violation> {
    Vec::new()
}
