//! L1, Kafka's vocabulary: plain data, parsing, printing; no behaviour.

pub mod api;
pub mod compression;
pub mod config;
pub mod cpu;
pub mod encoding;
pub mod error_code;
pub mod fact;
pub mod ids;
pub mod message;
pub mod metadata_records;
pub mod partitioner;
pub mod quota;
pub mod records;
pub mod size;
pub mod throttled_replicas;
pub mod view;
