//! What a release of containerd can do for us.

use super::Symptom;
use crate::differ::Release;

/// Tells what a release can do for us.
pub(super) fn symptom(release: Release) -> Symptom {
    let Release { major, minor } = release;
    if release < Release::FIRST {
        return Symptom::error(
            format!("containerd {major}.{minor} is too old"),
            "install containerd 2.0 or later",
        );
    }
    if release < Release::REBASE {
        return Symptom::warning(
            format!("containerd {major}.{minor} unpacks the layers of an image one after another"),
            "containerd 2.2 or later unpacks them side by side",
        );
    }
    let skips = if release < Release::STAGED { "" } else { ", and leaves out those that are there" };
    Symptom::ok(format!("containerd {major}.{minor} unpacks layers side by side{skips}"))
}
