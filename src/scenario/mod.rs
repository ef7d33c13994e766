//! L7, scenario files: from TOML to what runs, with every problem at its place.

pub mod model;
