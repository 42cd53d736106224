//! Paths as UTF-16.

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::{self, Component, Path, Prefix};

/// Returns a path in UTF-16.
pub(in crate::sys) fn path_units(path: &Path) -> Option<Vec<u16>> {
    Some(path.as_os_str().encode_wide().collect())
}

/// Adds the zero that ends a string.
pub(super) fn ended(units: impl Iterator<Item = u16>) -> Vec<u16> {
    units.chain([0]).collect()
}

/// Returns a path for functions that take longer ones than of 260 units only if nothing in them has to be resolved.
pub(super) fn whole_path(path: &Path) -> io::Result<Vec<u16>> {
    let path = path::absolute(path)?;
    let units = |start: &str, path: &Path| {
        let mut whole = OsString::from(start);
        whole.push(path);
        ended(whole.encode_wide())
    };
    Ok(match path.components().next() {
        Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::Disk(_)) => units(r"\\?\", &path),
        // Shares and devices have other forms, which nothing here needs.
        _ => units("", &path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_disks_are_left_as_they_are() {
        let whole = |path: &str| {
            let units = whole_path(Path::new(path)).unwrap();
            String::from_utf16(units.strip_suffix(&[0]).unwrap()).unwrap()
        };
        assert_eq!(whole(r"C:\a\..\b/c"), r"\\?\C:\b\c");
        assert_eq!(whole(r"\\?\C:\b"), r"\\?\C:\b");
        assert_eq!(whole(r"\\server\share\x"), r"\\server\share\x");
    }
}
