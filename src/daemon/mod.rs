//! The process that containerd talks to: configuration, socket, logs, and a calm end. No logic of snapshots.

mod accept;
mod admin;
mod config;
mod database;
pub mod doctor;
mod ending;
mod engines;
mod error;
mod limits;
mod logging;
mod pages;
mod run;
#[cfg_attr(windows, path = "windows/mod.rs")]
#[cfg_attr(unix, path = "linux/mod.rs")]
mod system;
mod traces;
mod windows_build;
pub mod wiring;

pub use admin::admin;
pub use config::{Config, ConfigError, Containerd, Grpc, Key, Log, LogFormat, MetricsPages, Table};
pub use error::DaemonError;
pub use limits::Limits;
pub use run::run;
#[cfg(windows)]
pub use system::service;
pub use traces::Tracing;
pub use windows_build::{Caution, WindowsBuild};
