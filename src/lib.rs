//! Retrial.
pub mod sim;
