use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{Image, ImageName, LayerSet, Lease, WriterOptions, files};
use cimsnap::layer::commit::commit_with;
use cimsnap::layer::import::LayerOs;
use clap::ValueEnum;

use crate::cli::Result;
use crate::cli::convert::{Blob, Facts, Hives, stored};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::image::{is_linux, same_directory};
use crate::cli::ui::Ui;

/// Make an image of a layer, alone or over another image
///
/// The layer set that is made on the way stays in the directory, for other images that have the layer.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap layer import base.tar.gz base.cim
  curl -s $URL | cimsnap layer import --parent base.cim - app.cim")]
pub(crate) struct Args {
    /// A layer: a tar, of gzip, of zstd or plain, or - for one on standard input
    blob: PathBuf,
    /// The image to make
    image: PathBuf,
    /// The image below the layer, in the same directory
    #[arg(long)]
    parent: Option<PathBuf>,
    #[command(flatten)]
    hives: Hives,
    #[command(flatten)]
    reading: Reading,
}

/// How a layer is read.
#[derive(Debug, clap::Args)]
pub(super) struct Reading {
    /// The system that the layer is for
    #[arg(long, value_enum, default_value_t)]
    os: System,
    /// Do not wait for the disk: faster, but a power loss may take what was made
    #[arg(long)]
    no_sync: bool,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum System {
    /// The one of the parent; without a parent, the first entry tells.
    #[default]
    Auto,
    Windows,
    Linux,
}

impl Reading {
    /// Returns the system of a layer, unless the layer is to tell.
    pub(super) fn os(&self, parent: Option<&Image>) -> Result<Option<LayerOs>> {
        Ok(match (self.os, parent) {
            (System::Windows, _) => Some(LayerOs::Windows),
            (System::Linux, _) => Some(LayerOs::Linux),
            (System::Auto, None) => None,
            (System::Auto, Some(parent)) => {
                Some(if is_linux(parent)? { LayerOs::Linux } else { LayerOs::Windows })
            }
        })
    }

    pub(super) fn sync(&self) -> bool {
        !self.no_sync
    }
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let started = Instant::now();
        let (directory, name) = files::split_image_path(&self.image)?;
        let directory = Arc::new(DiskDirectory::new(directory));
        let parent = self.parent()?;
        let os = self.reading.os(parent.as_ref().map(|(image, _)| image))?;
        let lease = Lease::take(directory.clone())?;
        if directory.exists(name.as_str())? {
            return Err(Failure::Exists(self.image.display().to_string()).into());
        }
        let layer = Blob::open(&self.blob, ui)?.import(&lease, os, self.reading.sync())?;
        let committing = Instant::now();
        let options = WriterOptions { sync: self.reading.sync(), ..WriterOptions::default() };
        let set = LayerSet::open(&lease, layer.set)?;
        let below = parent.as_ref().map(|(_, name)| name);
        commit_with(&set, layer.os, below, &name, options, self.hives.missing())?;
        let facts = Facts::new(&layer)
            .committed(&name, stored(&Image::open(&self.image)?, layer.set)?, committing.elapsed())
            .took(started.elapsed());
        layer.warn(ui);
        ui.summary(&facts, &facts.text())?;
        Ok(Exit::Success)
    }

    fn parent(&self) -> Result<Option<(Image, ImageName)>> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let (_, name) = files::split_image_path(parent)?;
        let image = Image::open(parent)?;
        same_directory(parent, &self.image)?;
        Ok(Some((image, name)))
    }
}
