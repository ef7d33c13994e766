//! Two replicas of one partition side by side.

use std::sync::Arc;

use crate::kafka::ids::Offset;
use crate::kafka::records::StoredBatch;
use crate::kafka::view::ReplicaView;

/// Each two replicas of the same partition, once.
pub(super) fn pairs<'v, 'a>(
    views: &'v [ReplicaView<'a>],
) -> impl Iterator<Item = (&'v ReplicaView<'a>, &'v ReplicaView<'a>)> {
    views.iter().enumerate().flat_map(|(i, one)| {
        let others = views[i + 1..].iter().filter(|other| other.tp == one.tp);
        others.map(move |other| (one, other))
    })
}

/// The batches of two logs at the same places: each pair begins at one offset, or at the first
/// offset where the logs are cut differently, which ends the walk.
pub(super) fn aligned<'v, 'a: 'v>(
    one: &'v ReplicaView<'a>,
    other: &'v ReplicaView<'a>,
) -> impl Iterator<Item = (&'a StoredBatch, &'a StoredBatch)> + use<'v, 'a> {
    let from = one.log_start.max(other.log_start);
    let live = move |batch: &&StoredBatch| batch.next_offset() > from;
    let pairs = one.batches().filter(live).zip(other.batches().filter(live));
    let mut cut_alike = true;
    pairs.take_while(move |(a, b)| {
        let go_on = cut_alike;
        cut_alike = a.base_offset == b.base_offset && a.next_offset() == b.next_offset();
        go_on
    })
}

/// True when two batches hold the same records by the same producer at the same place.
pub(super) fn same(a: &StoredBatch, b: &StoredBatch) -> bool {
    let same_content = Arc::ptr_eq(&a.batch, &b.batch)
        || (a.batch.producer == b.batch.producer && a.batch.records == b.batch.records);
    same_content && a.base_offset == b.base_offset
}

/// A batch in words.
pub(super) fn describe(view: &ReplicaView<'_>, stored: &StoredBatch) -> String {
    format!(
        "{} has records {}..={} of epoch {} at offset {}",
        view.broker,
        stored.batch.records.first().map_or(0, |record| record.id.0),
        stored.batch.records.last().map_or(0, |record| record.id.0),
        stored.leader_epoch,
        stored.base_offset,
    )
}

/// The smaller of two replicas' high watermarks.
pub(super) fn common_high_watermark(one: &ReplicaView<'_>, other: &ReplicaView<'_>) -> Offset {
    one.high_watermark.min(other.high_watermark)
}
