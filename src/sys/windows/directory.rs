//! Directories, and whose they are.

use std::io;
use std::path::{self, Component, Path, PathBuf, Prefix};

use windows_sys::Win32::Storage::FileSystem::CreateDirectoryW;

use super::security::Private;
use super::wide::whole_path;

/// Makes a directory that only SYSTEM and Administrators may enter, and those above it, unless they are there.
pub fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_private(above)?;
    }
    match create(path) {
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        created => created,
    }
}

/// ERROR_INVALID_FUNCTION, ERROR_MORE_DATA
const UNTOLD: [i32; 2] = [1, 234];

fn create(path: &Path) -> io::Result<()> {
    let private = Private::new()?;
    let wide = whole_path(path)?;
    // SAFETY: the name ends with a zero, and the attributes live as long as the call.
    let created = unsafe { CreateDirectoryW(wide.as_ptr(), &private.attributes()) };
    if created != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns where a path leads, without links on the way, in the form that all programs understand.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let resolved = match path.canonicalize() {
        // Not every file system tells, nor Wine of paths over 260. Then links on the way stay.
        Err(error) if error.raw_os_error().is_some_and(|code| UNTOLD.contains(&code)) => {
            path::absolute(path)?
        }
        resolved => resolved?,
    };
    let mut components = resolved.components();
    let disk = match components.next() {
        Some(Component::Prefix(prefix)) => match prefix.kind() {
            Prefix::VerbatimDisk(letter) => Some(PathBuf::from(format!("{}:", char::from(letter)))),
            _ => None,
        },
        _ => None,
    };
    Ok(disk.map_or_else(|| resolved.clone(), |disk| disk.join(components.as_path())))
}

/// There are no such owners here.
pub fn set_owner(_path: &Path, _mode: u32, _uid: u32, _gid: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_made_with_those_above_them() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a").join("b");
        for _ in 0..2 {
            make_private(&path).unwrap();
            assert!(path.is_dir());
        }
        std::fs::write(place.path().join("file"), "").unwrap();
        assert!(make_private(&place.path().join("file")).is_err());
    }

    #[test]
    fn paths_may_be_longer_than_they_used_to_be() {
        let place = tempfile::tempdir().unwrap();
        let deep = (0..6).fold(place.path().to_owned(), |path, _| path.join("x".repeat(60)));
        assert!(deep.as_os_str().len() > 300);
        make_private(&deep).unwrap();
        let resolved = resolve(&deep).unwrap();
        assert!(resolved.as_os_str().len() > 300);
        std::fs::write(resolved.join("file"), "x").unwrap();
    }

    #[test]
    fn resolved_paths_are_those_that_people_write() {
        let place = tempfile::tempdir().unwrap();
        let resolved = resolve(&place.path().join(".")).unwrap();
        assert!(
            matches!(resolved.components().next(), Some(Component::Prefix(prefix)) if !prefix.kind().is_verbatim())
        );
        assert_eq!(resolved.file_name(), place.path().file_name());
        assert!(resolved.is_dir() && resolved.is_absolute());
    }
}
