use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use cimsnap::cim::check::{CheckOptions, Finding, Report, Severity, check_in};
use cimsnap::cim::files;
use cimsnap::cim::format::{Major, Version};
use cimsnap::cim::io::DiskDirectory;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};
use crate::cli::{Result, pulled, text};

/// Check that an image obeys every rule of its format
///
/// Errors are what no reader should trust. Notes are unusual, but can be read. Ends with 3 where there are errors.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim check doc.cim
  cimsnap cim check doc.cim --deep")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// Read all data and compare it with its digests
    #[arg(long)]
    deep: bool,
    /// How many findings to show
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    max: usize,
}

#[derive(Debug, Serialize)]
struct Answer {
    /// The version of the image, where it could be opened.
    version: Option<String>,
    /// Whether support for that version is experimental.
    experimental: bool,
    sound: bool,
    errors: u64,
    notes: u64,
    names: u64,
    files: u64,
    objects: u64,
    hashed: u64,
    findings: Vec<Found>,
}

#[derive(Debug, Serialize)]
struct Found {
    severity: &'static str,
    file: String,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    fault: String,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let (directory, name) = files::split_image_path(&pulled::path(&self.image)?)?;
        let options = CheckOptions { deep: self.deep, max_findings: self.max };
        let progress = ui.progress("checked", 0);
        let report = check_in(Arc::new(DiskDirectory::new(&directory)), &name, options)?;
        drop(progress);
        ui.answer(&answer(&report), |out| print(out, &report))?;
        Ok(if report.is_sound() { Exit::Success } else { Exit::No })
    }
}

fn answer(report: &Report) -> Answer {
    Answer {
        version: report.version.map(|version| version.to_string()),
        experimental: experimental(report).is_some(),
        sound: report.is_sound(),
        errors: report.errors,
        notes: report.notes,
        names: report.seen.names,
        files: report.seen.files,
        objects: report.seen.objects,
        hashed: report.seen.hashed,
        findings: report.findings.iter().map(found).collect(),
    }
}

/// Returns the version of an image of which support is experimental.
fn experimental(report: &Report) -> Option<Version> {
    report.version.filter(|version| version.known().is_some_and(Major::is_experimental))
}

fn found(finding: &Finding) -> Found {
    Found {
        severity: severity(finding),
        file: finding.place.file.clone(),
        offset: finding.place.offset,
        path: finding.path.clone(),
        fault: finding.fault.to_string(),
    }
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Note => "note",
    }
}

fn print(out: &mut Out, report: &Report) -> io::Result<()> {
    if let Some(version) = experimental(report) {
        writeln!(
            out,
            "version {version}, of which support is experimental: parts of the format are unknown"
        )?;
    }
    for finding in &report.findings {
        writeln!(out, "{}: {finding}", severity(finding))?;
    }
    if report.dropped() > 0 {
        writeln!(out, "and {} more", report.dropped())?;
    }
    let verdict = if report.is_sound() { "sound" } else { "not sound" };
    let errors = text::count(report.errors, "error", "errors");
    let notes = text::count(report.notes, "note", "notes");
    let files = text::count(report.seen.files, "file or directory", "files and directories");
    let names = text::count(report.seen.names, "name", "names");
    write!(out, "{verdict}: {errors}, {notes}; {files}, {names}")?;
    match report.seen.hashed {
        0 => writeln!(out),
        bytes => writeln!(out, ", {} compared with their digests", text::size(bytes)),
    }
}
