use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use cimsnap::cim::Image;
use cimsnap::layer::digest::Hasher;
use cimsnap::layer::export::{ExportSummary, export};
use cimsnap::layer::import::LayerOs;
use serde::Serialize;

use super::import::System;
use crate::cli::exit::Exit;
use crate::cli::image::is_linux;
use crate::cli::ui::Ui;
use crate::cli::{Result, text};

/// Write the layer that makes an image of its parent, as a tar
///
/// Imported over the parent, the layer gives the image again. The same two images always give the same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap layer export --parent base.cim app.cim app.tar
  cimsnap layer export image.cim - | gzip > image.tar.gz")]
pub(crate) struct Args {
    /// The image to make a layer of
    image: PathBuf,
    /// The tar to write, which must not exist, or - for standard output
    tar: PathBuf,
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

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let image = Image::open(&self.image)?;
        let parent = self.parent.as_deref().map(Image::open).transpose()?;
        let os = match self.os {
            System::Windows => LayerOs::Windows,
            System::Linux => LayerOs::Linux,
            System::Auto if is_linux(&image)? => LayerOs::Linux,
            System::Auto => LayerOs::Windows,
        };
        if self.tar.as_os_str() == "-" {
            self.write(parent.as_ref(), &image, os, io::stdout().lock())?;
            return Ok(Exit::Success);
        }
        let file =
            File::create_new(&self.tar).with_context(|| format!("cannot make {}", self.tar.display()))?;
        let (answer, summary) = self.write(parent.as_ref(), &image, os, file).inspect_err(|_| {
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

    fn write(
        &self,
        parent: Option<&Image>,
        image: &Image,
        os: LayerOs,
        out: impl Write,
    ) -> Result<(Answer, ExportSummary)> {
        let mut out = BufWriter::with_capacity(256 * 1024, Hashed { out, hasher: Hasher::default() });
        let summary = export(parent, image, os, &mut out)
            .with_context(|| format!("cannot export {}", self.image.display()))?;
        let mut hashed = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        hashed.out.flush()?;
        let tar = hashed.hasher.finish();
        let ExportSummary { files, directories, links, streams, whiteouts, sockets, bytes } = summary;
        let (diff_id, size) = (tar.digest.to_string(), tar.size);
        let answer = Answer { diff_id, size, files, directories, links, streams, whiteouts, sockets, bytes };
        Ok((answer, summary))
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
