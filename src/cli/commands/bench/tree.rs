//! What a container sees, walked through and read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// What a walk has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Found {
    pub(super) files: u64,
    pub(super) others: u64,
    pub(super) bytes: u64,
}

const BUFFER: usize = 1 << 20;

/// Looks at everything below a directory, links not followed.
pub(super) fn walk(directory: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    each(directory, &mut |_, metadata| {
        if metadata.is_file() {
            found.files += 1;
            found.bytes = found.bytes.saturating_add(metadata.len());
        } else {
            found.others += 1;
        }
        Ok(())
    })?;
    Ok(found)
}

/// Reads all files below a directory.
pub(super) fn read(directory: &Path) -> io::Result<u64> {
    let (mut buffer, mut bytes) = (vec![0; BUFFER], 0);
    each(directory, &mut |path, metadata| {
        if metadata.is_file() {
            bytes += drain(path, &mut buffer)?;
        }
        Ok(())
    })?;
    Ok(bytes)
}

fn each(directory: &Path, visit: &mut impl FnMut(&Path, &fs::Metadata) -> io::Result<()>) -> io::Result<()> {
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let metadata = path.symlink_metadata()?;
            visit(&path, &metadata)?;
            if metadata.is_dir() {
                waiting.push(path);
            }
        }
    }
    Ok(())
}

fn drain(path: &Path, buffer: &mut [u8]) -> io::Result<u64> {
    let (mut file, mut bytes) = (File::open(path)?, 0);
    loop {
        match file.read(buffer)? {
            0 => return Ok(bytes),
            len => bytes += u64::try_from(len).unwrap_or(u64::MAX),
        }
    }
}

/// Returns whether a root has the program that does nothing.
pub(super) fn has_true(root: &Path) -> bool {
    ["bin", "usr/bin"].iter().any(|directory| root.join(directory).join("true").symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_found_once_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::write(root.path().join("a/b/three"), "3..").unwrap();
        fs::write(root.path().join("five"), "5....").unwrap();
        std::os::unix::fs::symlink("/", root.path().join("a/root")).unwrap();
        assert_eq!(walk(root.path()).unwrap(), Found { files: 2, others: 3, bytes: 8 });
        assert_eq!(read(root.path()).unwrap(), 8);
        assert!(!has_true(root.path()));
    }
}
