//! One module for each family of commands.

#[cfg(target_os = "linux")]
pub(crate) mod bench;
pub(crate) mod cim;
pub(crate) mod config;
pub(crate) mod daemon;
pub(crate) mod doctor;
pub(crate) mod fsck;
pub(crate) mod gc;
pub(crate) mod image;
pub(crate) mod layer;
pub(crate) mod pull;
#[cfg(windows)]
pub(crate) mod service;
pub(crate) mod shell;
pub(crate) mod snapshot;
pub(crate) mod top;
