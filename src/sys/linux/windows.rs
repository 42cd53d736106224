//! Which Windows this is.

/// Returns the build and the revision of Windows: this is none.
pub fn windows_build() -> Option<(u32, u32)> {
    None
}
