//! Why administrators get no answer.

use std::path::PathBuf;

use thiserror::Error;
use tonic::{Code, Status};

use crate::snapshot::{Code as SnapshotCode, SnapshotError};

/// Why administrators get no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The daemon does not answer.
    #[error("cannot reach the daemon at {}", .path.display())]
    Unreachable {
        /// Its socket.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The daemon refuses, or fails.
    #[error("the daemon says: {}", .0.message())]
    Refused(Box<Status>),
    /// The same without a daemon.
    #[error(transparent)]
    Snapshots(#[from] SnapshotError),
}

impl AdminError {
    /// Returns whether what was asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        match self {
            Self::Refused(status) => status.code() == Code::NotFound,
            Self::Snapshots(error) => error.code() == SnapshotCode::NotFound,
            Self::Unreachable { .. } => false,
        }
    }
}

impl From<Status> for AdminError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}
