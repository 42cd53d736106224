//! `cimsnap doctor`.

use std::io::{self, Write};
use std::path::PathBuf;

use cimsnap::daemon::doctor::{Health, Symptom, default_containerd_config, examine};
use cimsnap::escape::on_one_line;
use serde::Serialize;

use crate::cli::Result;
use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};

/// Find out what keeps containerd and the daemon from working together
///
/// Looks at the machine, at both daemons, and at what containerd is told of ours. Ends with 3 where something does not work.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap doctor
  cimsnap doctor --containerd-config /etc/containerd/config.toml")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// The configuration of containerd
    #[arg(long, value_name = "FILE", default_value_os_t = default_containerd_config())]
    containerd_config: PathBuf,
}

#[derive(Debug, Serialize)]
struct Answer {
    well: bool,
    symptoms: Vec<Symptom>,
}

impl Args {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        let symptoms = examine(&self.daemon.config()?, &self.containerd_config);
        let well = symptoms.iter().all(|symptom| symptom.health != Health::Error);
        let answer = Answer { well, symptoms };
        ui.answer(&answer, |out| print(out, &answer.symptoms))?;
        Ok(if well { Exit::Success } else { Exit::No })
    }
}

fn print(out: &mut Out, symptoms: &[Symptom]) -> io::Result<()> {
    for Symptom { health, seen, advice } in symptoms {
        let mark = match health {
            Health::Ok => "ok",
            Health::Warning => "warning",
            Health::Error => "error",
        };
        writeln!(out, "{mark}: {}", on_one_line(seen))?;
        if !advice.is_empty() {
            writeln!(out, "    {}", on_one_line(advice))?;
        }
    }
    Ok(())
}
