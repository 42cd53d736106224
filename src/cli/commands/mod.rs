//! One module for each family of commands.

pub(crate) mod cim;
#[cfg(target_os = "linux")]
pub(crate) mod config;
#[cfg(target_os = "linux")]
pub(crate) mod daemon;
#[cfg(target_os = "linux")]
pub(crate) mod doctor;
#[cfg(target_os = "linux")]
pub(crate) mod fsck;
#[cfg(target_os = "linux")]
pub(crate) mod gc;
pub(crate) mod image;
pub(crate) mod layer;
#[cfg(target_os = "linux")]
pub(crate) mod snapshot;
