//! Why other users could change what a path leads to.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a path cannot be trusted. The text names the file, its owner, its mode, and what to do.
#[derive(Debug, Error)]
pub enum TrustError {
    /// Another user owns the file, and can change it at any time.
    #[error(
        "{} is owned by user {uid} (mode {mode:04o}), who can replace what is in it: run `chown {expected} {}`",
        .path.display(), .path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its permission bits.
        mode: u32,
        /// The user that should own it.
        expected: u32,
    },
    /// Other users can add, rename and delete files in the directory.
    #[error(
        "{} is writable by other users (owner {uid}, mode {mode:04o}): run `chmod go-w {}`, or choose another directory",
        .path.display(), .path.display()
    )]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// Other users can access a file that is private.
    #[error(
        "{} can be accessed by other users (owner {uid}, mode {mode:04o}): run `chmod go= {}`",
        .path.display(), .path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Its permission bits.
        mode: u32,
    },
    /// The file cannot be checked.
    #[error("cannot look at {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl TrustError {
    /// Returns whether a file is missing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
