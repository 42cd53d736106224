//! What administrators ask: the same answers from a daemon that runs, and from a store that lies still.
//!
//! ```text
//!   Admin ──┬─ Client ── socket ── AdminService ──┐
//!           └─────────────────────────────────────┴─► answers ─► snapshots
//! ```

mod answers;
mod client;
mod error;
mod service;

use std::sync::Arc;

pub use client::Client;
pub use error::AdminError;
pub use message::{Garbage, Image, Layer, Snapshot};
pub use service::AdminService;

use crate::snapshot::Snapshots;

/// What is generated from `proto/cimsnap/v1/admin.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
mod message {
    tonic::include_proto!("cimsnap.v1");
}

/// Whom to ask. All of it blocks.
#[derive(Debug)]
pub enum Admin {
    /// The daemon.
    Daemon(Client),
    /// What the daemon would have, while it is stopped.
    Store(Arc<Snapshots>),
}

impl Admin {
    /// Tells all that is known of one snapshot.
    pub fn snapshot(&self, key: &str) -> Result<Snapshot, AdminError> {
        match self {
            Self::Daemon(client) => client.snapshot(key),
            Self::Store(snapshots) => Ok(answers::snapshot(snapshots, key)?),
        }
    }

    /// Tells the same of all snapshots, in the order of their keys.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, AdminError> {
        match self {
            Self::Daemon(client) => client.snapshots(),
            Self::Store(snapshots) => Ok(answers::snapshots(snapshots)?),
        }
    }

    /// Removes what no snapshot needs any more, or tells what that would be.
    pub fn collect(&self, dry_run: bool) -> Result<Garbage, AdminError> {
        match self {
            Self::Daemon(client) => client.collect(dry_run),
            Self::Store(snapshots) => Ok(answers::collect(snapshots, dry_run)?),
        }
    }
}
