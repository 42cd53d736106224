//! Paths that only root and this user can redirect.
//!
//! Every directory on the way is checked, symlinks included: a user who can write to one of them can replace the rest of the
//! path. A directory with the sticky bit protects what is in it from other users, but not names that are free, so only
//! ancestors may have it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use rustix::process::geteuid;

use crate::sys::TrustError;

const ROOT: u32 = 0;
const STICKY: u32 = 0o1000;
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;
const PERMISSIONS: u32 = 0o7777;

/// Symlinks that one path may have, as in the kernel.
const MAX_LINKS: usize = 40;

/// Where a path leads.
struct Resolved {
    path: PathBuf,
    metadata: Metadata,
}

/// Checks that only root and this user can change the entries of a directory, and the way there.
pub fn require_trusted_directory(path: &Path) -> Result<(), TrustError> {
    let found = resolve(path)?;
    require_unwritable(&found.path, &found.metadata)
}

/// Checks that only root and this user can replace a file, which may be missing. What is in it is not checked.
pub fn require_trusted_ancestors(path: &Path) -> Result<(), TrustError> {
    let path = absolute(path)?;
    let above = path.ancestors().skip(1).map(resolve).find(|found| !is_missing(found));
    let found = above.unwrap_or_else(|| resolve(Path::new("/")))?;
    require_directory(&found.path, &found.metadata)
}

/// Makes a directory and its missing ancestors with a mode that the umask does not change. Only root and this user may be able
/// to change the entries of the directory, and the way there.
pub fn make_trusted_directory(path: &Path, mode: u32) -> Result<(), TrustError> {
    let path = absolute(path)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|path| is_missing(&resolve(path))).collect();
    for directory in missing.into_iter().rev() {
        require_trusted_ancestors(directory)?;
        let made = DirBuilder::new().mode(0o700).create(directory);
        match made.and_then(|()| fs::set_permissions(directory, Permissions::from_mode(mode))) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(failed(directory)(error));
            }
            _ => {}
        }
    }
    require_trusted_directory(&path)
}

/// Checks that only root and this user can put another socket in the place of one, and that it is owned by root, this user or
/// `owner`.
pub fn require_trusted_socket(path: &Path, owner: u32) -> Result<(), TrustError> {
    let found = resolve(path)?;
    require_trusted_directory(found.path.parent().unwrap_or(&found.path))?;
    match found.metadata.uid() == owner {
        true => Ok(()),
        false => require_owner(&found.path, &found.metadata),
    }
}

/// Checks that no other user owns or can access a file or a directory. Symlinks are not followed.
pub fn require_private(path: &Path) -> Result<(), TrustError> {
    let metadata = look(path)?;
    require_owner(path, &metadata)?;
    match metadata.is_symlink() || metadata.mode() & OTHERS == 0 {
        true => Ok(()),
        false => {
            let (uid, mode) = (metadata.uid(), metadata.mode() & PERMISSIONS);
            Err(TrustError::Exposed { path: path.to_owned(), uid, mode })
        }
    }
}

/// Takes the rights of other users to a file or a directory away. Returns whether there were any. Fails if another user owns
/// it.
pub fn make_owner_only(path: &Path) -> Result<bool, TrustError> {
    match require_private(path) {
        Err(TrustError::Exposed { mode, .. }) => {
            let restricted = Permissions::from_mode(mode & !OTHERS);
            fs::set_permissions(path, restricted).map_err(failed(path))?;
            Ok(true)
        }
        checked => checked.map(|()| false),
    }
}

/// Follows a path, and checks each directory and each symlink on the way.
fn resolve(path: &Path) -> Result<Resolved, TrustError> {
    let mut left: VecDeque<OsString> = names(&absolute(path)?).collect();
    let mut at = PathBuf::from("/");
    let mut metadata = look(&at)?;
    require_owner(&at, &metadata)?;
    let mut links = 0_usize;
    while let Some(name) = left.pop_front() {
        require_directory(&at, &metadata)?;
        if name == ".." {
            at.pop();
            metadata = look(&at)?;
            continue;
        }
        let next = at.join(name);
        let found = look(&next)?;
        if found.is_symlink() {
            require_owner(&next, &found)?;
            links += 1;
            if links > MAX_LINKS {
                return Err(failed(path)(io::Error::other("too many symlinks")));
            }
            let target = fs::read_link(&next).map_err(failed(&next))?;
            if target.is_absolute() {
                at = PathBuf::from("/");
                metadata = look(&at)?;
            }
            names(&target).rev().for_each(|name| left.push_front(name));
            continue;
        }
        // Files that are no directories are checked by the caller, who knows what they may be.
        if found.is_dir() {
            require_owner(&next, &found)?;
        }
        (at, metadata) = (next, found);
    }
    Ok(Resolved { path: at, metadata })
}

/// Checks a directory through which a path leads on.
fn require_directory(path: &Path, metadata: &Metadata) -> Result<(), TrustError> {
    if !metadata.is_dir() {
        return Err(failed(path)(io::ErrorKind::NotADirectory.into()));
    }
    match metadata.mode() & STICKY {
        0 => require_unwritable(path, metadata),
        _ => Ok(()),
    }
}

fn require_unwritable(path: &Path, metadata: &Metadata) -> Result<(), TrustError> {
    match metadata.mode() & OTHERS_WRITE {
        0 => Ok(()),
        _ => {
            let (uid, mode) = (metadata.uid(), metadata.mode() & PERMISSIONS);
            Err(TrustError::Writable { path: path.to_owned(), uid, mode })
        }
    }
}

fn require_owner(path: &Path, metadata: &Metadata) -> Result<(), TrustError> {
    let (uid, user) = (metadata.uid(), geteuid().as_raw());
    match uid == ROOT || uid == user {
        true => Ok(()),
        false => {
            let mode = metadata.mode() & PERMISSIONS;
            Err(TrustError::Owner { path: path.to_owned(), uid, mode, expected: user })
        }
    }
}

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> + use<> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.collect::<Vec<_>>().into_iter()
}

fn absolute(path: &Path) -> Result<PathBuf, TrustError> {
    std::path::absolute(path).map_err(failed(path))
}

fn look(path: &Path) -> Result<Metadata, TrustError> {
    fs::symlink_metadata(path).map_err(failed(path))
}

fn is_missing(found: &Result<Resolved, TrustError>) -> bool {
    found.as_ref().is_err_and(TrustError::is_not_found)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> TrustError {
    move |source| TrustError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// Makes `a/b` in a temporary directory.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap().join("a/b");
        fs::create_dir_all(&path).unwrap();
        (place, path)
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn private_directories_are_trusted() {
        let (_place, path) = place();
        require_trusted_directory(&path).unwrap();
        require_trusted_directory(&path.join("../b/.")).unwrap();
        require_trusted_ancestors(&path.join("missing/too")).unwrap();
    }

    #[test]
    fn directories_that_others_can_write_to_are_refused() {
        let (_place, path) = place();
        for (mode, is_last_trusted, is_ancestor_trusted) in [
            (0o755, true, true),
            (0o2711, true, true),
            (0o775, false, false),
            (0o757, false, false),
            (0o777, false, false),
            (0o1777, false, true),
            (0o1775, false, true),
        ] {
            set_mode(&path, mode);
            assert_eq!(require_trusted_directory(&path).is_ok(), is_last_trusted, "{mode:o}");
            let inner = path.join("inner");
            assert_eq!(require_trusted_ancestors(&inner).is_ok(), is_ancestor_trusted, "{mode:o}");
            assert_eq!(make_trusted_directory(&inner, 0o711).is_ok(), is_ancestor_trusted, "{mode:o}");
            drop(fs::remove_dir(&inner));
        }
    }

    #[test]
    fn every_directory_above_is_checked() {
        let (_place, path) = place();
        set_mode(path.parent().unwrap(), 0o777);
        let error = require_trusted_directory(&path).unwrap_err();
        let text = error.to_string();
        let above = path.parent().unwrap().display();
        assert!(text.contains(&format!("{above} is writable by other users (owner 0, mode 0777)")), "{text}");
        assert!(text.contains(&format!("chmod go-w {above}")), "{text}");
    }

    #[test]
    fn directories_of_other_users_are_refused() {
        let (_place, path) = place();
        chown(path.parent().unwrap(), Some(1000), None).unwrap();
        let text = require_trusted_directory(&path).unwrap_err().to_string();
        assert!(text.contains("/a is owned by user 1000 (mode 0755)"), "{text}");
        assert!(matches!(require_trusted_ancestors(&path), Err(TrustError::Owner { uid: 1000, .. })));
    }

    #[test]
    fn symlinks_are_followed_and_checked() {
        let (place, path) = place();
        let open = place.path().join("open");
        fs::create_dir(&open).unwrap();
        let link = open.join("link");
        symlink(&path, &link).unwrap();
        require_trusted_directory(&link).unwrap();
        // Another user can replace the symlink, though not what it leads to.
        set_mode(&open, 0o777);
        assert!(matches!(require_trusted_directory(&link), Err(TrustError::Writable { .. })));
        // The sticky bit protects it from everybody but its owner.
        set_mode(&open, 0o1777);
        require_trusted_directory(&link).unwrap();
        std::os::unix::fs::lchown(&link, Some(1000), None).unwrap();
        assert!(matches!(require_trusted_directory(&link), Err(TrustError::Owner { .. })));
        let around = place.path().join("around");
        symlink(&around, &around).unwrap();
        assert!(matches!(require_trusted_directory(&around), Err(TrustError::Io { .. })));
    }

    #[test]
    fn missing_directories_are_made_with_their_mode() {
        let (_place, path) = place();
        let deep = path.join("c/d");
        make_trusted_directory(&deep, 0o711).unwrap();
        for made in [&deep, deep.parent().unwrap()] {
            assert_eq!(fs::metadata(made).unwrap().mode() & PERMISSIONS, 0o711);
        }
        make_trusted_directory(&deep, 0o700).unwrap();
        assert_eq!(fs::metadata(&deep).unwrap().mode() & PERMISSIONS, 0o711);
    }

    #[test]
    fn files_are_made_private_unless_another_user_owns_them() {
        let (_place, path) = place();
        let file = path.join("file");
        fs::write(&file, "").unwrap();
        for (mode, restricted) in [(0o666, 0o600), (0o644, 0o600), (0o601, 0o600), (0o4755, 0o4700)] {
            set_mode(&file, mode);
            assert!(
                matches!(require_private(&file), Err(TrustError::Exposed { mode: found, .. }) if found == mode)
            );
            assert!(make_owner_only(&file).unwrap());
            assert_eq!(fs::metadata(&file).unwrap().mode() & PERMISSIONS, restricted);
            assert!(!make_owner_only(&file).unwrap());
        }
        set_mode(&file, 0o666);
        chown(&file, Some(1000), None).unwrap();
        assert!(matches!(make_owner_only(&file), Err(TrustError::Owner { uid: 1000, mode: 0o666, .. })));
        assert_eq!(fs::metadata(&file).unwrap().mode() & PERMISSIONS, 0o666);
        let link = path.join("link");
        symlink("/etc/passwd", &link).unwrap();
        assert!(!make_owner_only(&link).unwrap());
    }

    #[test]
    fn sockets_are_owned_by_root_this_user_or_the_one_that_is_named() {
        let (_place, path) = place();
        let socket = path.join("socket");
        assert!(require_trusted_socket(&socket, 0).unwrap_err().is_not_found());
        let _listener = UnixListener::bind(&socket).unwrap();
        require_trusted_socket(&socket, 0).unwrap();
        chown(&socket, Some(1000), None).unwrap();
        require_trusted_socket(&socket, 1000).unwrap();
        assert!(matches!(require_trusted_socket(&socket, 0), Err(TrustError::Owner { uid: 1000, .. })));
        set_mode(&path, 0o1777);
        assert!(matches!(require_trusted_socket(&socket, 1000), Err(TrustError::Writable { .. })));
    }
}
