//! Kafka's configs: names, defaults and ranges as in Apache Kafka 4.2, one struct per kind of node.
//!
//! A config has one name everywhere: `replica.lag.time.max.ms` in scenarios and output,
//! `replica_lag_time_max` in Rust.

pub mod broker;
pub mod consumer;
pub mod producer;
pub mod topic;
