//! Which Windows this is.

/// Returns the build and the revision of Windows: this is none.
pub fn windows_build() -> Option<(u32, u32)> {
    None
}

/// Returns the version that a library states in the resources of Windows: those of Linux have none.
pub fn file_version(_path: &std::path::Path) -> Option<String> {
    None
}
