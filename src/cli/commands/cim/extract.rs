use std::path::PathBuf;
use std::time::Instant;

use cimsnap::mount::ViewKind;
use cimsnap::mount::view::View;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::extract::extract;
use crate::cli::source::Counts;
use crate::cli::ui::{Ui, complain};
use crate::cli::{Result, pulled, text};

/// Copy all files of an image into a new directory
///
/// As root, with owners and devices. Security descriptors and attributes of Windows have no place in a directory of
/// Linux; a mount shows them as system.ntfs_* xattrs.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim extract doc.cim ./doc")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// The directory to fill: new, or empty
    directory: PathBuf,
    /// Take files as `linux` or `windows` has them, or each as where it came from
    #[arg(long, default_value_t, value_name = "AUTO|LINUX|WINDOWS")]
    view: ViewKind,
}

#[derive(Debug, Serialize)]
struct Answer {
    #[serde(flatten)]
    counts: Counts,
    left_out: u64,
    seconds: f64,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let started = Instant::now();
        let view = View::new(pulled::open(&self.image)?, self.view)?;
        let progress = ui.progress("wrote", 0);
        let done = extract(&view, &self.directory, &progress)?;
        drop(progress);
        let took = started.elapsed();
        let left_out = done.left_out.as_ref().map_or(0, |(count, _)| *count);
        if let Some((count, first)) = &done.left_out {
            let things = text::count(*count, "thing was", "things were");
            complain("warning", &format!("{things} left out, the first: {first}"));
        }
        let Counts { files, directories, bytes } = done.counts;
        let text = format!(
            "{}: {}, {}, {} in {}",
            self.directory.display(),
            text::count(files, "file", "files"),
            text::count(directories, "directory", "directories"),
            text::size(bytes),
            text::pace(bytes, took),
        );
        ui.summary(&Answer { counts: done.counts, left_out, seconds: took.as_secs_f64() }, &text)?;
        Ok(Exit::Success)
    }
}
