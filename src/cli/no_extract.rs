//! An image on its way into a directory, on a system where that is not done yet.

use std::path::Path;

use cimsnap::mount::view::View;

use super::Result;
use super::source::Counts;
use super::ui::Progress;

/// Says that nothing is extracted here.
pub(crate) fn extract(_view: &View, at: &Path, _progress: &Progress) -> Result<Extracted> {
    anyhow::bail!("cannot extract to {}: this system has no files of Linux", at.display())
}

/// What came out of an image.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    pub(crate) counts: Counts,
    /// What this machine does not let anybody make or set: how many, and the first of them.
    pub(crate) left_out: Option<(u64, String)>,
}
