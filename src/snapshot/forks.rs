//! Images of layers. What lies over an image is written by the engine that wrote that one, beside it; and layers of Linux are
//! written by the portable engine alone.

use std::time::Instant;

use super::inventory::total;
use super::{SnapshotError, Snapshots};
use crate::cim::{Guid, ImageName, LayerSet, Unsynced, WriterOptions, files};
use crate::engine::EngineKind;
use crate::layer::commit::{self, MissingHives};
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::store::{FileRow, ImageRow, Stages, image_name};

/// An image to be made.
#[derive(Debug)]
pub(super) struct Fork {
    /// Its chain.
    pub(super) chain: Digest,
    /// What it lies over.
    pub(super) below: Option<(Digest, ImageRow)>,
    /// Its layer.
    pub(super) set: Guid,
    /// What its layer is for.
    pub(super) os: Option<LayerOs>,
    /// What has its name by now.
    pub(super) place: Place,
}

/// What has the name of an image that is to be made.
#[derive(Debug)]
pub(super) enum Place {
    /// Nothing.
    Free,
    /// Perhaps a damaged image, of which this is known.
    Taken(Option<ImageRow>),
}

impl Fork {
    fn parent(&self) -> Option<&Digest> {
        self.below.as_ref().map(|(chain, _)| chain)
    }

    /// Returns the name of what it lies over.
    pub(super) fn parent_name(&self) -> Result<Option<ImageName>, SnapshotError> {
        Ok(self.parent().map(image_name).transpose()?)
    }

    /// Returns the image that says which engine writes it.
    fn model(&self) -> Option<&ImageRow> {
        self.damaged().or(self.below.as_ref().map(|(_, row)| row))
    }

    /// Returns what is known of the image whose place it takes.
    pub(super) fn damaged(&self) -> Option<&ImageRow> {
        match &self.place {
            Place::Free => None,
            Place::Taken(row) => row.as_ref(),
        }
    }
}

/// An image of which nobody knows yet.
pub(super) struct Forked {
    /// What is known of it.
    pub(super) row: ImageRow,
    /// What is to be waited for before anybody is told.
    pub(super) unsynced: Option<Unsynced>,
}

/// What an engine has made of a fork: its tree, its files, and what is to be waited for.
type Made = (Option<Guid>, Vec<FileRow>, Option<Unsynced>);

impl Snapshots {
    /// Makes an image.
    pub(super) fn fork(&self, fork: &Fork) -> Result<Forked, SnapshotError> {
        let os = system(fork.os, fork.below.as_ref().map(|(_, below)| below.os))?;
        let started = Instant::now();
        let layer = LayerSet::open(self.store.lease(), fork.set)?;
        let (tree, files, unsynced) = match self.engine_for(fork, os) {
            EngineKind::Portable => self.fork_portably(fork, &layer, os)?,
            EngineKind::Native => (None, self.fork_natively(fork, &layer)?, None),
        };
        let row = ImageRow {
            parent: fork.parent().copied(),
            layer: fork.set,
            tree,
            os,
            bytes: total(&files),
            files,
            stages: Stages::default().with("fork", started.elapsed()),
        };
        Ok(Forked { row, unsynced })
    }

    fn engine_for(&self, fork: &Fork, os: LayerOs) -> EngineKind {
        match fork.model() {
            Some(model) if model.is_native() => EngineKind::Native,
            Some(_) => EngineKind::Portable,
            None if os == LayerOs::Windows => self.engines.lowest,
            None => EngineKind::Portable,
        }
    }

    fn fork_portably(&self, fork: &Fork, layer: &LayerSet, os: LayerOs) -> Result<Made, SnapshotError> {
        let options = WriterOptions { sync: self.options.sync, ..WriterOptions::default() };
        let (name, parent) = (image_name(&fork.chain)?, fork.parent_name()?);
        let missing = MissingHives::default();
        if let Place::Free = fork.place {
            let (header, unsynced) =
                commit::fork(layer, os, parent.as_ref(), &name, options, missing)?.commit_unsynced()?;
            let files = self.files_of_image(&fork.chain, header.own)?;
            return Ok((Some(header.own.guid), files, Some(unsynced)));
        }
        // What takes the place of another image is on the disk before it does.
        let unfinished = ImageName::new(format!("again-{name}"))?;
        self.remove_all(&[unfinished.as_str().to_owned()])?;
        let header = commit::commit(layer, os, parent.as_ref(), &unfinished, options)?;
        let directory = self.store.lease().directory();
        let renamed = directory.rename(unfinished.as_str(), name.as_str());
        renamed.map_err(SnapshotError::io("rename", directory.path().join(unfinished.as_str())))?;
        Ok((Some(header.own.guid), self.files_of_image(&fork.chain, header.own)?, None))
    }

    /// Removes the files of an image whose row could not be written.
    pub(super) fn withdraw_image(&self, chain: &Digest, row: &ImageRow) {
        // The error that led here is the one to report, and what stays is removed at the next start.
        match (row.tree, image_name(chain)) {
            (None, _) => drop(self.remove_all(&row.file_names())),
            (Some(tree), Ok(image)) => {
                drop(self.remove_images(|name| name == image.as_str() || files::set_of(name) == Some(tree)));
            }
            (Some(_), Err(_)) => {}
        }
    }
}

/// Returns the system that an image is for.
fn system(layer: Option<LayerOs>, parent: Option<LayerOs>) -> Result<LayerOs, SnapshotError> {
    match (layer, parent) {
        (Some(layer), Some(parent)) if layer != parent => Err(SnapshotError::OtherSystem { layer, parent }),
        (layer, parent) => Ok(layer.or(parent).unwrap_or(LayerOs::Linux)),
    }
}
