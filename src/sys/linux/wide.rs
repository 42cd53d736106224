//! Paths as UTF-16.

use std::path::Path;

/// Returns a path in UTF-16; `None` for one that is no text.
pub(in crate::sys) fn path_units(path: &Path) -> Option<Vec<u16>> {
    path.to_str().map(|text| text.encode_utf16().collect())
}
