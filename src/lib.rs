//! Retrial puts event streaming on trial: a deterministic discrete-event simulator of Apache Kafka.
//!
//! The modules, in reading order, lowest layer first; imports go down only.

// L0: the engine. It knows no Kafka word.
pub mod sim;

// L1: vocabulary, plain data.
pub mod delivery;
pub mod kafka;

// L2: parts without a process.
pub mod check;
pub mod log;
pub mod metadata;
pub mod rpc;
pub mod workload;

// L3: the protocol's state machines.
pub mod broker;
pub mod client;
pub mod controller;

// L4 to L7: applications, the whole cluster, what breaks, scenario files.
pub mod app;
pub mod cluster;
pub mod fault;
pub mod scenario;

// L8 to L10: runs, reports, the command line.
pub mod report;
pub mod run;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod seeds;
#[cfg(feature = "wasm")]
pub mod wasm;
