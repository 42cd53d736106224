//! A directory, on a system whose files are not read yet.

use std::path::Path;

use super::target::Target;
use crate::cli::Result;

/// Says that only tars are read here.
pub(super) fn add(_target: &mut Target<'_>, root: &Path) -> Result<()> {
    anyhow::bail!("{} is a directory; on this system only a tar can be read", root.display())
}
