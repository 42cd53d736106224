//! Overlays of the kernel.

use std::path::Path;

use rustix::io::Errno;
use rustix::mount::{FsOpenFlags, fsconfig_create, fsconfig_set_string, fsopen};

/// Returns whether an upper directory belongs to an overlay that is mounted anywhere, in whatever mount namespace.
///
/// The kernel says so when asked to create another overlay on the directory. That one is never attached, and may leave
/// notes in the directory, which must be of no more use.
pub fn is_overlay_mounted(lower: &Path, upper: &Path, work: &Path) -> bool {
    !matches!(create(lower, upper, work), Ok(()) | Err(Errno::STALE))
}

fn create(lower: &Path, upper: &Path, work: &Path) -> rustix::io::Result<()> {
    let overlay = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (option, path) in [("lowerdir", lower), ("upperdir", upper), ("workdir", work)] {
        fsconfig_set_string(&overlay, option, path)?;
    }
    // Without an index the kernel lets two overlays share a directory.
    fsconfig_set_string(&overlay, "index", "on")?;
    fsconfig_create(&overlay)
}
