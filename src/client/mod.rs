//! L3, parts of Kafka's clients: a process holds them, none is one.

pub mod admin;
pub mod consumer;
pub mod metadata;
pub mod producer;
