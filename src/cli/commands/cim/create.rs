use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cimsnap::cim::io::DiskDirectory;
use cimsnap::cim::{CaseRule, Image, ImageName, Writer, WriterOptions, files};
use clap::ValueEnum;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::layout::LayoutArgs;
use crate::cli::source::{self, Counts, System};
use crate::cli::text;
use crate::cli::ui::{Progress, Ui};
use crate::cli::{Result, image};

/// Make an image of a directory or a tar
///
/// The same files always give the same image, but for the ids of its region files.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim create /srv/rootfs rootfs.cim
  docker export mycontainer | cimsnap cim create - rootfs.cim")]
pub(crate) struct Args {
    /// A directory, a tar (also of gzip or zstd), or - for a tar on standard input
    source: PathBuf,
    /// The image to make
    image: PathBuf,
    #[command(flatten)]
    writing: Writing,
}

/// How an image is written.
#[derive(Debug, clap::Args)]
pub(super) struct Writing {
    /// Whose files they are
    #[arg(long, value_enum, default_value_t)]
    os: System,
    /// Whether names that differ in case only are two; by default they are on Linux
    #[arg(long, value_enum, value_name = "RULE")]
    case: Option<Case>,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Do not wait for the disk: faster, but a power loss may take the image
    #[arg(long)]
    no_sync: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Case {
    /// They are one.
    Fold,
    /// They are two.
    Distinguish,
}

impl Writing {
    /// Returns the options for a writer; a fork goes on as its parent began.
    pub(super) fn options(&self, parent: Option<&Image>) -> Result<WriterOptions> {
        let distinguish = match (self.case, parent) {
            (Some(case), _) => matches!(case, Case::Distinguish),
            (None, Some(parent)) => image::is_linux(parent)?,
            (None, None) => self.os == System::Linux,
        };
        let case = if distinguish { CaseRule::Distinguish } else { CaseRule::Fold };
        Ok(WriterOptions { case, sync: !self.no_sync, set: None, layout: self.layout.layout() })
    }

    /// Adds a source.
    pub(super) fn add(&self, writer: &mut Writer, source: &Path, progress: &Progress) -> Result<Counts> {
        source::add(writer, source, self.os, progress)
    }
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let started = Instant::now();
        let (directory, name) = files::split_image_path(&self.image)?;
        let directory = Arc::new(DiskDirectory::new(&directory));
        let mut writer = Writer::create(directory, &name, self.writing.options(None)?)?;
        let progress = ui.progress("read", 0);
        let counts = self.writing.add(&mut writer, &self.source, &progress)?;
        drop(progress);
        writer.commit()?;
        let made = Made::new(&self.image, &name, counts, started.elapsed())?;
        ui.summary(&made, &made.text())?;
        Ok(Exit::Success)
    }
}

/// What came of writing an image.
#[derive(Debug, Serialize)]
pub(super) struct Made {
    image: String,
    #[serde(flatten)]
    counts: Counts,
    /// Bytes of the region files that are the image's own.
    stored: u64,
    seconds: f64,
    #[serde(skip)]
    took: Duration,
}

impl Made {
    pub(super) fn new(path: &Path, name: &ImageName, counts: Counts, took: Duration) -> Result<Self> {
        let image = Image::open(path)?;
        let own = image.header().own;
        let own = image.regions().iter().filter(|region| files::set_of(region.name()) == Some(own.guid));
        let stored = own.map(|region| region.bytes().len()).sum::<usize>();
        let seconds = took.as_secs_f64();
        Ok(Self { image: name.to_string(), counts, stored: u64::try_from(stored)?, seconds, took })
    }

    pub(super) fn text(&self) -> String {
        let Counts { files, directories, bytes } = self.counts;
        format!(
            "{}: {}, {}, {} in {}; {} on disk",
            self.image,
            text::count(files, "file", "files"),
            text::count(directories, "directory", "directories"),
            text::size(bytes),
            text::pace(bytes, self.took),
            text::size(self.stored),
        )
    }
}
