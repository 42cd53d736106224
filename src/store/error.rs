//! What can go wrong with the store.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::cim::CimError;
use crate::sys::TrustError;

/// What can go wrong with the store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the root.
    #[error("{} is in use by another cimsnap", .0.display())]
    InUse(PathBuf),
    /// The database was written by a later version.
    #[error("the database is of schema {found}; this version knows schemas up to {known}")]
    Newer {
        /// What the database says.
        found: u64,
        /// The latest that is known.
        known: u64,
    },
    /// Other users could change the root.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// A directory cannot be used.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open {}", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// The database does not do as it should.
    #[error("the database failed")]
    Database(#[source] Box<redb::Error>),
    /// A row is not what this version writes.
    #[error("row {key:?} of the database cannot be read")]
    Row {
        /// Its key.
        key: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The images cannot be written.
    #[error(transparent)]
    Images(#[from] CimError),
}

impl StoreError {
    pub(super) fn open(path: &Path, source: redb::Error) -> Self {
        Self::Open { path: path.to_owned(), source: Box::new(source) }
    }

    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// Returns whether the disk is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_full(source),
            Self::Open { source, .. } | Self::Database(source) => {
                matches!(&**source, redb::Error::Io(source) if is_full(source))
            }
            Self::Images(error) => error.kind() == crate::cim::ErrorKind::NoSpace,
            _ => false,
        }
    }
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Every error of a step with the database is one of the database.
macro_rules! from_database {
    ($($error:ty),*) => {
        $(impl From<$error> for StoreError {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        })*
    };
}

from_database!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::SetDurabilityError
);
