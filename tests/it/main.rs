//! Tests of the whole: properties, determinism, mutations, the command line, the book.

mod book;
mod determinism;
mod library;
mod mutations;
mod properties;
