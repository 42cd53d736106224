//! One module for each family of commands.

pub(crate) mod cim;
#[cfg(target_os = "linux")]
pub(crate) mod config;
#[cfg(target_os = "linux")]
pub(crate) mod daemon;
pub(crate) mod image;
pub(crate) mod layer;
