//! Deliberate mistakes, for tests of the checkers: a broker that breaks one rule.
//!
//! No scenario file can ask for one. A checker that stays silent under a mutation is no checker.

/// One rule that a broker breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mutation {
    /// A produce is answered with success before its append is done: whether it fails, and
    /// whether the followers get it, the producer never learns.
    AckBeforeAppend,
    /// A leader does not compare the epochs of a follower's log with its own, so that a follower
    /// keeps a tail that the leader never had.
    SkipEpochCheck,
    /// A leader's high watermark is its log end, whatever its followers have.
    AdvanceHighWatermarkEarly,
    /// A new leader forgets which batches it copied from which producers.
    ForgetProducerState,
    /// Retention takes every closed or open segment for old enough.
    IgnoreTimestamps,
}
