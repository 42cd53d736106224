//! A round: an image is unpacked with one snapshotter, used, and removed again.

use std::cell::Cell;
use std::time::Instant;

use cimsnap::sys::asked_to_end;

use super::ctr::{self, Ctr};
use super::documents::{ROUND, Subject};
use super::error::BenchError;
use super::figures::{Figures, Measure};
use super::session::{Session, patiently};
use super::tree::{self, Found};

type Result<T> = std::result::Result<T, BenchError>;

/// What all rounds share.
#[derive(Debug)]
pub(super) struct Rounds<'b> {
    pub(super) session: &'b Session,
    pub(super) subject: &'b Subject,
    /// Whether a program of the image can run here.
    pub(super) runs: Cell<bool>,
    pub(super) found: Cell<Found>,
}

/// How the snapshot is called that is mounted. It is prepared, as for a container: ctr does not keep views from the collection
/// of garbage.
const MOUNTED: &str = "cimsnap-bench-mounted";

impl Rounds<'_> {
    /// Does all once, so that programs and blobs are in memory, and finds out what the image has.
    pub(super) fn warm_up(&self, snapshotter: &str, figures: &mut Figures) -> Result<()> {
        if let Err(error) = self.unpack(snapshotter) {
            going_on()?;
            self.give_up(snapshotter, &error, figures);
            return Ok(());
        }
        if let Err(error) = self.find_out(snapshotter) {
            let measures = [Measure::WalkSeconds, Measure::ReadSeconds];
            measures.iter().for_each(|&measure| figures.miss(snapshotter, measure, &error.to_string()));
        }
        going_on()?;
        // Whether this works is seen in the rounds.
        drop(self.start(snapshotter));
        going_on()?;
        self.remove(snapshotter)
    }

    /// Notes that an image cannot be unpacked, and removes what there is of it. Perhaps there is not even such a snapshotter.
    fn give_up(&self, snapshotter: &str, error: &BenchError, figures: &mut Figures) {
        Measure::ALL.iter().for_each(|&measure| figures.miss(snapshotter, measure, &error.to_string()));
        drop(self.remove(snapshotter));
    }

    fn find_out(&self, snapshotter: &str) -> Result<()> {
        let root = self.session.root();
        self.mounted(snapshotter, || {
            let here = self.subject.source.platform.os == std::env::consts::OS;
            self.runs.set(here && tree::has_true(&root));
            self.found.set(tree::walk(&root).map_err(|error| told("walk", error))?);
            Ok(())
        })
    }

    /// Measures all that can be measured.
    pub(super) fn measure(&self, snapshotter: &str, figures: &mut Figures) -> Result<()> {
        if figures.misses(snapshotter, Measure::UnpackSeconds) {
            return Ok(());
        }
        rustix::fs::sync();
        let unpacked = self.unpack(snapshotter);
        going_on()?;
        match unpacked {
            Ok(seconds) => figures.record(snapshotter, Measure::UnpackSeconds, seconds),
            Err(error) => {
                self.give_up(snapshotter, &error, figures);
                return Ok(());
            }
        }
        keep(figures, snapshotter, Measure::StartSeconds, timed(|| self.start(snapshotter)))?;
        if !figures.misses(snapshotter, Measure::WalkSeconds) {
            self.look(snapshotter, figures)?;
        }
        keep(figures, snapshotter, Measure::DiskBytes, self.weigh(snapshotter))?;
        self.remove(snapshotter)
    }

    fn ctr(&self) -> &Ctr {
        &self.session.ctr
    }

    fn chain(&self) -> String {
        self.subject.source.layers.last().map(|layer| layer.chain_id.to_string()).unwrap_or_default()
    }

    fn snapshots(&self, snapshotter: &str, arguments: &[&str]) -> Result<String> {
        self.ctr().ask(&[&["snapshots", "--snapshotter", snapshotter], arguments].concat())
    }

    /// Unpacks the image, and returns how many seconds that took.
    fn unpack(&self, snapshotter: &str) -> Result<f64> {
        let platform = self.subject.platform.to_string();
        let import = ["images", "import", "--snapshotter", snapshotter, "--platform", &platform, "-"];
        let seconds = timed(|| self.ctr().feed(&import, &self.subject.pointer).map(drop))?;
        // Without this, a snapshotter for which containerd unpacks nothing would be the fastest.
        self.snapshots(snapshotter, &["info", &self.chain()])?;
        Ok(seconds)
    }

    fn start(&self, snapshotter: &str) -> Result<()> {
        if !self.runs.get() {
            return self.mounted(snapshotter, || Ok(()));
        }
        let name = self.ctr().namespace();
        // Below the root, so that no group of the namespace is left.
        let group = format!("/{name}");
        let run = ["run", "--rm", "--snapshotter", snapshotter, "--cgroup", &group, ROUND, name, "true"];
        self.ctr().ask(&run).map(drop)
    }

    fn look(&self, snapshotter: &str, figures: &mut Figures) -> Result<()> {
        let root = self.session.root();
        let mut walked = Err(BenchError::Told("the time of a walk"));
        let mut read = Err(BenchError::Told("the time to read"));
        let seen = self.mounted(snapshotter, || {
            walked = timed(|| tree::walk(&root).map(drop).map_err(|error| told("walk", error)));
            read = timed(|| tree::read(&root).map(drop).map_err(|error| told("read", error)));
            Ok(())
        });
        let both = [(Measure::WalkSeconds, walked), (Measure::ReadSeconds, read)];
        for (measure, time) in both {
            if let Err(error) = &seen {
                keep(figures, snapshotter, measure, Err(told("mount", error)))?;
            } else {
                keep(figures, snapshotter, measure, time)?;
            }
        }
        Ok(())
    }

    /// Adds up what the layers take.
    fn weigh(&self, snapshotter: &str) -> Result<f64> {
        let mut sum = 0.0;
        for layer in &self.subject.source.layers {
            let told = self.snapshots(snapshotter, &["usage", "-b", &layer.chain_id.to_string()])?;
            let bytes =
                told.lines().last().and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            sum += bytes.ok_or(BenchError::Told("what a layer takes"))?;
        }
        Ok(sum)
    }

    /// Does something where the image is mounted as for a container.
    fn mounted(&self, snapshotter: &str, does: impl FnOnce() -> Result<()>) -> Result<()> {
        let root = self.session.root();
        let root = root.to_string_lossy();
        let commands =
            self.snapshots(snapshotter, &["prepare", "--target", &root, MOUNTED, &self.chain()])?;
        let done = mount(&commands).and_then(|()| {
            let done = does();
            ctr::run("umount", &[&root]).and(done)
        });
        self.snapshots(snapshotter, &["delete", MOUNTED]).and(done)
    }

    /// Removes what a round has unpacked. The blobs stay, as those of another image.
    fn remove(&self, snapshotter: &str) -> Result<()> {
        let label = format!("containerd.io/gc.ref.snapshot.{snapshotter}=");
        self.ctr().ask(&["content", "label", &self.subject.config, &label])?;
        self.ctr().ask(&["images", "delete", "--sync", ROUND])?;
        patiently(self.ctr(), || match self.snapshots(snapshotter, &["list"])?.lines().count() {
            // The line of titles.
            0 | 1 => Ok(()),
            _ => Err(BenchError::Left(snapshotter.to_owned())),
        })
    }
}

/// Does what ctr says a mount takes.
fn mount(commands: &str) -> Result<()> {
    for command in commands.lines() {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["mount", arguments @ ..] => ctr::run("mount", arguments)?,
            _ => return Err(BenchError::Mount(command.to_owned())),
        };
    }
    Ok(())
}

/// Keeps what was measured, or why it could not be.
fn keep(figures: &mut Figures, snapshotter: &str, measure: Measure, value: Result<f64>) -> Result<()> {
    going_on()?;
    match value {
        Ok(value) => figures.record(snapshotter, measure, value),
        Err(error) => figures.miss(snapshotter, measure, &error.to_string()),
    }
    Ok(())
}

/// Fails where somebody has asked the bench to end.
fn going_on() -> Result<()> {
    if asked_to_end() { Err(BenchError::Interrupted) } else { Ok(()) }
}

fn timed(does: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    does()?;
    Ok(start.elapsed().as_secs_f64())
}

fn told(command: &str, why: impl ToString) -> BenchError {
    BenchError::Command { command: command.to_owned(), why: why.to_string() }
}
