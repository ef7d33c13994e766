//! What happened to a record, in words that belong to no protocol.
//!
//! An application sends records, is told their fate, reads and processes them. These facts speak
//! of whole batches; a record is a dense `u32`, so the audit keeps one state byte per record.

use std::sync::Arc;

use crate::sim::time::SimDuration;

/// One record of the run, numbered densely over all senders in the order of the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u32);

/// A key of the run's key space; its bytes are those of [`KeyId::write`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub u32);

/// Who sends: the index of a producer application in the scenario. Dense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderId(pub u32);

/// A group of readers in the scenario. Dense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// One reader: a member of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReaderId {
    /// Its group.
    pub group: GroupId,
    /// Its index in the group, from 0.
    pub member: u32,
}

/// Where records lie in one order: a topic's partition, later a queue (lane 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The topic or queue, dense.
    pub stream: u32,
    /// The partition within it.
    pub lane: u32,
}

/// The descriptor of one record: who it is and how large, not what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Identity.
    pub id: RecordId,
    /// The key, or none.
    pub key: Option<KeyId>,
    /// Bytes of the value.
    pub value_size: u32,
    /// Milliseconds after the batch's first timestamp; may be negative.
    pub timestamp_delta: i32,
}

/// The records of one batch, shared by everyone who holds it.
pub type Parcel = Arc<[Record]>;

/// A part of a parcel, by index: `from..to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// First index.
    pub from: u32,
    /// One past the last index.
    pub to: u32,
}

/// What an application was told of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Success; the offset of the first record where the answer carries one (not with acks=0).
    Acked(Option<u64>),
    /// Failure. `timeout` when the error says only that time ran out.
    Failed {
        /// The failure was a time-out or a disconnect: the record may still be there.
        timeout: bool,
    },
}

/// What happened to records.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// An application called send for `count` records with consecutive ids.
    Sent {
        /// The application.
        by: SenderId,
        /// The topic or queue.
        stream: u32,
        /// The first record.
        first: RecordId,
        /// How many.
        count: u32,
    },
    /// An application calls send once more for a record whose failure it was told, or whose fate it
    /// does not know after a crash. It is the same record to the audit and a new one to the producer.
    Resent {
        /// The application.
        by: SenderId,
        /// The record.
        id: RecordId,
    },
    /// An application was told the fate of all records of a batch.
    Told {
        /// The application.
        by: SenderId,
        /// Where the batch went.
        place: Place,
        /// The records.
        parcel: Parcel,
        /// What it was told.
        outcome: Outcome,
    },
    /// `send` itself failed for records that never got into a batch.
    Rejected {
        /// The application.
        by: SenderId,
        /// The first record.
        first: RecordId,
        /// How many.
        count: u32,
        /// As in [`Outcome::Failed`].
        timeout: bool,
    },
    /// A reader was handed records, in this order.
    Read {
        /// The reader.
        by: ReaderId,
        /// Where they lie.
        place: Place,
        /// The offset of the parcel's first record.
        base_offset: u64,
        /// The records.
        parcel: Parcel,
        /// Which of them.
        part: Part,
    },
    /// A reader's handler has finished these records, the last of them now.
    Processed {
        /// The reader.
        by: ReaderId,
        /// Where they lie.
        place: Place,
        /// The offset of the parcel's first record.
        base_offset: u64,
        /// The records.
        parcel: Parcel,
        /// Which of them.
        part: Part,
        /// Handler time per record: the one before the last was done this much earlier.
        each: SimDuration,
    },
}

impl KeyId {
    /// The key's bytes: `k` and the number in decimal. Returns how many of `buffer` are used.
    pub fn write(self, buffer: &mut [u8; 12]) -> usize {
        let size = self.size() as usize;
        let mut rest = self.0;
        for digit in buffer[1..size].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        buffer[0] = b'k';
        size
    }

    /// How many bytes the key has.
    pub fn size(self) -> u32 {
        // The number of digits by one look at a table: a logarithm is three times as slow.
        let row = DIGITS[(self.0 | 1).ilog2() as usize];
        1 + ((u64::from(self.0) + row) >> 32) as u32
    }
}

/// For numbers of each bit length: what has to be added so that the upper half of the sum is the
/// number of decimal digits.
const DIGITS: [u64; 32] = {
    let mut rows = [0; 32];
    let (mut bits, mut digits, mut power) = (0, 1, 10);
    while bits < 32 {
        let least = 1_u64 << bits;
        if least >= power {
            digits += 1;
            power *= 10;
        }
        // Numbers of this bit length have `digits` digits, or one more from `power` on.
        rows[bits] = if power < 2 * least {
            ((digits + 1) << 32) - power
        } else {
            digits << 32
        };
        bits += 1;
    }
    rows
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_k_and_its_number() {
        let powers = (0..10).map(|exponent| 10_u32.pow(exponent));
        let bits = (0..32).map(|bit| 1_u32 << bit);
        for number in powers.chain(bits).chain([u32::MAX]) {
            for key in [number - 1, number, number.saturating_add(1)] {
                let mut buffer = [0; 12];
                let size = KeyId(key).write(&mut buffer);
                assert_eq!(&buffer[..size], format!("k{key}").as_bytes());
                assert_eq!(KeyId(key).size() as usize, size);
            }
        }
    }
}
