//! Why a request about a snapshot is refused, or fails.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::DiskError;
use crate::cim::{CimError, ErrorKind};
use crate::layer::commit::CommitError;
use crate::layer::digest::Digest;
use crate::layer::export::ExportError;
use crate::layer::import::{ImportError, LayerOs};
use crate::mount::MountError;
use crate::store::{Kind, StoreError};

/// Why a request about a snapshot is refused, or fails.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// There is no such snapshot.
    #[error("snapshot {0:?} does not exist")]
    NotFound(String),
    /// There is such a snapshot.
    #[error("snapshot {0:?} exists already")]
    Exists(String),
    /// A key is empty.
    #[error("a snapshot needs a key")]
    NoKey,
    /// What is to be the parent may still change.
    #[error("parent {0:?} is not committed")]
    ParentNotCommitted(String),
    /// As before, where the state and not the request is at fault.
    #[error("parent {0:?} is not committed")]
    RebaseNotCommitted(String),
    /// A snapshot that has a parent cannot get another.
    #[error("snapshot {key:?} has parent {has:?}, and cannot be committed with {wanted:?}")]
    OtherParent {
        /// The snapshot.
        key: String,
        /// Its parent.
        has: String,
        /// What it was to have.
        wanted: String,
    },
    /// The snapshot is of the wrong kind.
    #[error("snapshot {key:?} is {}, which cannot be {verb}", name_of(*.kind))]
    Kind {
        /// The snapshot.
        key: String,
        /// What it is.
        kind: Kind,
        /// What was to be done.
        verb: &'static str,
    },
    /// Other snapshots stand on it.
    #[error("cannot remove snapshot {0:?}: it has children")]
    HasChildren(String),
    /// Only labels can be updated.
    #[error("cannot update {0:?} of a snapshot: only labels change")]
    Immutable(String),
    /// A filter is not one.
    #[error("filter {filter:?}: {reason}")]
    Filter {
        /// The text.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It was to get a layer, and did not, or has lost it.
    #[error(
        "snapshot {0:?} was made before the daemon was restarted, and its layer is not there: pull the image again"
    )]
    Unfilled(String),
    /// A layer does not fit the image below it.
    #[error("a layer for {layer} cannot lie over an image for {parent}")]
    OtherSystem {
        /// The system of the layer.
        layer: LayerOs,
        /// The system of the image.
        parent: LayerOs,
    },
    /// What an image lies over was written by an engine that is not to be had.
    #[error(
        "image {0} would lie over one that the native engine wrote, and there is no library for that: set cimfs_library, or \
         remove all images of Windows from containerd and pull them again"
    )]
    NoNativeEngine(Digest),
    /// A container has nothing to run.
    #[error("snapshot {0:?} has no parent, and containers of Windows need an image")]
    NoImage(String),
    /// What was written is in the file system of a disk.
    #[error("snapshot {0:?} was filled with no layer, and what a container wrote to its disk becomes none")]
    NoFiles(String),
    /// A label says what cannot be.
    #[error("label {label} is {value:?}, which is no size")]
    Label {
        /// The label.
        label: &'static str,
        /// What it says.
        value: String,
    },
    /// There is no disk for a container to write to.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Files that were written over a Windows image say nothing of what Windows needs to know.
    #[error("snapshot {0:?} was written to on Linux, and cannot become a layer of Windows")]
    NotForWindows(String),
    /// A directory of a snapshot cannot be used.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The images.
    #[error(transparent)]
    Cim(#[from] CimError),
    /// A layer cannot become an image.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A directory cannot become a layer.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// As before.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// An image cannot be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
}

/// What a caller can act on: the codes of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// There is no such thing.
    NotFound,
    /// There is such a thing.
    AlreadyExists,
    /// The request makes no sense.
    InvalidArgument,
    /// The request makes sense, but not now.
    FailedPrecondition,
    /// The disk is full.
    ResourceExhausted,
    /// This cannot be done here.
    Unimplemented,
    /// Something does not answer now, and may answer later.
    Unavailable,
    /// Something broke.
    Internal,
}

impl SnapshotError {
    /// Returns what a caller can act on.
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NotFound,
            Self::Exists(_) => Code::AlreadyExists,
            Self::NoKey
            | Self::ParentNotCommitted(_)
            | Self::OtherParent { .. }
            | Self::Immutable(_)
            | Self::Label { .. }
            | Self::Filter { .. }
            | Self::Disk(DiskError::TooSmall { .. }) => Code::InvalidArgument,
            Self::RebaseNotCommitted(_) | Self::Kind { .. } | Self::HasChildren(_) | Self::Unfilled(_) => {
                Code::FailedPrecondition
            }
            Self::OtherSystem { .. }
            | Self::NoNativeEngine(_)
            | Self::Disk(DiskError::NoTemplate(_) | DiskError::NoMaker { .. } | DiskError::NoMachine(_)) => {
                Code::FailedPrecondition
            }
            Self::NotForWindows(_)
            | Self::NoImage(_)
            | Self::NoFiles(_)
            | Self::Disk(DiskError::Size { .. }) => Code::Unimplemented,
            Self::Cim(error) if error.kind() == ErrorKind::Unsupported => Code::Unimplemented,
            Self::Mount(MountError::Hung { .. }) => Code::Unavailable,
            _ if self.is_full() => Code::ResourceExhausted,
            _ => Code::Internal,
        }
    }

    fn is_full(&self) -> bool {
        match self {
            Self::Store(error) => return error.is_full(),
            // Said of itself, as the native engine does, and by no cause of it.
            Self::Commit(CommitError::Image(error)) if error.kind() == ErrorKind::NoSpace => return true,
            _ => {}
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let full = match (error.downcast_ref::<CimError>(), error.downcast_ref::<io::Error>()) {
                (Some(error), _) => error.kind() == ErrorKind::NoSpace,
                (_, Some(error)) => {
                    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
                }
                _ => false,
            };
            if full {
                return true;
            }
            cause = error.source();
        }
        false
    }

    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::View => "a view",
        Kind::Active => "active",
        Kind::Committed => "committed",
    }
}
