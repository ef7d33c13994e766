//! Fetches that reach below the page cache: the answer waits until the device has read the records.
//!
//! Modelled: what the page cache does not hold is read from the disk on which the logs are flushed,
//! after what was asked of it before; readers far behind, followers too, so delay each other and
//! every flush. The connection stays muted meanwhile. A disk that fails takes its directory down.
//! Left out: read-ahead, index files.
//! Source: FileRecords.writeTo (sendfile), LocalLog.read (4.2).

// Deviation: a read from disk holds up its own answer and whoever needs the disk; in Kafka it is
// the network thread that waits in sendfile, one socket buffer at a time, and with it every
// connection of that thread.

use std::collections::BTreeMap;

use crate::broker::connections::ReplyTo;
use crate::broker::partition::Partition;
use crate::broker::{Broker, BrokerCx};
use crate::kafka::api::fetch::{FetchResponse, FetchedPartition, Fetcher};
use crate::kafka::error_code::ErrorCode;
use crate::kafka::fact::Fact;
use crate::kafka::message::Response;
use crate::sim::disk::DiskError;
use crate::sim::process::{FileId, FlushId};
use crate::sim::time::{SimDuration, SimTime};

/// Answers that wait for the disk.
#[derive(Clone, Debug, Default)]
pub(super) struct DiskReads {
    waiting: BTreeMap<FlushId, (ReplyTo, Box<FetchResponse>)>,
}

/// Sends the answer to a fetch, now or when the disk has read what is in it.
pub(super) fn answer(
    broker: &mut Broker,
    cx: BrokerCx<'_, '_>,
    to: ReplyTo,
    fetcher: Fetcher,
    response: FetchResponse,
) {
    let mut response = Box::new(response);
    let mut last: Option<(SimTime, FileId)> = None;
    if cx.disk().may_miss() {
        for answered in &mut response.partitions {
            match read(broker, cx, fetcher, answered) {
                Ok(read) => last = last.max(read),
                Err(DiskError::Failed | DiskError::Full) => {
                    answered.batches.clear();
                    answered.error = Some(ErrorCode::KafkaStorageError);
                    let slot = broker.replicas.slot(answered.tp);
                    broker.log_dir_failed(slot.expect("what was read has a replica"));
                }
            }
        }
    }
    let Some((until, file)) = last else {
        return broker.respond(cx, to, Response::Fetch(response));
    };
    let id = FlushId(broker.next_flush);
    broker.next_flush += 1;
    broker.disk_reads.waiting.insert(id, (to, response));
    cx.await_read(id, file, until);
}

/// Reads what one partition's answer holds; where the device is needed, until when, and the file.
fn read(
    broker: &Broker,
    cx: BrokerCx<'_, '_>,
    fetcher: Fetcher,
    answered: &FetchedPartition,
) -> Result<Option<(SimTime, FileId)>, DiskError> {
    let (Some(first), Some(replica)) = (answered.batches.first(), replica(broker, answered)) else {
        return Ok(None);
    };
    let sizes = (answered.batches.iter()).map(|stored| u64::from(stored.batch.size_bytes));
    let (now, from) = (cx.now(), replica.log.bytes_below(first.base_offset));
    let Some(read) = cx.disk().read(replica.file, from, sizes.sum(), now)? else {
        return Ok(None);
    };
    let age = cx.wall_clock().0 - first.batch.times.max.0;
    let reader = match fetcher {
        Fetcher::Consumer => None,
        Fetcher::Follower { broker, .. } => Some(broker),
    };
    cx.fact(Fact::ReadFromDisk {
        broker: broker.id,
        reader,
        tp: answered.tp,
        offset: first.base_offset,
        bytes: read.bytes,
        age: SimDuration::from_millis(u64::try_from(age).unwrap_or(0)),
        takes: read.done_at.since(now),
    });
    Ok(Some((read.done_at, replica.file)))
}

fn replica<'a>(broker: &'a Broker, answered: &FetchedPartition) -> Option<&'a Partition> {
    let slot = broker.replicas.slot(answered.tp)?;
    Some(&broker.replicas[slot])
}

/// The disk has read what an answer waits for.
pub(super) fn done(broker: &mut Broker, cx: BrokerCx<'_, '_>, id: FlushId) {
    if let Some((to, response)) = broker.disk_reads.waiting.remove(&id) {
        broker.respond(cx, to, Response::Fetch(response));
    }
}

/// The disk failed: sendfile fails under the network thread, which closes the connection.
pub(super) fn failed(broker: &mut Broker, cx: BrokerCx<'_, '_>, id: FlushId) {
    if let Some((to, _)) = broker.disk_reads.waiting.remove(&id) {
        broker.hang_up(cx, to.on);
    }
}
