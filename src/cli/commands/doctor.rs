//! `cimsnap doctor`.

use std::io::{self, Write};
use std::path::PathBuf;

use cimsnap::daemon::doctor::{
    Event, Health, Report, SelfTest, Symptom, Verdict, default_containerd_config, examine,
};
use cimsnap::escape::on_one_line;
use cimsnap::sys::note_requests_to_end;
use serde::Serialize;

use crate::cli::Result;
use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};

/// Find out what keeps containerd and the daemon from working together
///
/// Looks at the machine, at both daemons, and at what containerd is told of ours. Ends with 3 where something does not work.
///
/// With --self-test, writes images through cimfs.dll and through the portable engine, mounts them through the driver, compares
/// them with what was written, and removes everything. Ends with 0 only if every step passed. The report can be attached to a
/// bug report.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap doctor
  cimsnap doctor --containerd-config /etc/containerd/config.toml
  cimsnap doctor --self-test > report.txt")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// The configuration of containerd
    #[arg(long, value_name = "FILE", default_value_os_t = default_containerd_config())]
    containerd_config: PathBuf,
    /// Write, mount and compare images instead
    #[arg(long, conflicts_with = "containerd_config")]
    self_test: bool,
    /// The library that writes and mounts images in the self-test; that of the configuration or of the system if not given
    #[arg(long, value_name = "PATH", requires = "self_test")]
    cimfs_library: Option<PathBuf>,
    /// Where the self-test writes its images, in a directory of their own; the directory for temporary files if not given
    #[arg(long, value_name = "DIR", requires = "self_test")]
    directory: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Answer {
    well: bool,
    symptoms: Vec<Symptom>,
}

impl Args {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        if self.self_test {
            return self.test(ui);
        }
        let symptoms = examine(&self.daemon.config()?, &self.containerd_config);
        let well = symptoms.iter().all(|symptom| symptom.health != Health::Error);
        let answer = Answer { well, symptoms };
        ui.answer(&answer, |out| print(out, &answer.symptoms))?;
        Ok(if well { Exit::Success } else { Exit::No })
    }

    fn test(self, ui: &Ui) -> Result {
        note_requests_to_end()?;
        let library = match self.cimfs_library {
            Some(library) => Some(library),
            None => self.daemon.config()?.cimfs_library,
        };
        let directory = self.directory.unwrap_or_else(std::env::temp_dir);
        let mut failure = None;
        let report = SelfTest { library, directory }.run(&mut |event| {
            // Each step is printed when it has ended, since a driver may crash in the next one.
            if !ui.is_json() && failure.is_none() {
                failure = print_event(*ui, event).err();
            }
        });
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        ui.answer(&TestAnswer { verdict: report.verdict(), report: &report }, |out| {
            report.write_result(out)
        })?;
        Ok(match report.verdict() {
            Verdict::Passed => Exit::Success,
            Verdict::Failed | Verdict::Incomplete => Exit::No,
            Verdict::Interrupted => Exit::Failure,
        })
    }
}

#[derive(Debug, Serialize)]
struct TestAnswer<'r> {
    verdict: Verdict,
    #[serde(flatten)]
    report: &'r Report,
}

fn print_event(ui: Ui, event: Event<'_>) -> io::Result<()> {
    let mut out = ui.out();
    match event {
        Event::Node(report) => report.write_head(&mut out)?,
        Event::Step(step) => writeln!(out, "{step}")?,
    }
    out.flush()
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
