//! In progress.

pub mod reading;

/// What an application tells observers.
#[derive(Clone, Debug)]
pub enum Fact {
    /// Of Kafka.
    Kafka(crate::kafka::fact::Fact),
    /// Of records.
    Delivery(crate::delivery::Delivery),
}
