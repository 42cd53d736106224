//! Layers of snapshots, and the images that they become.

use std::sync::{PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant};

use super::extraction::chain_to_be;
use super::forks::Fork;
use super::inventory::total;
use super::model::PARENT_CHAIN;
use super::{Extraction, SnapshotError, Snapshots};
use crate::cim::{ErrorKind, Guid, LayerSet, LayerSetWriter, files};
use crate::engine::Portable;
use crate::layer::digest::Digest;
use crate::layer::import::{Counts, ImportOptions, Imported, LayerOs, prepare};
use crate::layer::stream::{LayerStream, StreamTiming};
use crate::store::{Kind, LayerRow, Look, Promise, SnapshotRow, Stages, Writer};

/// A layer that a snapshot got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLayer {
    /// Its layer set.
    pub set: Guid,
    /// What is known of it.
    pub row: LayerRow,
}

/// A layer that is converted, and that nobody knows of yet.
pub(super) struct Converted {
    layer: Imported<LayerSetWriter>,
    stages: Stages,
}

/// As long as this lives, nothing is removed: files that were made, or found, will be there when their row is written.
pub(super) type Publishing<'s> = RwLockReadGuard<'s, ()>;

impl Snapshots {
    /// Converts a layer for a snapshot, for which that has `waited`. Once this has returned, the snapshot has it
    /// whatever happens.
    pub fn fill(
        &self,
        target: &Extraction,
        stream: LayerStream,
        os: Option<LayerOs>,
        waited: Duration,
    ) -> Result<NewLayer, SnapshotError> {
        let mut converted = self.convert(stream, os)?;
        converted.stages = converted.stages.with("wait", waited);
        self.publish(&self.publishing(), converted, Some(target))
    }

    /// Converts a layer, without a trace as long as it is not published.
    pub(super) fn convert(
        &self,
        stream: LayerStream,
        os: Option<LayerOs>,
    ) -> Result<Converted, SnapshotError> {
        let _converting = self.converting.read();
        let started = Instant::now();
        let engine = Portable::unnamed(self.store.lease(), self.options.sync);
        let options = ImportOptions { os, ..ImportOptions::default() };
        let layer = prepare(stream, engine, &options)?;
        let stages = stages(&layer.stream.timing, started.elapsed());
        Ok(Converted { layer, stages })
    }

    /// Returns whether a layer is being converted.
    pub fn is_converting(&self) -> bool {
        self.converting.try_write().is_err()
    }

    /// Writes down a layer, for a snapshot that waits for it or for an image that is made at once.
    pub(super) fn publish(
        &self,
        _publishing: &Publishing<'_>,
        converted: Converted,
        target: Option<&Extraction>,
    ) -> Result<NewLayer, SnapshotError> {
        let Converted { layer: Imported { layer, os, stream, report }, stages } = converted;
        let started = Instant::now();
        let set = os.set_id(&stream.uncompressed.digest);
        let _alone = self.layers.lock(set);
        let regions = match layer.finish_as(set) {
            // Somebody else has made the same layer, of another blob or at the same time.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                LayerSet::open(self.store.lease(), set)?.set()
            }
            made => made?,
        };
        let files = self.files_of_set(regions);
        let mut row = LayerRow {
            diff_id: stream.uncompressed.digest,
            size: stream.uncompressed.size,
            blob: stream.compressed.digest,
            os: (!is_empty(&report.counts)).then_some(os),
            bytes: total(&files),
            files,
            inodes: report.counts.files.saturating_add(report.counts.directories),
            stages: stages.with("sync", started.elapsed()),
        };
        // A snapshot that was told to be filled, and is not after a crash, would be committed as if it were empty.
        let promise = if target.is_some() { Promise::Kept } else { Promise::Loose };
        let written = self.store.write(promise, |writer| {
            // Nobody has read files that were there before, so what they held is what is known of them.
            if let Some(known) = writer.layer(set)? {
                row.files = known.files;
            }
            writer.put_layer(set, &row)?;
            target.map_or(Ok(()), |target| give(writer, target, set))
        });
        match written {
            Ok(()) => {
                self.observer.converted(&row);
                Ok(NewLayer { set, row })
            }
            Err(error) => {
                self.withdraw_layer(set);
                Err(error)
            }
        }
    }

    /// Removes the files of a layer whose row could not be written, unless it has had one before.
    fn withdraw_layer(&self, set: Guid) {
        if let Ok::<_, SnapshotError>(None) = self.store.read(|reader| Ok(reader.layer(set)?)) {
            // The error that led here is the one to report, and what stays is removed at the next start.
            drop(self.remove_images(|name| files::set_of(name) == Some(set)));
        }
    }

    /// Gives a snapshot the layer that a blob was found to be, if that is known.
    pub fn reuse(&self, target: &Extraction, blob: &Digest) -> Result<Option<NewLayer>, SnapshotError> {
        if self.store.read(|reader| reader.layer_of_blob(blob))?.is_none() {
            return Ok(None);
        }
        self.store.write(Promise::Kept, |writer| {
            let Some((set, row)) = writer.layer_of_blob(blob)? else { return Ok(None) };
            give(writer, target, set)?;
            Ok(Some(NewLayer { set, row }))
        })
    }

    /// Makes the image of a snapshot that has its layer, if it is known what it will lie over; and those of snapshots
    /// that waited for this one.
    pub fn fork_ahead(&self, key: &str) -> Result<(), SnapshotError> {
        let publishing = self.publishing();
        let mut left = vec![key.to_owned()];
        while let Some(key) = left.pop() {
            let Some(row) = self.store.read(|reader| reader.snapshot(&key))? else { continue };
            let Some(set) = row.layer.filter(|_| row.kind == Kind::Active && row.image.is_none()) else {
                continue;
            };
            let Some(parent) = self.parent_to_be(&key, &row, set)? else { continue };
            let chain = self.image_of(&publishing, parent.as_ref(), set)?;
            self.store.write(Promise::Loose, |writer| note_image(writer, &key, set, chain))?;
            left.extend(self.waiting_for(&chain)?);
        }
        Ok(())
    }

    /// Returns what a snapshot will lie over once it is committed, as far as that can be told: `Some(None)` for nothing.
    fn parent_to_be(
        &self,
        key: &str,
        row: &SnapshotRow,
        set: Guid,
    ) -> Result<Option<Option<Digest>>, SnapshotError> {
        self.store.read(|reader| {
            if !row.parent.is_empty() {
                return Ok(reader.snapshot(&row.parent)?.and_then(|parent| parent.image).map(Some));
            }
            let chain = chain_to_be(key, &row.labels);
            let (Some(chain), Some(layer)) = (chain, reader.layer(set)?) else { return Ok(None) };
            if chain == layer.diff_id {
                return Ok(Some(None));
            }
            if let Some(below) = digest_in(row, PARENT_CHAIN) {
                let there = layer.diff_id.over(Some(&below)) == chain && reader.image(&below)?.is_some();
                return Ok(there.then_some(Some(below)));
            }
            // Containerd 2.2 says nothing of what comes below.
            let mut images = reader.images()?.into_iter();
            Ok(images
                .find(|(parent, _)| layer.diff_id.over(Some(parent)) == chain)
                .map(|(parent, _)| Some(parent)))
        })
    }

    /// Returns the snapshots that will lie over an image, and have none yet.
    fn waiting_for(&self, below: &Digest) -> Result<Vec<String>, SnapshotError> {
        self.store.read(|reader| {
            let mut keys = Vec::new();
            for (key, row) in reader.snapshots()? {
                let waits = row.kind == Kind::Active && row.image.is_none();
                let chain = chain_to_be(&key, &row.labels);
                let (Some(set), Some(chain)) = (row.layer.filter(|_| waits), chain) else { continue };
                if reader.layer(set)?.is_some_and(|layer| layer.diff_id.over(Some(below)) == chain) {
                    keys.push(key);
                }
            }
            Ok(keys)
        })
    }

    /// Makes the image of a layer over a parent, unless it is there.
    pub(super) fn image_of(
        &self,
        _publishing: &Publishing<'_>,
        parent: Option<&Digest>,
        set: Guid,
    ) -> Result<Digest, SnapshotError> {
        let (layer, below) = self.store.read(|reader| {
            let below = parent.map_or(Ok(None), |parent| reader.image(parent))?;
            Ok::<_, SnapshotError>((reader.layer(set)?, below))
        })?;
        let layer = layer.ok_or_else(|| SnapshotError::NotFound(set.to_string()))?;
        let chain = layer.diff_id.over(parent);
        let _alone = self.forks.lock(chain);
        if self.store.read(|reader| reader.image(&chain))?.is_some() {
            return Ok(chain);
        }
        let below = parent.map(|parent| below.map(|below| (*parent, below)).ok_or_else(|| gone(parent)));
        let below = below.transpose()?;
        let row = self.fork(&Fork { chain, below, set, os: layer.os, again: None })?;
        if let Err(error) = self.store.write(Promise::Loose, |writer| writer.put_image(&chain, &row)) {
            self.withdraw_image(&chain, &row);
            return Err(error.into());
        }
        self.observer.forked(&row);
        Ok(chain)
    }

    /// Returns the system that the image below a snapshot is for.
    pub fn system_below(&self, row: &SnapshotRow) -> Result<Option<LayerOs>, SnapshotError> {
        let parent = self.store.read(|reader| reader.snapshot(&row.parent))?;
        self.system_of(parent.and_then(|parent| parent.image).as_ref())
    }

    /// Returns the system that an image is for.
    pub(super) fn system_of(&self, chain: Option<&Digest>) -> Result<Option<LayerOs>, SnapshotError> {
        let Some(chain) = chain else { return Ok(None) };
        Ok(self.store.read(|reader| reader.image(chain))?.map(|image| image.os))
    }

    pub(super) fn publishing(&self) -> Publishing<'_> {
        self.publishing.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes that a snapshot has a layer. It must be the one that was found, and not another that has its key by now.
fn give(writer: &mut Writer, target: &Extraction, set: Guid) -> Result<(), SnapshotError> {
    let key = &target.key;
    let found = writer.snapshot(key)?;
    let same = found.filter(|row| row.id == target.row.id && row.kind == Kind::Active);
    let mut row = same.ok_or_else(|| SnapshotError::NotFound(key.clone()))?;
    row.layer = Some(set);
    row.image = None;
    Ok(writer.put_snapshot(key, &row)?)
}

/// Writes that the image of a snapshot is there. One that was removed or filled anew meanwhile needs another, or none.
fn note_image(writer: &mut Writer, key: &str, set: Guid, chain: Digest) -> Result<(), SnapshotError> {
    let waits = |row: &SnapshotRow| row.kind == Kind::Active && row.layer == Some(set);
    if let Some(mut row) = writer.snapshot(key)?.filter(waits) {
        row.image = Some(chain);
        writer.put_snapshot(key, &row)?;
    }
    Ok(())
}

fn gone(image: &Digest) -> SnapshotError {
    SnapshotError::NotFound(image.to_string())
}

fn digest_in(row: &SnapshotRow, label: &str) -> Option<Digest> {
    row.labels.get(label)?.parse().ok()
}

/// Returns where the time of a conversion went. Reading and inflating go on beside the rest.
fn stages(timing: &StreamTiming, took: Duration) -> Stages {
    let beside = match timing.threaded {
        true => timing.waiting,
        false => timing.reading.saturating_add(timing.inflating),
    };
    Stages::default()
        .with("read", timing.reading)
        .with("inflate", timing.inflating)
        .with("hash", timing.hashing)
        .with("write", took.saturating_sub(beside).saturating_sub(timing.hashing))
        .with("convert", took)
}

fn is_empty(counts: &Counts) -> bool {
    let Counts { files, directories, links, streams, deletions, .. } = *counts;
    [files, directories, links, streams, deletions].iter().all(|&count| count == 0)
}
