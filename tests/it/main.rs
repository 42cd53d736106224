//! The integration tests: one binary, a module for each theme.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod arrows;
mod crash;
mod hive_oracles;
mod layer_set;
mod model;
mod mutations;
mod read;
mod support;
mod write;
