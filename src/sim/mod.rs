//! L0, the engine: virtual time, events, hosts, connections, disks, clocks and faults.

pub mod clock;
pub mod disk;
pub mod process;
pub mod ratio;
pub mod rng;
pub mod time;
