//! Why the daemon does not run, or what it keeps cannot be looked at.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use thiserror::Error;

use super::ConfigError;
use crate::engine::NoNativeEngine;
use crate::mount::MountError;
use crate::rpc::admin::AdminError;
use crate::snapshot::SnapshotError;
use crate::sys::TrustError;

/// Why the daemon does not run, or what it keeps cannot be looked at.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine that is asked for cannot be had.
    #[error(transparent)]
    Engine(#[from] NoNativeEngine),
    /// The snapshots cannot be opened.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
    /// The daemon that runs does not answer.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// There is nothing to look at.
    #[error("no daemon listens on {}, and there is no store in {}", .socket.display(), .root.display())]
    NoStore {
        /// Where it would listen.
        socket: PathBuf,
        /// Where it would keep snapshots.
        root: PathBuf,
    },
    /// Images cannot be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The socket cannot be listened on.
    #[error("cannot listen on {}", .path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Other users could put their own socket in the place of the daemon's.
    #[error("cannot listen on {}", .path.display())]
    Untrusted {
        /// The socket.
        path: PathBuf,
        /// Who could, and how.
        source: TrustError,
    },
    /// The service manager passed on a socket to which too many users can connect.
    #[error("cannot use the socket that was passed on: {0}")]
    TooOpen(String),
    /// Somebody else listens on the socket.
    #[error("another process listens on {}", .0.display())]
    Taken(PathBuf),
    /// The address for metrics cannot be listened on.
    #[error("cannot tell metrics on {address}")]
    Pages {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// What systemd passed on is no socket.
    #[error("the socket that was passed on cannot be used")]
    Passed(#[source] io::Error),
    /// The process lacks something.
    #[error("cannot {action}")]
    Process {
        /// What it cannot do.
        action: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The file of the database could not be read or written, and the database refuses all that comes after.
    #[error("the database {} failed and has to be opened again: {reason}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What happened first.
        reason: String,
    },
    /// Serving broke off.
    #[error("serving broke off")]
    Serve(#[from] tonic::transport::Error),
}
