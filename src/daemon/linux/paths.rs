//! Where things are, if nobody says.

use std::path::PathBuf;

use crate::daemon::{Config, ConfigError};

/// The configuration.
pub(crate) fn config() -> PathBuf {
    "/etc/cimsnap/config.toml".into()
}

/// What the daemon keeps.
pub(crate) fn root() -> PathBuf {
    "/var/lib/cimsnap".into()
}

/// Where the daemon listens.
pub(crate) fn socket() -> PathBuf {
    "/run/cimsnap/cimsnap.sock".into()
}

/// Where containerd listens.
pub(crate) fn containerd() -> PathBuf {
    "/run/containerd/containerd.sock".into()
}

/// Where containerd keeps blobs.
pub(crate) fn content_root() -> PathBuf {
    "/var/lib/containerd/io.containerd.content.v1.content".into()
}

/// The configuration of containerd.
pub(crate) fn containerd_config() -> PathBuf {
    "/etc/containerd/config.toml".into()
}

/// Checks what only this system asks of a configuration.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    // The kernel takes paths in the options of an overlay, where these mean something.
    if config.root.to_str().is_none_or(|root| root.contains([':', ',', '\\', '"'])) {
        let reason = "a path that overlays can use has none of : , \\ \" in it, and is UTF-8";
        return Err(ConfigError::value("root", reason));
    }
    match config.grpc.mode() {
        Some(_) => Ok(()),
        None => Err(ConfigError::value("grpc.mode", "it must be octal digits, 0600 for example")),
    }
}
