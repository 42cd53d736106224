use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use cimsnap::cim::Lease;
use cimsnap::cim::io::DiskDirectory;

use super::import::Reading;
use crate::cli::Result;
use crate::cli::convert::{Blob, Facts};
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Make a layer set of a layer: all of its image that does not depend on a parent
///
/// Prints the id of the set, which follows from what is in the layer. A set that is there already stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap layer set app.tar.gz /var/lib/images")]
pub(crate) struct Args {
    /// A layer: a tar, of gzip, of zstd or plain, or - for one on standard input
    blob: PathBuf,
    /// The directory to make it in
    directory: PathBuf,
    #[command(flatten)]
    reading: Reading,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let started = Instant::now();
        let lease = Lease::take(Arc::new(DiskDirectory::new(&self.directory)))?;
        let os = self.reading.os(None)?;
        let layer = Blob::open(&self.blob, ui)?.import(&lease, os, self.reading.options())?;
        layer.warn(ui);
        let facts = Facts::new(&layer).took(started.elapsed());
        ui.answer(&facts, |out| layer.set.iter().try_for_each(|set| writeln!(out, "{set}")))?;
        Ok(Exit::Success)
    }
}
