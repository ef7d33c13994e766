//! The leader's side of AlterPartition: proposals of all partitions in one request at a time.
//!
//! Modelled: one proposal under way per partition, one request in flight per broker, what each error
//! means for the proposal, the next try 50 ms after an error of the whole request.
//! Left out: reassignment, leader recovery state (a leader's proposal always says "recovered").
//! Source: DefaultAlterPartitionManager, Partition.submitAlterPartition, handleAlterPartitionUpdate,
//! handleAlterPartitionError (4.2); KIP-497, KIP-903.

// Deviation: a member whose broker epoch the leader has not learned from a fetch is proposed with the
// epoch of its registration; Kafka sends -1, which the controller lets pass.

use std::sync::Arc;

use crate::broker::Broker;
use crate::broker::BrokerCx;
use crate::broker::isr::{Pending, ProposalId};
use crate::broker::leading::LeaderNow;
use crate::broker::partition::Slot;
use crate::broker::timer::{Link, Timer};
use crate::kafka::api::alter_partition::{
    AlterPartitionRequest, AlterPartitionResponse, AlteredPartition, IsrProposal,
};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::ids::BrokerId;
use crate::kafka::message::Request;
use crate::sim::time::SimDuration;

/// The pause after an error of the whole request.
const RETRY_BACKOFF: SimDuration = SimDuration::from_millis(50);

/// The proposals that the controller has not answered.
#[derive(Clone, Debug, Default)]
pub(super) struct AlterPartitions {
    /// In order of submission, at most one per partition.
    unanswered: Vec<Submitted>,
    /// How many of them, from the front, the request in flight carries.
    in_flight: usize,
    last_id: u64,
}

#[derive(Clone, Debug)]
struct Submitted {
    slot: Slot,
    id: ProposalId,
    proposal: IsrProposal,
}

impl AlterPartitions {
    /// Forgets everything, as the process does when it dies. Names stay unique.
    pub(super) fn clear(&mut self) {
        self.unanswered.clear();
        self.in_flight = 0;
    }
}

impl Broker {
    /// Looks at every partition that this broker leads for members that lag behind.
    pub(super) fn shrink_isrs(&mut self, cx: BrokerCx<'_, '_>) {
        for slot in self.replicas.slots() {
            let partition = &self.replicas[slot];
            let Some(leading) = partition.leading() else {
                continue;
            };
            let leader = LeaderNow {
                now: cx.now(),
                log_end: partition.log.log_end(),
                max_lag: self.config.replica_lag_time_max,
                registrations: &self.registrations,
            };
            if let Some(isr) = leading.shrunk(self.id, &leader) {
                self.propose_isr(cx, slot, isr);
            }
        }
        let half = self.config.replica_lag_time_max.as_nanos() / 2;
        cx.set_timer(Timer::ShrinkIsr, SimDuration::from_nanos(half));
    }

    /// Asks the controller for another in-sync set.
    pub(super) fn propose_isr(&mut self, cx: BrokerCx<'_, '_>, slot: Slot, isr: Arc<[BrokerId]>) {
        self.alterations.last_id += 1;
        let id = ProposalId(self.alterations.last_id);
        let proposal = self.proposal(slot, &isr);
        let partition = &mut self.replicas[slot];
        let tp = partition.tp;
        let leading = partition.leading_mut().expect("only leaders propose");
        leading.propose(Pending {
            id,
            isr: Arc::clone(&isr),
        });
        cx.fact(Fact::IsrProposed {
            broker: self.id,
            tp,
            isr,
        });
        self.submit(cx, Submitted { slot, id, proposal });
    }

    fn proposal(&self, slot: Slot, isr: &[BrokerId]) -> IsrProposal {
        let partition = &self.replicas[slot];
        let leading = partition.leading().expect("only leaders propose");
        let epoch_of = |member: BrokerId| {
            let fetched = leading
                .position(member)
                .and_then(|index| leading.followers[index].broker_epoch);
            let registered = || self.registrations.find(member).map(|known| known.epoch);
            let epoch = if member == self.id {
                self.lifecycle.epoch()
            } else {
                fetched.or_else(registered)
            };
            (member, epoch.unwrap_or_default())
        };
        IsrProposal {
            tp: partition.tp,
            leader_epoch: leading.epoch,
            partition_epoch: partition.partition_epoch,
            new_isr: isr.iter().map(|member| epoch_of(*member)).collect(),
        }
    }

    fn submit(&mut self, cx: BrokerCx<'_, '_>, submitted: Submitted) {
        let unanswered = &mut self.alterations.unanswered;
        if unanswered.iter().any(|other| other.slot == submitted.slot) {
            // An older proposal of a state that metadata has overtaken is still under way: this one
            // was not attempted.
            if let Some(leading) = self.replicas[submitted.slot].leading_mut() {
                leading.withdraw();
            }
            return;
        }
        unanswered.push(submitted);
        self.send_alter_partition(cx);
    }

    /// Sends what is unanswered, unless a request is in flight.
    pub(super) fn send_alter_partition(&mut self, cx: BrokerCx<'_, '_>) {
        let Some(broker_epoch) = self.lifecycle.epoch() else {
            return;
        };
        if self.alterations.unanswered.is_empty() || self.link(Link::AlterPartition).is_busy() {
            return;
        }
        self.alterations.in_flight = self.alterations.unanswered.len();
        let proposals = self.alterations.unanswered.iter();
        let request = AlterPartitionRequest {
            broker: self.id,
            broker_epoch,
            partitions: proposals
                .map(|submitted| submitted.proposal.clone())
                .collect(),
        };
        self.ask(
            cx,
            Link::AlterPartition,
            Request::AlterPartition(Box::new(request)),
        );
    }

    /// The controller answered.
    pub(super) fn alter_partition_answered(
        &mut self,
        cx: BrokerCx<'_, '_>,
        response: &AlterPartitionResponse,
    ) {
        let sent = std::mem::take(&mut self.alterations.in_flight);
        if response.error.is_some() {
            cx.set_timer(Timer::RetryAlterPartition, RETRY_BACKOFF);
            return;
        }
        let mut answered = Vec::with_capacity(sent);
        let mut index = 0;
        self.alterations.unanswered.retain(|submitted| {
            let is_sent = index < sent;
            index += 1;
            let tp = submitted.proposal.tp;
            let answer = response.partitions.iter().find(|altered| altered.tp == tp);
            match answer.filter(|_| is_sent) {
                Some(altered) => {
                    answered.push((submitted.clone(), altered));
                    false
                }
                None => true,
            }
        });
        for (submitted, altered) in answered {
            self.altered(cx, submitted, altered);
        }
        self.send_alter_partition(cx);
    }

    /// One proposal is answered.
    fn altered(&mut self, cx: BrokerCx<'_, '_>, submitted: Submitted, altered: &AlteredPartition) {
        let partition = &mut self.replicas[submitted.slot];
        let partition_epoch = partition.partition_epoch;
        let Some(leading) = partition.leading_mut() else {
            return;
        };
        if !leading.awaits(submitted.id) {
            // Metadata has overtaken the proposal.
            return;
        }
        let Some(error) = altered.error else {
            if altered.leader_epoch == leading.epoch && altered.partition_epoch >= partition_epoch {
                leading.commit(Arc::clone(&altered.isr));
                partition.partition_epoch = altered.partition_epoch;
                // The in-sync set could be down to the leader.
                if self.raise_high_watermark(cx, submitted.slot) {
                    self.high_watermark_raised(cx, submitted.slot);
                }
            }
            return;
        };
        if error == ErrorCode::IneligibleReplica {
            // No controller has applied it, nor will.
            leading.withdraw();
        } else if !is_settled_by_metadata(error) {
            self.submit(cx, submitted);
        }
    }
}

/// True when the leader's state is outdated: it stays as it is until the metadata log says more.
fn is_settled_by_metadata(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::InvalidUpdateVersion
            | ErrorCode::InvalidRequest
            | ErrorCode::NewLeaderElected
    )
}
