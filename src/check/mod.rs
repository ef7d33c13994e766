//! L2, checkers: what a run did, judged from facts and views only, one file per guarantee.

pub mod audit;
pub mod guarantees;
pub mod tally;
