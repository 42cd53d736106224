//! Who may access a root: its user alone. Directories have mode 0700, files 0600.
//!
//! What a snapshot has of its own is the exception: its files have the modes that containers see, below a private directory.
//! Mounts are not checked either, since that would ask the processes that serve them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tracing::{info, warn};

use super::{Root, StoreError};
use crate::sys::{self, TrustError};

impl Root {
    /// Takes the rights of other users away, which earlier versions and directories that were there before have left.
    pub(super) fn restrict(&self) -> Result<(), StoreError> {
        let is_new = !self.database().exists();
        let mut restricted = 0_u64;
        self.each_private(&mut |path| {
            restricted += u64::from(sys::make_owner_only(path)?);
            Ok(())
        })?;
        let root = self.path().display();
        match (restricted, is_new) {
            (0, _) => {}
            (_, true) => info!(%root, "other users had access to the new root, and have none any more"),
            _ => {
                warn!(%root, restricted, "other users had access to files of the root, and have none any more")
            }
        }
        Ok(())
    }

    /// Returns what other users could access or change below a root, or on the way there. A root that does not exist is safe.
    pub fn exposures(path: &Path) -> Vec<TrustError> {
        let mut found = Vec::new();
        if let Err(error) = sys::require_trusted_ancestors(path) {
            found.push(error);
        }
        let checked = Self(path.to_owned()).each_private(&mut |path| {
            found.extend(sys::require_private(path).err());
            Ok(())
        });
        found.extend(checked.err());
        found.retain(|error| !error.is_not_found());
        found
    }

    /// Hands each private file and directory to `visit`, the root first.
    fn each_private(&self, visit: &mut dyn FnMut(&Path) -> Result<(), TrustError>) -> Result<(), TrustError> {
        visit(self.path())?;
        for directory in
            [self.path().to_owned(), self.images(), self.native(), self.snapshots(), self.repair()]
        {
            for path in entries(&directory)? {
                match visit(&path) {
                    // Deleted meanwhile.
                    Err(error) if error.is_not_found() => {}
                    visited => visited?,
                }
            }
        }
        Ok(())
    }
}

/// Lists a directory, which may be missing.
fn entries(directory: &Path) -> Result<Vec<PathBuf>, TrustError> {
    let failed = |source| TrustError::Io { path: directory.to_owned(), source };
    match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(failed)?.map(|entry| Ok(entry.map_err(failed)?.path())).collect(),
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;
    use crate::store::Store;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn a_root_that_others_could_access_is_restricted() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        drop(Store::open(&root).unwrap());
        assert!(Root::exposures(&root).is_empty());
        let wide = [
            ("", 0o755, 0o700),
            ("cimsnap.redb", 0o666, 0o600),
            ("cimsnap.spare", 0o644, 0o600),
            ("cim", 0o755, 0o700),
            ("cim/x.cim", 0o666, 0o600),
            ("cim/native", 0o755, 0o700),
            ("cim/native/y.cim", 0o666, 0o600),
            ("snapshots", 0o777, 0o700),
            ("snapshots/7", 0o755, 0o700),
            ("mounts", 0o711, 0o700),
        ];
        for directory in ["cim/native", "snapshots/7/fs"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for file in ["cim/x.cim", "cim/native/y.cim", "snapshots/7/fs/shown"] {
            fs::write(root.join(file), "").unwrap();
        }
        set_mode(&root.join("snapshots/7/fs"), 0o755);
        set_mode(&root.join("snapshots/7/fs/shown"), 0o666);
        for (name, mode, _) in wide {
            set_mode(&root.join(name), mode);
        }
        assert_eq!(Root::exposures(&root).len(), wide.len());
        drop(Store::open(&root).unwrap());
        for (name, _, restricted) in wide {
            assert_eq!(mode(&root.join(name)), restricted, "{name}");
        }
        assert!(Root::exposures(&root).is_empty());
        // What containers see is theirs.
        assert_eq!(mode(&root.join("snapshots/7/fs")), 0o755);
        assert_eq!(mode(&root.join("snapshots/7/fs/shown")), 0o666);
    }

    #[test]
    fn a_root_of_another_user_is_refused() {
        for name in ["", "cimsnap.redb", "cim"] {
            let place = tempfile::tempdir().unwrap();
            let root = place.path().join("root");
            drop(Store::open(&root).unwrap());
            chown(root.join(name), Some(1000), None).unwrap();
            let error = Store::open(&root).unwrap_err().to_string();
            assert!(error.contains("is owned by user 1000 (mode 0"), "{error}");
            assert!(error.contains("run `chown 0 "), "{error}");
            assert_eq!(Root::exposures(&root).len(), 1);
        }
    }

    #[test]
    fn a_root_that_others_can_replace_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("open/root");
        fs::create_dir_all(&root).unwrap();
        set_mode(root.parent().unwrap(), 0o777);
        let error = Store::open(&root).unwrap_err().to_string();
        assert!(error.contains("open is writable by other users (owner 0, mode 0777)"), "{error}");
    }
}
