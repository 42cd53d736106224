//! The integration tests: one binary, a module for each theme. Those that need Linux, or would be the same everywhere and
//! take long, run there alone.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[cfg(target_os = "linux")]
mod admin;
#[cfg(target_os = "linux")]
mod anatomy;
#[cfg(target_os = "linux")]
mod arrows;
#[cfg(target_os = "linux")]
mod capi;
#[cfg(target_os = "linux")]
mod cli;
mod crash;
mod export;
mod formats;
#[cfg(target_os = "linux")]
mod fuse;
#[cfg(target_os = "linux")]
#[path = "../make_image/generator/mod.rs"]
mod generator;
mod golden;
#[cfg(target_os = "linux")]
mod hive_oracles;
#[cfg(target_os = "linux")]
mod images;
mod import;
mod layer_set;
mod model;
#[cfg(target_os = "linux")]
mod mutations;
#[cfg(target_os = "linux")]
mod native;
#[cfg(target_os = "linux")]
mod pull;
mod read;
#[cfg(target_os = "linux")]
mod self_test;
#[cfg(target_os = "linux")]
mod snapshot;
mod support;
mod write;
