use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use cimsnap::escape::on_one_line;
use cimsnap::mount::{Liveness, Mounter, Patience, PatientMounter, SystemMounter};
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

/// How long servers may take to answer, all of them together.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Serialize)]
struct Entry {
    image: String,
    directory: String,
    /// Whether its server answers.
    alive: bool,
    /// Whether there is a server that does not answer.
    hung: bool,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let patience = Patience { liveness: PATIENCE, ..Patience::default() };
        let mounter = PatientMounter::new(Arc::new(SystemMounter::this_program()?), patience);
        let mounts = mounter.list()?;
        let liveness = mounter.liveness(&mounts);
        let mut out = ui.out();
        for (mount, liveness) in mounts.iter().zip(liveness) {
            let (image, directory) = (mount.image.display().to_string(), mount.at.display().to_string());
            if ui.is_json() {
                let (alive, hung) = (liveness == Liveness::Serving, liveness == Liveness::Hung);
                line(&mut out, &Entry { image, directory, alive, hung })?;
            } else {
                let mark = match liveness {
                    Liveness::Serving => "",
                    Liveness::Dead => " (dead)",
                    Liveness::Hung => " (hung)",
                };
                writeln!(out, "{} on {}{mark}", on_one_line(image), on_one_line(directory))?;
            }
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}
