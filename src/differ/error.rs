//! Why a layer is not applied, or not made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::layer::stream::StreamError;
use crate::snapshot::{Code, SnapshotError};

/// Why a layer is not applied, or not made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DifferError {
    /// The mounts are of another snapshotter.
    #[error("the mounts are not those of a snapshot of cimsnap")]
    NotOurs,
    /// The media type is of no layer that can be converted.
    #[error("media type {0:?} is not supported")]
    MediaType(String),
    /// The digest is none.
    #[error("{0:?} is no sha256 digest")]
    Digest(String),
    /// containerd does not answer.
    #[error("cannot reach containerd at {}", .path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: tonic::transport::Error,
    },
    /// containerd refuses a request.
    #[error("containerd does not {action}")]
    Refused {
        /// What it was to do.
        action: &'static str,
        /// Why not.
        source: Box<tonic::Status>,
    },
    /// The blob cannot be read.
    #[error("cannot read blob {digest}")]
    Blob {
        /// The blob.
        digest: String,
        /// Why.
        source: io::Error,
    },
    /// The blob is not what it should be.
    #[error("cannot apply blob {digest}")]
    Stream {
        /// The blob.
        digest: String,
        /// Why.
        source: StreamError,
    },
    /// The layer cannot be converted.
    #[error("cannot apply blob {digest}")]
    Apply {
        /// The blob.
        digest: String,
        /// Why.
        source: SnapshotError,
    },
    /// The blob of a difference cannot be stored.
    #[error("cannot store the layer")]
    Upload {
        /// Why.
        source: io::Error,
    },
    /// containerd received other bytes than were sent.
    #[error("containerd stored blob {stored} in place of {digest}")]
    Stored {
        /// The blob that was sent.
        digest: String,
        /// The blob that was stored.
        stored: String,
    },
    /// The snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Whoever asked does not wait any more.
    #[error("nobody waits for the answer")]
    Cancelled,
}

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifferCode {
    /// Another differ should be asked.
    NotOurs,
    /// The request makes no sense.
    Invalid,
    /// The layer is not what it should be.
    BadLayer,
    /// containerd does not answer.
    Unavailable,
    /// Nobody waits.
    Cancelled,
    /// As with snapshots.
    Snapshot(Code),
}

impl DifferError {
    /// Returns what a caller can act on.
    pub fn code(&self) -> DifferCode {
        match self {
            Self::NotOurs | Self::MediaType(_) => DifferCode::NotOurs,
            Self::Digest(_) => DifferCode::Invalid,
            Self::Unreachable { .. } => DifferCode::Unavailable,
            Self::Stream { .. } => DifferCode::BadLayer,
            Self::Cancelled => DifferCode::Cancelled,
            Self::Refused { .. } | Self::Blob { .. } | Self::Upload { .. } | Self::Stored { .. } => {
                DifferCode::Snapshot(Code::Internal)
            }
            Self::Apply { source, .. } | Self::Snapshot(source) => match source {
                SnapshotError::Import(_) if source.code() == Code::Internal => DifferCode::BadLayer,
                _ => DifferCode::Snapshot(source.code()),
            },
        }
    }

    pub(super) fn refused(action: &'static str) -> impl FnOnce(tonic::Status) -> Self {
        move |source| Self::Refused { action, source: Box::new(source) }
    }
}
