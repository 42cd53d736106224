//! What a bench tells in the end.

use std::io::{self, Write};

use serde::Serialize;

use super::figures::{Figures, Gap, Measure};
use super::machine::Machine;
use super::tree::Found;
use crate::cli::text;
use crate::cli::ui::Out;

/// What a bench tells in the end.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) image: String,
    pub(super) platform: String,
    pub(super) layers: usize,
    pub(super) blob_bytes: u64,
    pub(super) rounds: u32,
    /// Whether the first container ran a program, or was only prepared and mounted.
    pub(super) program_ran: bool,
    pub(super) root: Found,
    pub(super) snapshotters: Vec<String>,
    #[serde(flatten)]
    pub(super) figures: Figures,
    pub(super) machine: Machine,
}

type Row = [String; 6];

impl Report {
    pub(super) fn print(&self, out: &mut Out) -> io::Result<()> {
        text::table(out, &self.rows())?;
        writeln!(out)?;
        self.print_image(out)?;
        self.print_machine(out)?;
        self.print_gaps(out)
    }

    fn rows(&self) -> Vec<Row> {
        let head = Measure::ALL.map(|measure| measure.name().to_uppercase());
        let mut rows = vec![row("MEDIAN", head)];
        for snapshotter in &self.snapshotters {
            rows.push(row(snapshotter, Measure::ALL.map(|measure| self.cell(snapshotter, measure))));
        }
        let (ours, peers) = self.snapshotters.split_first().map_or(("", &[][..]), |(a, b)| (a.as_str(), b));
        for peer in peers {
            let ratios = Measure::ALL.map(|measure| self.ratio(ours, peer, measure));
            rows.push(row(&format!("{ours} to {peer}"), ratios));
        }
        rows
    }

    fn cell(&self, snapshotter: &str, measure: Measure) -> String {
        match (self.figures.median(snapshotter, measure), measure) {
            (None, _) => "-".to_owned(),
            (Some(value), Measure::DiskBytes) => size(value),
            (Some(value), _) => format!("{value:.3} s"),
        }
    }

    fn ratio(&self, ours: &str, theirs: &str, measure: Measure) -> String {
        let median = |snapshotter| self.figures.median(snapshotter, measure).filter(|median| *median > 0.0);
        match (median(ours), median(theirs)) {
            (Some(ours), Some(theirs)) => format!("{:.2}", ours / theirs),
            _ => "-".to_owned(),
        }
    }

    fn print_image(&self, out: &mut Out) -> io::Result<()> {
        let layers = text::count(u64::try_from(self.layers).unwrap_or(0), "layer", "layers");
        let files = text::count(self.root.files, "file", "files");
        let (blobs, bytes) = (text::size(self.blob_bytes), text::size(self.root.bytes));
        writeln!(out, "image: {}, {}: {layers} of {blobs}, {files} of {bytes}", self.image, self.platform)?;
        let rounds = text::count(self.rounds.into(), "round", "rounds");
        writeln!(
            out,
            "rounds: {rounds} in turns after one that does not count, blobs in containerd's store"
        )?;
        match self.program_ran {
            true => writeln!(out, "first container: ctr run --rm IMAGE true"),
            false => {
                writeln!(
                    out,
                    "first container: prepared, mounted and removed only: nothing of this image runs here"
                )
            }
        }
    }

    fn print_machine(&self, out: &mut Out) -> io::Result<()> {
        let Machine { kernel, processor, processors, memory_bytes, containerd, ctr, runc, cimsnap } =
            &self.machine;
        let processors = text::count(u64::try_from(*processors).unwrap_or(0), "processor", "processors");
        let memory = text::size(*memory_bytes);
        writeln!(out, "machine: Linux {kernel}, {processors} ({processor}), {memory}")?;
        let runc = runc.as_deref().unwrap_or("not in PATH");
        writeln!(out, "programs: cimsnap {cimsnap}, containerd {containerd}, ctr {ctr}, runc {runc}")
    }

    /// Prints what was not measured, and each reason once.
    fn print_gaps(&self, out: &mut Out) -> io::Result<()> {
        let gaps = &self.figures.not_measured;
        for same in gaps.chunk_by(|a, b| (&a.snapshotter, &a.why) == (&b.snapshotter, &b.why)) {
            let measures: Vec<_> = same.iter().map(|gap| gap.measure.name()).collect();
            let Gap { snapshotter, why, .. } = &same[0];
            writeln!(out, "not measured: {} with {snapshotter}: {why}", measures.join(", "))?;
        }
        Ok(())
    }
}

fn row(name: &str, [a, b, c, d, e]: [String; 5]) -> Row {
    [name.to_owned(), a, b, c, d, e]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number that is not negative"
)]
fn size(bytes: f64) -> String {
    text::size(bytes as u64)
}
