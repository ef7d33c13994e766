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
mod load;
mod log_dirs;
mod metrics;
mod mutations;
mod page_cache;
mod properties;
mod random_faults;
mod retention;
mod scale;
mod start_at;
mod swarm;
mod throttle;
