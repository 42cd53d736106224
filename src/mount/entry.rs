//! What is mounted.

use std::path::PathBuf;

use crate::sys;

/// One of our mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountEntry {
    /// The directory.
    pub at: PathBuf,
    /// The `.cim` file.
    pub image: PathBuf,
    /// The device number that the files of the mount show, as `major:minor`.
    pub device: String,
}

/// Whether the server of a mount answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// It does.
    Serving,
    /// It was killed. The mount stays as a directory in which everything fails, until it is unmounted.
    Dead,
    /// It is there, and has not answered in time. It may have been stopped, or wait for a broken disk.
    Hung,
}

impl MountEntry {
    /// Asks the server whether it is there, and waits for the answer, however long that takes.
    pub fn liveness(&self) -> Liveness {
        if sys::has_server(&self.at) { Liveness::Serving } else { Liveness::Dead }
    }
}
