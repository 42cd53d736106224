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

impl MountEntry {
    /// Returns whether a server answers for the mount. One whose server was killed stays as a directory in which
    /// everything fails, until it is unmounted.
    pub fn is_alive(&self) -> bool {
        sys::has_server(&self.at)
    }
}
