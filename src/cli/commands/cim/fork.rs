use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use cimsnap::cim::io::DiskDirectory;
use cimsnap::cim::{Image, Writer, files};

use super::create::{Made, Writing};
use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::image::{same_directory, shown, typed_path};
use crate::cli::source::Counts;
use crate::cli::ui::Ui;

/// Make an image that shares all it can with another one
///
/// Deletions come first, then what SOURCE holds takes the place of what has the same path. The parent stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim fork base.cim app.cim ./app
  cimsnap cim fork base.cim slim.cim --delete usr/share/doc --delete usr/share/man")]
pub(crate) struct Args {
    /// The image to begin from
    parent: PathBuf,
    /// The image to make, in the same directory
    new: PathBuf,
    /// What to add: a directory, a tar (also of gzip or zstd), or - for a tar on standard input
    #[arg(required_unless_present = "delete")]
    source: Option<PathBuf>,
    /// What to leave out of the parent, with all below it; may be given many times
    #[arg(long, value_name = "PATH")]
    delete: Vec<String>,
    #[command(flatten)]
    writing: Writing,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let started = Instant::now();
        let (directory, parent_name) = files::split_image_path(&self.parent)?;
        let (_, name) = files::split_image_path(&self.new)?;
        same_directory(&self.parent, &self.new)?;
        let parent = Image::open(&self.parent)?;
        let options = self.writing.options(Some(&parent))?;
        let mut writer =
            Writer::fork(Arc::new(DiskDirectory::new(&directory)), &parent_name, &name, options)?;
        for path in &self.delete {
            let path = typed_path(&parent, path)?;
            writer.delete(&path).with_context(|| format!("cannot delete {}", shown(&path)))?;
        }
        let counts = match &self.source {
            Some(source) => self.writing.add(&mut writer, source, &ui.progress("read", 0))?,
            None => Counts::default(),
        };
        writer.commit()?;
        let made = Made::new(&self.new, &name, counts, started.elapsed())?;
        ui.summary(&made, &made.text())?;
        Ok(Exit::Success)
    }
}
