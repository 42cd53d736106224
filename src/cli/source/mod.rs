//! Where the files of an image come from: a directory or a tar.

#[cfg_attr(not(target_os = "linux"), path = "no_directory.rs")]
mod directory;
mod tar;
#[cfg_attr(windows, expect(dead_code, reason = "no directory is read there"))]
mod target;

use std::path::Path;

use anyhow::Context;
use cimsnap::cim::Writer;

use super::Result;
use super::ui::Progress;
use target::Target;
pub(crate) use target::{Counts, System};

/// Stands for standard input.
const STDIN: &str = "-";

/// Puts all that a source holds into an image.
pub(crate) fn add(writer: &mut Writer, source: &Path, system: System, progress: &Progress) -> Result<Counts> {
    let mut target = Target::new(writer, system, progress);
    if source.as_os_str() == STDIN {
        tar::add(&mut target, std::io::stdin())?;
    } else if source.is_dir() {
        directory::add(&mut target, source)?;
    } else {
        let file =
            std::fs::File::open(source).with_context(|| format!("cannot open {}", source.display()))?;
        tar::add(&mut target, file).with_context(|| format!("cannot read {}", source.display()))?;
    }
    target.finish()
}
