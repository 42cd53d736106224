//! The integration tests: one binary, a module for each theme.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod arrows;
#[cfg(target_os = "linux")]
mod capi;
#[cfg(target_os = "linux")]
mod cli;
mod crash;
mod export;
#[cfg(target_os = "linux")]
mod fuse;
mod hive_oracles;
mod import;
mod layer_set;
mod model;
mod mutations;
mod read;
mod support;
mod write;
