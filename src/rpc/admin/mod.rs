//! What administrators ask: the same answers from a daemon that runs, and from a store that lies still.
//!
//! ```text
//!   Admin ──┬─ Client ── socket ── AdminService ──┐
//!           └─────────────────────────────────────┴─► Desk ─► snapshots
//! ```

mod client;
mod desk;
mod error;
mod service;

pub use crate::proto::cimsnap::v1::{Finding, Garbage, Image, Layer, Report, Snapshot, Work};
pub use client::Client;
pub use desk::Desk;
pub use error::AdminError;
pub use service::AdminService;

use crate::snapshot::fsck::FsckOptions;

/// Whom to ask. All of it blocks.
#[derive(Debug)]
pub enum Admin {
    /// The daemon.
    Daemon(Box<Client>),
    /// What the daemon would have, while it is stopped.
    Store(Desk),
}

impl Admin {
    /// Tells all that is known of one snapshot.
    pub fn snapshot(&self, key: &str) -> Result<Snapshot, AdminError> {
        match self {
            Self::Daemon(client) => client.snapshot(key),
            Self::Store(desk) => Ok(desk.snapshot(key)?),
        }
    }

    /// Tells the same of all snapshots, in the order of their keys.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>, AdminError> {
        match self {
            Self::Daemon(client) => client.snapshots(),
            Self::Store(desk) => Ok(desk.all()?),
        }
    }

    /// Removes what no snapshot needs any more, or tells what that would be.
    pub fn collect(&self, dry_run: bool) -> Result<Garbage, AdminError> {
        match self {
            Self::Daemon(client) => client.collect(dry_run),
            Self::Store(desk) => Ok(desk.collect(dry_run)?),
        }
    }

    /// Tells what is being converted right now. A daemon that does not run converts nothing.
    pub fn work(&self) -> Result<Vec<Work>, AdminError> {
        match self {
            Self::Daemon(client) => client.work(),
            Self::Store(_) => Ok(Vec::new()),
        }
    }

    /// Tells whether everything is as it should be, and repairs what can be repaired if that is wanted.
    pub fn check(&self, options: FsckOptions) -> Result<Report, AdminError> {
        match self {
            Self::Daemon(client) => client.check(options),
            Self::Store(desk) => Ok(desk.check(options)?),
        }
    }
}
