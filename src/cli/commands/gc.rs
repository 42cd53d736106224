//! `cimsnap gc`.

use std::io::{self, Write};

use cimsnap::escape::on_one_line;
use cimsnap::rpc::admin::Garbage;

use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};
use crate::cli::{Result, text};

/// Remove what no snapshot needs any more
///
/// containerd asks for the same after it has collected its own garbage.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap gc --dry-run
  cimsnap gc --json")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// Remove nothing, and tell what would go
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        let garbage = self.daemon.admin()?.collect(self.dry_run)?;
        ui.answer(&garbage, |out| self.print(out, &garbage))?;
        Ok(Exit::Success)
    }

    fn print(&self, out: &mut Out, garbage: &Garbage) -> io::Result<()> {
        let all =
            [("image", &garbage.images), ("layer", &garbage.layers), ("directory", &garbage.directories)];
        for (what, names) in all {
            names.iter().try_for_each(|name| writeln!(out, "{what} {}", on_one_line(name)))?;
        }
        let verb = if self.dry_run { "would remove" } else { "removed" };
        let count = |names: &[String], one, many| {
            text::count(u64::try_from(names.len()).unwrap_or(u64::MAX), one, many)
        };
        let images = count(&garbage.images, "image", "images");
        let layers = count(&garbage.layers, "layer", "layers");
        let directories = count(&garbage.directories, "directory", "directories");
        writeln!(out, "{verb} {images}, {layers}, {directories}: {}", text::size(garbage.bytes))
    }
}
