//! `cimsnap fsck`.

use std::io::{self, Write};

use cimsnap::escape::on_one_line;
use cimsnap::rpc::admin::{Finding, Report};
use cimsnap::snapshot::fsck::FsckOptions;

use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};
use crate::cli::{Result, text};

/// Check that everything that the daemon keeps is there and whole
///
/// Changes nothing, unless it is to repair. Ends with 3 where something is wrong, and stays so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap fsck
  cimsnap fsck --deep --repair")]
pub(crate) struct Args {
    #[command(flatten)]
    daemon: Configured,
    /// Read all files: compare them with their digests, and check all images
    #[arg(long)]
    deep: bool,
    /// Remove stray files, convert damaged layers again from the blobs that containerd has, and make damaged images again
    #[arg(long)]
    repair: bool,
}

impl Args {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        let options = FsckOptions { deep: self.deep, repair: self.repair };
        let report = self.daemon.admin()?.check(options)?;
        ui.answer(&report, |out| print(out, &report))?;
        Ok(if report.sound { Exit::Success } else { Exit::No })
    }
}

fn print(out: &mut Out, report: &Report) -> io::Result<()> {
    for Finding { subject, fault, remedy, error, repaired } in &report.findings {
        let [subject, fault, remedy] = [subject, fault, remedy].map(on_one_line);
        match (repaired, error) {
            (true, _) => writeln!(out, "repaired: {subject}: {fault}")?,
            (_, true) => writeln!(out, "error: {subject}: {fault}; {remedy}")?,
            (_, false) => writeln!(out, "note: {subject}: {fault}; {remedy}")?,
        }
    }
    for key in &report.restart {
        writeln!(out, "restart what runs on snapshot {key:?}: it still sees what was there before")?;
    }
    let verdict = if report.sound { "sound" } else { "not sound" };
    let snapshots = text::count(report.snapshots, "snapshot", "snapshots");
    let images = text::count(report.images, "image", "images");
    let layers = text::count(report.layers, "layer", "layers");
    let files = text::count(report.files, "file", "files");
    write!(out, "{verdict}: {snapshots}, {images}, {layers}, {files}")?;
    if report.compared > 0 {
        write!(out, ", {} compared with their digests", text::size(report.compared))?;
    }
    if report.unverified > 0 {
        write!(out, ", {} not verified yet", text::count(report.unverified, "file", "files"))?;
    }
    if report.unread > 0 {
        let images = text::count(report.unread, "image", "images");
        write!(out, ", {images} of a format that only Windows reads, whose trees were not looked at")?;
    }
    writeln!(out)
}
