use std::io::Write;

use cimsnap::escape::on_one_line;
use cimsnap::mount::{Mounter, SystemMounter};
use serde::Serialize;

use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::ui::{Ui, line};

/// List the mounts of images
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim mounts
  cimsnap cim mounts --json")]
pub(crate) struct Args {}

#[derive(Debug, Serialize)]
struct Entry {
    image: String,
    directory: String,
    /// Whether somebody still serves it.
    alive: bool,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let mut out = ui.out();
        for mount in SystemMounter::this_program()?.list()? {
            let alive = mount.is_alive();
            let (image, directory) = (mount.image.display().to_string(), mount.at.display().to_string());
            if ui.is_json() {
                line(&mut out, &Entry { image, directory, alive })?;
            } else {
                let mark = if alive { "" } else { " (dead)" };
                writeln!(out, "{} on {}{mark}", on_one_line(image), on_one_line(directory))?;
            }
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}
