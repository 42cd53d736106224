//! Where things are, if nobody says.

use std::env;
use std::path::PathBuf;

use crate::daemon::{Config, ConfigError, Grpc};

/// The configuration.
pub(crate) fn config() -> PathBuf {
    data().join("cimsnap").join("config.toml")
}

/// What the daemon keeps.
pub(crate) fn root() -> PathBuf {
    data().join("cimsnap").join("root")
}

/// What the daemon says as a service.
pub(crate) fn log() -> PathBuf {
    data().join("cimsnap").join("log").join("cimsnap.log")
}

/// Where the daemon listens.
pub(crate) fn socket() -> PathBuf {
    r"\\.\pipe\cimsnap".into()
}

/// Where containerd listens.
pub(crate) fn containerd() -> PathBuf {
    r"\\.\pipe\containerd-containerd".into()
}

/// Where containerd keeps blobs.
pub(crate) fn content_root() -> PathBuf {
    data().join("containerd").join("root").join("io.containerd.content.v1.content")
}

/// The configuration of containerd.
pub(crate) fn containerd_config() -> PathBuf {
    known("ProgramFiles", r"C:\Program Files").join("containerd").join("config.toml")
}

/// Checks what only this system asks of a configuration.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    if config.root.to_str().is_none() {
        return Err(ConfigError::value("root", "it must be Unicode"));
    }
    let Grpc { mode, uid, gid, .. } = Grpc::default();
    if (&config.grpc.mode, config.grpc.uid, config.grpc.gid) != (&mode, uid, gid) {
        return Err(ConfigError::value(
            "grpc",
            "mode, uid and gid are not for pipes, which are for administrators",
        ));
    }
    Ok(())
}

fn data() -> PathBuf {
    known("ProgramData", r"C:\ProgramData")
}

/// Returns a directory that the system names, or where it usually is.
fn known(variable: &str, usual: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| usual.into(), PathBuf::from)
}
