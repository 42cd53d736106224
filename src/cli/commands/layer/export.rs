use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use cimsnap::cim::Image;
use cimsnap::layer::digest::Hasher;
use cimsnap::layer::export::{ExportError, ExportSummary, export, export_upper};
use cimsnap::layer::import::LayerOs;
use serde::Serialize;

use super::import::System;
use crate::cli::exit::Exit;
use crate::cli::image::is_linux;
use crate::cli::ui::{Ui, data_out};
use crate::cli::{Result, text};

/// Write the layer that makes an image of its parent, as a tar
///
/// Imported over the parent, the layer gives the image again. The same two images always give the same bytes.
#[derive(Debug, clap::Args)]
#[command(allow_missing_positional = true)]
#[command(after_help = "\
Examples:
  cimsnap layer export --parent base.cim app.cim app.tar
  cimsnap layer export image.cim - | gzip > image.tar.gz
  cimsnap layer export --parent base.cim --upper /run/upper app.tar")]
pub(crate) struct Args {
    /// The image to make a layer of
    #[arg(required_unless_present = "upper", conflicts_with = "upper")]
    image: Option<PathBuf>,
    /// The tar to write, which must not exist, or - for standard output
    tar: PathBuf,
    /// Make a layer of the upper directory of an overlay over the parent, which nobody may be writing to
    #[arg(long, value_name = "DIR", conflicts_with = "os")]
    upper: Option<PathBuf>,
    /// The image below; without it, the layer holds all of the image
    #[arg(long, value_name = "IMAGE")]
    parent: Option<PathBuf>,
    /// The system that the image is for
    #[arg(long, value_enum, default_value_t)]
    os: System,
}

#[derive(Debug, Serialize)]
struct Answer {
    diff_id: String,
    size: u64,
    files: u64,
    directories: u64,
    links: u64,
    streams: u64,
    whiteouts: u64,
    sockets: u64,
    bytes: u64,
}

/// What to make a layer of.
enum Subject {
    Image(Box<Image>, LayerOs),
    Upper(PathBuf),
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let subject = self.subject()?;
        let parent = self.parent.as_deref().map(Image::open).transpose()?;
        if self.tar.as_os_str() == "-" {
            self.write(parent.as_ref(), &subject, data_out())?;
            return Ok(Exit::Success);
        }
        let file =
            File::create_new(&self.tar).with_context(|| format!("cannot make {}", self.tar.display()))?;
        let (answer, summary) = self.write(parent.as_ref(), &subject, file).inspect_err(|_| {
            // Half a layer is of no use. Where it cannot be removed either, the first error says why.
            drop(fs::remove_file(&self.tar));
        })?;
        let text = format!(
            "{}: {}, {}, {}, {}\n  tar {}, {} bytes",
            self.tar.display(),
            text::count(summary.files, "file", "files"),
            text::count(summary.directories, "directory", "directories"),
            text::count(summary.whiteouts, "whiteout", "whiteouts"),
            text::size(summary.bytes),
            answer.diff_id,
            answer.size,
        );
        ui.summary(&answer, &text)?;
        Ok(Exit::Success)
    }

    fn subject(&self) -> Result<Subject> {
        if let Some(upper) = &self.upper {
            return Ok(Subject::Upper(upper.clone()));
        }
        let image = Image::open(self.image.as_deref().unwrap_or(Path::new("")))?;
        let os = match self.os {
            System::Windows => LayerOs::Windows,
            System::Linux => LayerOs::Linux,
            System::Auto if is_linux(&image)? => LayerOs::Linux,
            System::Auto => LayerOs::Windows,
        };
        Ok(Subject::Image(Box::new(image), os))
    }

    fn write(
        &self,
        parent: Option<&Image>,
        subject: &Subject,
        out: impl Write,
    ) -> Result<(Answer, ExportSummary)> {
        let mut out = BufWriter::with_capacity(256 * 1024, Hashed { out, hasher: Hasher::default() });
        let summary = subject.export(parent, &mut out).with_context(|| {
            let subject = self.image.as_deref().unwrap_or(Path::new("the upper directory"));
            format!("cannot export {}", subject.display())
        })?;
        let mut hashed = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        hashed.out.flush()?;
        let tar = hashed.hasher.finish();
        let ExportSummary { files, directories, links, streams, whiteouts, sockets, bytes } = summary;
        let (diff_id, size) = (tar.digest.to_string(), tar.size);
        let answer = Answer { diff_id, size, files, directories, links, streams, whiteouts, sockets, bytes };
        Ok((answer, summary))
    }
}

impl Subject {
    fn export(
        &self,
        parent: Option<&Image>,
        out: impl Write,
    ) -> std::result::Result<ExportSummary, ExportError> {
        match self {
            Self::Image(image, os) => export(parent, image, *os, out),
            Self::Upper(upper) => export_upper(parent, upper, out),
        }
    }
}

/// Hashes what goes through.
struct Hashed<W> {
    out: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..len).unwrap_or(bytes));
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
