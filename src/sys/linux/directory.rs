//! Directories, and whose they are.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

/// Makes a directory that only its owner may enter, and those above it, unless they are there.
pub fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Returns where a path leads, without links on the way.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// Sets mode, user and group.
pub fn set_owner(path: &Path, mode: u32, uid: u32, gid: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    chown(path, Some(uid), Some(gid))
}
