use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{Image, ImageName, LayerSet, Lease, WriterOptions, files};
use cimsnap::engine::native::Cimfs;
use cimsnap::layer::commit::{fork, native};
use cimsnap::layer::import::LayerOs;
use clap::ValueEnum;

use super::writing::Writing;
use crate::cli::Result;
use crate::cli::convert::{Blob, Facts, Hives, Layer, stored};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::image::{is_linux, same_directory};
use crate::cli::layout::LayoutArgs;
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
    writing: Writing,
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
    #[command(flatten)]
    layout: LayoutArgs,
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
        Ok(match (self.told(), parent) {
            (None, Some(parent)) => Some(if is_linux(parent)? { LayerOs::Linux } else { LayerOs::Windows }),
            (told, _) => told,
        })
    }

    /// Returns the system that was named.
    fn told(&self) -> Option<LayerOs> {
        match self.os {
            System::Windows => Some(LayerOs::Windows),
            System::Linux => Some(LayerOs::Linux),
            System::Auto => None,
        }
    }

    /// Returns how what is made of it is written.
    pub(super) fn options(&self) -> WriterOptions {
        WriterOptions { sync: !self.no_sync, layout: self.layout.layout(), ..WriterOptions::DEFAULT }
    }
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let started = Instant::now();
        let (layer, committing) = match self.writing.library()? {
            Some(library) => (self.write(library, ui)?, None),
            None => self.import(ui).map(|(layer, took)| (layer, Some(took)))?,
        };
        let (_, name) = files::split_image_path(&self.image)?;
        let facts = Facts::new(&layer)
            .committed(&name, stored(&self.image, layer.set)?, committing.unwrap_or_default())
            .took(started.elapsed());
        layer.warn(ui);
        ui.summary(&facts, &facts.text())?;
        Ok(Exit::Success)
    }

    /// Makes a layer set and an image of it; returns how long the second took.
    fn import(&self, ui: &Ui) -> Result<(Layer, Duration)> {
        let (directory, name) = files::split_image_path(&self.image)?;
        let directory = Arc::new(DiskDirectory::new(directory));
        let parent = self.parent()?;
        let os = self.reading.os(parent.as_ref().map(|(image, _)| image))?;
        let lease = Lease::take(directory.clone())?;
        if directory.exists(name.as_str())? {
            return Err(Failure::Exists(self.image.display().to_string()).into());
        }
        let layer = Blob::open(&self.blob, ui)?.import(&lease, os, self.reading.options())?;
        let committing = Instant::now();
        let options = self.reading.options();
        let set = LayerSet::open(&lease, layer.set.context("a layer set has an id")?)?;
        let below = parent.as_ref().map(|(_, name)| name);
        fork(&set, layer.os, below, &name, options, self.hives.missing())?.commit()?;
        Ok((layer, committing.elapsed()))
    }

    /// Has the library of Windows write the image. It may be the only one that can read the parent.
    fn write(&self, library: Cimfs, ui: &Ui) -> Result<Layer> {
        let (directory, name) = files::split_image_path(&self.image)?;
        let parent = match &self.parent {
            Some(parent) => {
                same_directory(parent, &self.image)?;
                Some(files::split_image_path(parent)?.1)
            }
            None => None,
        };
        let os = self.reading.told().or(parent.as_ref().map(|_| LayerOs::Windows));
        let engine = native(library, directory, parent, name)?;
        Blob::open(&self.blob, ui)?.write(engine, os, self.hives.missing())
    }

    fn parent(&self) -> Result<Option<(Image, ImageName)>> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let (_, name) = files::split_image_path(parent)?;
        let image = Image::open(parent)?;
        same_directory(parent, &self.image)?;
        Ok(Some((image, name)))
    }
}
