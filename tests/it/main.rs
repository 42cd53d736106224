//! The integration tests: one binary, a module for each theme.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod arrows;
mod crash;
mod model;
mod mutations;
mod support;
mod write;
