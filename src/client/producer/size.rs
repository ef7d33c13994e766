//! Sizes of records and batches as if encoded, in batch format v2.
//!
//! Source: DefaultRecord, DefaultRecordBatch, AbstractRecords.

use crate::delivery::KeyId;

/// Bytes of a batch without records.
pub(super) const BATCH_OVERHEAD: u32 = 61;

/// The largest overhead of one record (MAX_RECORD_OVERHEAD).
const MAX_RECORD_OVERHEAD: u32 = 21;

/// Bytes of a record's key with its length.
#[inline]
pub(super) fn key_size(key: Option<KeyId>) -> u32 {
    key.map_or(1, |key| varint(i64::from(key.size())) + key.size())
}

/// Bytes of key, value and header count of a record, with their lengths.
#[inline]
pub(super) fn content_size(key_size: u32, value_size: u32) -> u32 {
    key_size + varint(i64::from(value_size)) + value_size + 1
}

/// Bytes of a whole record at this place of its batch.
#[inline]
pub(super) fn record_size(offset_delta: u32, timestamp_delta: i64, content: u32) -> u32 {
    let body = 1 + varint(i64::from(offset_delta)) + varint(timestamp_delta) + content;
    varint(i64::from(body)) + body
}

/// The bytes that Kafka reserves for a batch of this one record.
#[inline]
pub(super) fn upper_bound(content: u32) -> u32 {
    BATCH_OVERHEAD + MAX_RECORD_OVERHEAD + content
}

#[inline]
fn varint(value: i64) -> u32 {
    let zigzag = ((value << 1) ^ (value >> 63)) as u64;
    (70 - (zigzag | 1).leading_zeros()) / 7
}
