//! Tests of the whole: properties, determinism, mutations, the command line, the book.

mod book;
mod case;
mod determinism;
mod faults;
mod library;
mod mutations;
mod properties;
mod retention;
mod scale;
mod swarm;
