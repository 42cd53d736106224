//! Paths as UTF-16.

use std::os::windows::ffi::OsStrExt;
use std::path::Path;

/// Returns a path in UTF-16.
pub(in crate::sys) fn path_units(path: &Path) -> Option<Vec<u16>> {
    Some(path.as_os_str().encode_wide().collect())
}

/// Adds the zero that ends a string.
pub(super) fn ended(units: impl Iterator<Item = u16>) -> Vec<u16> {
    units.chain([0]).collect()
}
