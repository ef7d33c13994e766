//! L0, the engine: virtual time, events, hosts, connections, disks, clocks and faults.

pub mod clock;
mod core;
pub(crate) mod digest;
pub mod disk;
mod faults;
mod heap;
pub mod host;
pub mod link;
mod network;
pub mod network_threads;
pub mod observe;
mod page_cache;
mod pending;
pub mod process;
mod queue;
pub mod ratio;
pub mod rng;
mod service;
pub mod time;
#[cfg(test)]
pub(crate) mod toy;
mod transport;
pub mod trigger;
pub mod world;
