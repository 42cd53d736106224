//! Layers of snapshots.

use std::time::{Duration, Instant};

use super::inventory::total;
use super::making::Making;
use super::{Extraction, SnapshotError, Snapshots};
use crate::cim::{Guid, LayerSetWriter, files};
use crate::engine::Portable;
use crate::layer::digest::Digest;
use crate::layer::import::{Counts, ImportOptions, Imported, LayerOs, Report, prepare};
use crate::layer::stream::{LayerStream, StreamSummary, StreamTiming};
use crate::store::{FileRow, Kind, LayerRow, Look, Promise, Stages, Writer};

/// A layer of no more bytes is converted again sooner than a disk says that it has it.
const SMALL: u64 = 1 << 20;

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
    pub(super) layer: Imported<LayerSetWriter>,
    pub(super) stages: Stages,
}

impl Snapshots {
    /// Converts a layer for a snapshot, for which that has `waited`, and makes its image, if it is known what it will lie
    /// over.
    pub fn fill(
        &self,
        target: &Extraction,
        stream: LayerStream,
        os: Option<LayerOs>,
        waited: Duration,
    ) -> Result<NewLayer, SnapshotError> {
        let mut converted = self.convert(stream, os)?;
        converted.stages = converted.stages.with("wait", waited);
        let mut making = Making::of(self, self.publishing(), converted)?;
        let NewLayer { set, row } = making.layer();
        let (set, size) = (*set, row.size);
        let parent = self.parent_to_be(&target.key, &target.row, row)?;
        let chain = parent.map(|parent| making.fork(parent.as_ref())).transpose()?;
        let promise = if size > SMALL { Promise::Kept } else { Promise::Loose };
        making.enter(promise, |writer| give(writer, target, set, chain))
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
        let engine = engine.laid_out_for_windows(self.options.layout());
        let options = ImportOptions { os, ..ImportOptions::default() };
        let layer = prepare(stream, engine, &options)?;
        let stages = stages(&layer.stream.timing, started.elapsed());
        Ok(Converted { layer, stages })
    }

    /// Returns whether a layer is being converted.
    pub fn is_converting(&self) -> bool {
        self.converting.try_write().is_err()
    }

    /// Removes the files of a layer.
    pub(super) fn remove_set(&self, set: Guid) -> Result<(), SnapshotError> {
        self.remove_images(|name| files::set_of(name) == Some(set))
    }

    /// Gives a snapshot the layer that a blob was found to be, if that is known.
    pub fn reuse(&self, target: &Extraction, blob: &Digest) -> Result<Option<NewLayer>, SnapshotError> {
        if self.store.read(|reader| reader.layer_of_blob(blob))?.is_none() {
            return Ok(None);
        }
        self.store.write(Promise::Loose, |writer| {
            let Some((set, row)) = writer.layer_of_blob(blob)? else { return Ok(None) };
            give(writer, target, set, None)?;
            Ok(Some(NewLayer { set, row }))
        })
    }
}

impl NewLayer {
    /// Says what is known of a layer that was converted.
    pub(super) fn row(
        stream: &StreamSummary,
        os: LayerOs,
        report: &Report,
        files: Vec<FileRow>,
        stages: Stages,
    ) -> LayerRow {
        LayerRow {
            diff_id: stream.uncompressed.digest,
            size: stream.uncompressed.size,
            blob: stream.compressed.digest,
            os: (!is_empty(&report.counts)).then_some(os),
            bytes: total(&files),
            files,
            inodes: report.counts.files.saturating_add(report.counts.directories),
            stages,
        }
    }
}

/// Writes that a snapshot has a layer, and an image if that is made. It must be the one that was found, and not another that
/// has its key by now.
fn give(
    writer: &mut Writer,
    target: &Extraction,
    set: Guid,
    image: Option<Digest>,
) -> Result<(), SnapshotError> {
    let key = &target.key;
    let found = writer.snapshot(key)?;
    let same = found.filter(|row| row.id == target.row.id && row.kind == Kind::Active);
    let mut row = same.ok_or_else(|| SnapshotError::NotFound(key.clone()))?;
    row.layer = Some(set);
    row.applied_by.clone_from(&target.namespace);
    row.image = image;
    Ok(writer.put_snapshot(key, &row)?)
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
