//! `cimsnap bench`.
//!
//! ```text
//!   session   a namespace of containerd, gone in the end        ctr      whom all of it asks
//!   image     which image, and how it comes there               machine  on what
//!   documents what it consists of                               tree     what is walked and read
//!   round     unpack, start, walk, read, weigh, remove          report   what is told of it
//!   figures   what was measured, and what not
//! ```

mod ctr;
mod documents;
mod error;
mod figures;
mod image;
mod machine;
mod report;
mod round;
mod session;
mod tree;

use std::cell::Cell;
use std::collections::HashSet;
use std::path::PathBuf;

use cimsnap::registry::PlatformWish;
use cimsnap::sys::note_requests_to_end;
pub(crate) use error::BenchError;

use crate::cli::Result;
use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use ctr::Ctr;
use documents::Subject;
use figures::Figures;
use machine::Machine;
use report::Report;
use round::Rounds;
use session::Session;
use tree::Found;

/// Measure pulls and containers on this machine, beside containerd's own snapshotters
///
/// Unpacks an image again and again through containerd, in a namespace that is made for it and removed in the end, also after
/// Ctrl-C. The network is not measured. Ends with 3 where something could not be measured.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap bench
  cimsnap bench --image docker.io/library/python:latest --against overlayfs,erofs --rounds 10")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// The image, fetched if containerd does not have it; the largest that containerd has and cimsnap has not, if nothing is given
    #[arg(long, value_name = "REF")]
    image: Option<String>,
    /// What the image is for; this machine's platform if not given
    #[arg(long)]
    platform: Option<PlatformWish>,
    /// The snapshotters to compare with
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "overlayfs")]
    against: Vec<String>,
    /// How often each snapshotter has its turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// The socket of containerd, whatever the configuration says
    #[arg(long, value_name = "SOCKET")]
    containerd: Option<PathBuf>,
    /// Fetch the image from a registry without TLS
    #[arg(long)]
    plain_http: bool,
}

/// What containerd calls us.
const OURS: &str = "cimsnap";

impl Args {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        note_requests_to_end()?;
        let address = self
            .containerd
            .clone()
            .map_or_else(|| self.daemon.config().map(|config| config.containerd.address), Ok)?;
        let ctr = Ctr::find(address)?;
        let machine = Machine::examine(&ctr)?;
        if !knows_us(&ctr)? {
            return Err(BenchError::NoSnapshotter(OURS).into());
        }
        let mut session = Session::open(&ctr, self.snapshotters())?;
        let report = self.measure(&session, machine, ui);
        session.close()?;
        let report = report?;
        ui.answer(&report, |out| report.print(out))?;
        Ok(if report.figures.not_measured.is_empty() { Exit::Success } else { Exit::No })
    }

    fn snapshotters(&self) -> Vec<String> {
        let mut all = vec![OURS.to_owned()];
        for name in &self.against {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        all
    }

    fn measure(&self, session: &Session, machine: Machine, ui: &Ui) -> Result<Report> {
        let platform = self.platform.clone().unwrap_or_else(PlatformWish::here);
        let had = self.had(ui)?;
        let subject = image::bring(session, self.image.as_deref(), &platform, self.plain_http, &had)?;
        let (runs, found) = (Cell::new(false), Cell::new(Found::default()));
        let rounds = Rounds { session, subject: &subject, runs, found };
        let figures = self.turns(&rounds, ui)?;
        Ok(self.report(&rounds, figures, machine))
    }

    /// Returns the blobs that cimsnap has made layers of, which it would not read again.
    fn had(&self, ui: &Ui) -> Result<HashSet<String>> {
        let snapshots = self.daemon.admin().and_then(|admin| Ok(admin.snapshots()?));
        match snapshots {
            Ok(snapshots) => {
                Ok(snapshots.into_iter().filter_map(|s| s.layer).map(|layer| layer.blob).collect())
            }
            Err(error) => {
                ui.warn(&format!("whether cimsnap has the image already cannot be told: {error:#}"));
                Ok(HashSet::new())
            }
        }
    }

    /// Has each snapshotter take its turn in each round. Another one begins each time.
    fn turns(&self, rounds: &Rounds<'_>, ui: &Ui) -> Result<Figures> {
        let mut figures = Figures::default();
        let mut names = rounds.session.snapshotters.clone();
        let steps = u64::from(self.rounds + 1) * u64::try_from(names.len())?;
        let progress = ui.steps(steps);
        for round in 0..=self.rounds {
            for name in &names {
                progress.step(format!("{name}, round {round}"));
                match round {
                    0 => rounds.warm_up(name, &mut figures)?,
                    _ => rounds.measure(name, &mut figures)?,
                }
            }
            names.rotate_left(1);
        }
        Ok(figures)
    }

    fn report(&self, rounds: &Rounds<'_>, figures: Figures, machine: Machine) -> Report {
        let Subject { reference, source, .. } = rounds.subject;
        Report {
            image: reference.clone(),
            platform: source.platform.to_string(),
            layers: source.layers.len(),
            blob_bytes: source.layers.iter().map(|layer| layer.blob.size).sum(),
            rounds: self.rounds,
            program_ran: rounds.runs.get(),
            root: rounds.found.get(),
            snapshotters: rounds.session.snapshotters.clone(),
            figures,
            machine,
        }
    }
}

fn knows_us(ctr: &Ctr) -> Result<bool> {
    let listed = ctr.ask(&["plugins", "list"])?;
    let is_ours = |line: &str| line.split_whitespace().take(2).eq(["io.containerd.snapshotter.v1", OURS]);
    Ok(listed.lines().any(is_ours))
}
