//! The process that containerd talks to: configuration, socket, logs, and a calm end. No logic of snapshots.

#![cfg(target_os = "linux")]

mod admin;
mod config;
pub mod doctor;
mod error;
mod limits;
mod listen;
mod logging;
mod notify;
mod run;
mod windows_build;

pub use admin::admin;
pub use config::{Config, ConfigError, Containerd, Grpc, Log, LogFormat};
pub use error::DaemonError;
pub use limits::Limits;
pub use run::run;
pub use windows_build::{Caution, WindowsBuild};
