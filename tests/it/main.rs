//! Tests of the whole: properties, determinism, mutations, the command line, the book.

mod administration;
mod auto_creation;
mod book;
mod case;
mod determinism;
mod dice;
mod faults;
mod fuzz;
mod growth;
mod library;
mod metrics;
mod mutations;
mod properties;
mod random_faults;
mod retention;
mod scale;
mod swarm;
mod throttle;
