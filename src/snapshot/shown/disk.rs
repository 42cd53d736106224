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
    /// Nor does the system make any.
    #[error("there is no {}, and this Windows makes no disks: it has no {missing}", .template.display())]
    NoMaker {
        /// What disks could be copies of.
        template: PathBuf,
        /// What makes them.
        missing: &'static str,
    },
    /// A copy is as large as what it is a copy of.
    #[error("cannot make a disk of {size} bytes: all disks are copies of {}", .template.display())]
    Size {
        /// What was asked for.
        size: u64,
        /// What they are copies of.
        template: PathBuf,
    },
    /// Disks grow, but do not shrink.
    #[error("cannot make a disk of {size} bytes: disks have at least {least}")]
    TooSmall {
        /// What was asked for.
        size: u64,
        /// What they have.
        least: u64,
    },
    /// There is nothing to make the disk of a virtual machine of.
    #[error("there is no {}, the disk that those of virtual machines are copies of", .0.display())]
    NoMachine(PathBuf),
    /// It cannot be written.
    #[error("cannot make disk {}", .at.display())]
    Make {
        /// The disk.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DiskError {
    /// Wraps a failure to make a disk.
    pub(super) fn make(at: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Make { at: at.to_owned(), source }
    }
}

/// Makes disks that containers write to.
pub(super) trait ScratchDisks: fmt::Debug + Send + Sync {
    /// Makes a disk with an empty file system of NTFS: of that many bytes, or as large as disks are if nobody says. What
    /// it is called must be what the shim calls it, alone in its directory; afterwards it may be moved.
    fn make(&self, at: &Path, size: Option<u64>) -> Result<(), DiskError>;

    /// Lets virtual machines read a disk.
    fn grant_to_machines(&self, at: &Path) -> Result<(), DiskError>;

    /// Takes away what the shim of a container has attached, if it died before it could: the disk in a directory and the
    /// image below it. What is not attached is no fault, and what cannot be taken away keeps its files from being removed.
    fn release(&self, directory: &Path, container: &str);
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

    /// Returns where the disk is, or should be.
    #[cfg_attr(not(windows), expect(dead_code, reason = "nobody else makes disks there"))]
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl ScratchDisks for Template {
    fn make(&self, at: &Path, size: Option<u64>) -> Result<(), DiskError> {
        if let Some(size) = size {
            return Err(DiskError::Size { size, template: self.path.clone() });
        }
        copy(self.path.clone(), at, DiskError::NoTemplate)
    }

    /// Copies are read by whoever may read what they are copies of.
    fn grant_to_machines(&self, _at: &Path) -> Result<(), DiskError> {
        Ok(())
    }

    fn release(&self, _directory: &Path, _container: &str) {}
}

/// Copies a disk that somebody has made, if anybody has: else it is `missing`.
pub(super) fn copy(
    template: PathBuf,
    at: &Path,
    missing: impl FnOnce(PathBuf) -> DiskError,
) -> Result<(), DiskError> {
    match fs::copy(&template, at) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound && !template.exists() => Err(missing(template)),
        Err(source) => Err(DiskError::Make { at: at.to_owned(), source }),
    }
}
