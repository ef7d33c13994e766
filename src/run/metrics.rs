//! The flat map of integers that claims, sweeps and charts may name; durations are nanoseconds.

use std::collections::BTreeMap;

use crate::check::audit::Audited;
use crate::check::audit::latency::Latencies;
use crate::cluster::spec::ClusterSpec;
use crate::run::watch::Counts;
use crate::sim::host::QueueSeen;

/// What is known at the end only.
#[derive(Clone, Debug)]
pub struct Totals {
    /// Partition-milliseconds without a leader that serves.
    pub unavailable_ms: u64,
    /// Partition-milliseconds in which nobody could have written with acks=all.
    pub unwritable_ms: u64,
    /// Of each broker the bytes on its disks: at their peak, and at the end.
    pub disks: Vec<(u64, u64)>,
    /// What the request queues were like.
    pub request_queues: QueueSeen,
}

/// All metrics of a run.
pub fn collect(
    spec: &ClusterSpec,
    audited: &Audited,
    counts: &Counts,
    totals: &Totals,
) -> BTreeMap<String, i64> {
    let plain = [
        ("requests", counts.requests),
        ("produce_requests", counts.produce_requests),
        ("fetch_requests", counts.fetch_requests),
        ("bytes", counts.bytes),
        ("batches", counts.batches),
        ("batch_bytes", counts.batch_bytes),
        ("replicated_batches", counts.replicated_batches),
        ("duplicates_detected", counts.duplicates_detected),
        ("produce_refused", counts.produce_refused),
        ("retries", counts.retries),
        ("truncated_records", counts.truncated_records),
        ("elections", counts.elections),
        ("unclean_elections", counts.unclean_elections),
        ("isr_changes", counts.isr_changes),
        ("brokers_fenced", counts.fenced),
        ("position_resets", counts.position_resets),
        ("config_changes", counts.config_changes),
        ("commands_failed", counts.commands_failed),
        ("segments_rolled", counts.segments_rolled),
        ("segments_deleted", counts.segments_deleted),
        ("log_start_moves", counts.log_start_moves),
        ("disk_reads", counts.disk_reads),
        ("log_dirs_failed", counts.log_dirs_failed),
        ("disk_read_bytes", counts.disk_read_bytes),
        ("disk_bytes_max", fullest(totals, |(most, _)| *most)),
        ("disk_bytes_end", fullest(totals, |(_, end)| *end)),
        ("throttled_ms", counts.throttled_ms(|_| true)),
        (
            "request_queue_max",
            u64::from(totals.request_queues.longest),
        ),
        ("request_queue_full", totals.request_queues.met_full),
        ("unavailable_partition_ms", totals.unavailable_ms),
        ("unwritable_partition_ms", totals.unwritable_ms),
        ("untold", audited.untold),
    ];
    let mut metrics: BTreeMap<String, i64> = plain
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value as i64))
        .collect();
    // A broker that leads nothing has its line too: 0 is an answer.
    for broker in 1..=spec.brokers + spec.spare_brokers {
        let records = counts.appended_records.get(broker as usize);
        let records = records.copied().unwrap_or_default() as i64;
        metrics.insert(format!("appended_records.b{broker}"), records);
    }
    if spec.has_quotas() {
        for (index, name) in spec.client_ids().iter().enumerate() {
            let throttled = counts.throttled_ms(|client| client.0 == index as u32);
            metrics.insert(format!("throttled_ms.{name}"), throttled as i64);
        }
    }
    latencies(&mut metrics, "ack", audited.ack.as_ref());
    latencies(&mut metrics, "e2e", audited.end_to_end.as_ref());
    for (group, audited) in spec.groups.iter().zip(&audited.groups) {
        let name = format!("groups.{}.e2e", group.name);
        latencies(&mut metrics, &name, audited.end_to_end.as_ref());
        let times = [
            ("max_lag_gone_at_ns", audited.lag.peak_gone_at),
            ("caught_up_at_ns", audited.lag.caught_up_at),
        ];
        for (word, at) in times {
            if let Some(at) = at {
                let name = format!("groups.{}.{word}", group.name);
                metrics.insert(name, at.as_nanos() as i64);
            }
        }
    }
    metrics
}

/// Of the broker that has the most.
fn fullest(totals: &Totals, bytes: impl Fn(&(u64, u64)) -> u64) -> u64 {
    totals.disks.iter().map(bytes).max().unwrap_or(0)
}

fn latencies(metrics: &mut BTreeMap<String, i64>, name: &str, found: Option<&Latencies>) {
    let Some(found) = found else { return };
    let quantiles = [
        ("p50", found.p50),
        ("p99", found.p99),
        ("p999", found.p999),
        ("max", found.max),
    ];
    for (quantile, span) in quantiles {
        metrics.insert(format!("{name}_{quantile}_ns"), span.as_nanos() as i64);
    }
}
