//! L5, the whole: what brokers, controllers and applications run on which hosts, joined into one
//! world.

pub mod spec;
