//! Whether a run has come to rest: nothing is owed to anybody any more.

use std::collections::BTreeMap;

use crate::cluster::Cluster;
use crate::cluster::names::Role;
use crate::cluster::process::AnyProcess;
use crate::kafka::ids::{Offset, TopicPartition};
use crate::kafka::view::ReplicaView;

impl Cluster {
    /// What keeps the cluster busy, in words; at most `most` of them. Empty when it is at rest:
    /// every process runs, every replica is in sync and equal to its leader, every producer is
    /// done and every reader has read all that is committed.
    pub fn unsettled(&self, most: usize) -> Vec<String> {
        let mut why = Vec::new();
        self.unsettled_brokers(most, &mut why);
        if why.len() < most {
            self.unsettled_partitions(most, &mut why);
        }
        if why.len() < most {
            self.unsettled_apps(most, &mut why);
        }
        why
    }

    fn unsettled_brokers(&self, most: usize, why: &mut Vec<String>) {
        let image = self.controller().image();
        for (host, role) in self.hosts.all() {
            let name = self.hosts.name(host);
            if let Role::Broker(broker) = role
                && !image.brokers.contains_key(&broker)
                && !self.world.is_running(host)
            {
                continue;
            }
            if !self.world.is_running(host) && !matches!(role, Role::Tool(_)) {
                why.push(format!("{name} is down"));
            } else if let Role::Broker(broker) = role
                && !image.is_active(broker)
            {
                why.push(format!("{name} is fenced"));
            }
            if why.len() >= most {
                return;
            }
        }
    }

    fn unsettled_partitions(&self, most: usize, why: &mut Vec<String>) {
        let mut by_partition: BTreeMap<TopicPartition, Vec<ReplicaView<'_>>> = BTreeMap::new();
        for replica in self.replicas() {
            by_partition.entry(replica.tp).or_default().push(replica);
        }
        for (tp, registration) in self.controller().image().partitions() {
            let name = self.partition_name(tp);
            let mut replicas = by_partition.remove(&tp).unwrap_or_default();
            replicas.retain(|replica| registration.replicas.contains(&replica.broker));
            let leader = replicas
                .iter()
                .find(|r| Some(r.broker) == registration.leader);
            let Some(leader) = leader.filter(|r| r.is_leader) else {
                why.push(format!("{name} has no leader"));
                if why.len() >= most {
                    return;
                }
                continue;
            };
            let is_equal = |r: &ReplicaView<'_>| {
                r.log_end == leader.log_end && r.high_watermark == leader.log_end
            };
            if registration.isr.len() < registration.replicas.len() {
                why.push(format!("{name} has replicas out of sync"));
            } else if !replicas.iter().all(is_equal) {
                why.push(format!("{name} is still replicating"));
            }
            if why.len() >= most {
                return;
            }
        }
    }

    fn unsettled_apps(&self, most: usize, why: &mut Vec<String>) {
        for (host, _) in self.hosts.all() {
            if let AnyProcess::App(app) = self.world.process(host)
                && !app.is_at_rest(|tp| self.committed_end(tp))
            {
                why.push(format!("{} is still busy", self.hosts.name(host)));
                if why.len() >= most {
                    return;
                }
            }
        }
    }

    /// The high watermark of a partition's leader.
    pub fn committed_end(&self, tp: TopicPartition) -> Option<Offset> {
        let leader = self.registration(tp)?.leader?;
        self.broker(leader)?
            .view(tp)
            .map(|replica| replica.high_watermark)
    }

    /// `orders-0`
    pub fn partition_name(&self, tp: TopicPartition) -> String {
        let topic = self.controller().image().topic(tp.topic);
        format!("{}-{}", topic.map_or("?", |t| &t.name), tp.partition)
    }
}
