//! Disks that containers of Windows write to.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no disk.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
    /// There is nothing to make one of.
    #[error("there is no {}, the formatted empty disk that those of containers are copies of", .0.display())]
    NoTemplate(PathBuf),
    /// A copy is as large as what it is a copy of.
    #[error("cannot make a disk of {size} bytes: all disks are copies of {}", .template.display())]
    Size {
        /// What was asked for.
        size: u64,
        /// What they are copies of.
        template: PathBuf,
    },
    /// It cannot be written.
    #[error("cannot make disk {}", .at.display())]
    Make {
        /// The disk.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes disks that containers write to.
pub(super) trait ScratchDisks: fmt::Debug + Send + Sync {
    /// Makes a disk with an empty file system of NTFS: of that many bytes, or as large as disks are if nobody says.
    fn make(&self, at: &Path, size: Option<u64>) -> Result<(), DiskError>;
}

/// Copies a disk that somebody has made.
#[derive(Debug)]
pub(super) struct Template {
    path: PathBuf,
}

impl Template {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl ScratchDisks for Template {
    fn make(&self, at: &Path, size: Option<u64>) -> Result<(), DiskError> {
        if let Some(size) = size {
            return Err(DiskError::Size { size, template: self.path.clone() });
        }
        match fs::copy(&self.path, at) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound && !self.path.exists() => {
                Err(DiskError::NoTemplate(self.path.clone()))
            }
            Err(source) => Err(DiskError::Make { at: at.to_owned(), source }),
        }
    }
}
