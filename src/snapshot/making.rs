//! What is made for a snapshot comes to the disk, and into the database, together.

use std::hash::Hash;
use std::sync::RwLockReadGuard;
use std::time::Instant;

use super::forks::{Fork, Forked, Place};
use super::inventory::total;
use super::keyed::KeyedGuard;
use super::layers::{Converted, NewLayer};
use super::{SnapshotError, Snapshots};
use crate::cim::{ErrorKind, Guid, Unsynced};
use crate::layer::digest::Digest;
use crate::layer::import::Imported;
use crate::store::{FileRow, ImageRow, KeptFile, Look, Promise, StoreError, Writer};

/// As long as this lives, nothing is removed: files that were made, or found, will be there when their row is written.
pub(super) type Publishing<'s> = RwLockReadGuard<'s, ()>;

/// A layer, and its image. Files that are new have their names, and go when this is dropped before it is entered.
pub(super) struct Making<'s> {
    all: &'s Snapshots,
    layer: NewLayer,
    new_layer: Option<NewFiles<'s, Guid>>,
    image: Option<NewImage<'s>>,
    _publishing: Publishing<'s>,
}

struct NewImage<'s> {
    row: ImageRow,
    files: NewFiles<'s, Digest>,
}

/// Files that nobody else makes meanwhile.
struct NewFiles<'s, K: Clone + Eq + Hash> {
    key: K,
    /// What they wait for, until they have.
    unsynced: Option<Unsynced>,
    _alone: KeyedGuard<'s, K>,
}

impl<'s> Making<'s> {
    /// Begins with a layer that is known.
    pub(super) fn with(
        all: &'s Snapshots,
        publishing: Publishing<'s>,
        set: Guid,
    ) -> Result<Self, SnapshotError> {
        let row = all.store.read(|reader| reader.layer(set))?;
        let row = row.ok_or_else(|| SnapshotError::NotFound(set.to_string()))?;
        Ok(Self { all, layer: NewLayer { set, row }, new_layer: None, image: None, _publishing: publishing })
    }

    /// Begins with a layer that was converted.
    pub(super) fn of(
        all: &'s Snapshots,
        publishing: Publishing<'s>,
        converted: Converted,
    ) -> Result<Self, SnapshotError> {
        let Converted { layer: Imported { layer, os, stream, report }, stages } = converted;
        let set = os.set_id(&stream.uncompressed.digest);
        let alone = all.layers.lock(set);
        let finished = layer.finish_unsynced_as(set);
        let known = all.store.read(|reader| reader.layer(set))?;
        let (files, unsynced) = match (finished, known) {
            // Nobody has read files that were there before, so what they held is what is known of them.
            (Ok((_, unsynced)), Some(known)) => (known.files, Some(unsynced)),
            // Somebody else has made the same layer, of another blob or at the same time.
            (Err(error), Some(known)) if error.kind() == ErrorKind::AlreadyExists => (known.files, None),
            (Ok((regions, unsynced)), None) => (all.files_of_set(regions), Some(unsynced)),
            (Err(error), known) => {
                if known.is_none() {
                    // What has no row is what a failure could not take back. The next try finds its place free.
                    drop(all.remove_set(set));
                }
                return Err(error.into());
            }
        };
        let row = NewLayer::row(&stream, os, &report, files, stages);
        let new_layer = Some(NewFiles { key: set, unsynced, _alone: alone });
        Ok(Self { all, layer: NewLayer { set, row }, new_layer, image: None, _publishing: publishing })
    }

    /// Returns the layer.
    pub(super) fn layer(&self) -> &NewLayer {
        &self.layer
    }

    /// Makes the image of the layer over a parent, unless it is there. Returns its chain.
    pub(super) fn fork(&mut self, parent: Option<&Digest>) -> Result<Digest, SnapshotError> {
        let Self { all, layer: NewLayer { set, row: layer }, .. } = self;
        let chain = layer.diff_id.over(parent);
        let alone = all.forks.lock(chain);
        let (known, below) = all.store.read(|reader| {
            let below = parent.map_or(Ok(None), |parent| reader.image(parent))?;
            Ok::<_, StoreError>((reader.image(&chain)?, below))
        })?;
        if known.is_some() {
            return Ok(chain);
        }
        let below = parent.map(|parent| below.map(|below| (*parent, below)).ok_or_else(|| gone(parent)));
        let fork = Fork { chain, below: below.transpose()?, set: *set, os: layer.os, place: Place::Free };
        let Forked { row, unsynced } = all.fork(&fork)?;
        self.image = Some(NewImage { row, files: NewFiles { key: chain, unsynced, _alone: alone } });
        Ok(chain)
    }

    /// Waits for the disk once for all, or keeps what is small, and writes all of it down, with what `also` writes.
    pub(super) fn enter(
        mut self,
        promise: Promise,
        also: impl FnOnce(&mut Writer) -> Result<(), SnapshotError>,
    ) -> Result<NewLayer, SnapshotError> {
        let kept = self.secure()?;
        self.all.store.write(promise, |writer| {
            kept.iter().try_for_each(|file| writer.keep(file))?;
            if self.new_layer.is_some() {
                writer.put_layer(self.layer.set, &self.layer.row)?;
            }
            if let Some(image) = &self.image {
                writer.put_image(&image.files.key, &image.row)?;
            }
            also(writer)
        })?;
        let layer = self.new_layer.take().map(|_| &self.layer.row);
        let image = self.image.take().map(|image| image.row);
        if layer.is_some() || image.is_some() {
            self.all.observer.made(layer, image.as_ref());
        }
        Ok(self.layer.clone())
    }

    /// Sees to it that a power loss takes nothing that is told of. Returns the files that their rows are to bring along.
    fn secure(&mut self) -> Result<Vec<KeptFile>, SnapshotError> {
        let unsynced = self.take_unsynced().filter(|_| self.all.options.sync);
        let Some((unsynced, files)) = unsynced else { return Ok(Vec::new()) };
        let started = Instant::now();
        let kept = match self.all.store.reserve(total(&files)) {
            true => files.iter().map(|file| self.all.kept(file)).collect::<Result<_, _>>()?,
            false => unsynced.sync().map(|()| Vec::new())?,
        };
        let stages = match (&self.new_layer, &mut self.image) {
            (None, Some(image)) => &mut image.row.stages,
            _ => &mut self.layer.row.stages,
        };
        *stages = std::mem::take(stages).with("sync", started.elapsed());
        Ok(kept)
    }

    /// Takes what would have to be waited for, and names its files.
    fn take_unsynced(&mut self) -> Option<(Unsynced, Vec<FileRow>)> {
        let layer = self.new_layer.as_mut().and_then(|files| files.unsynced.take());
        let layer = layer.map(|unsynced| (unsynced, self.layer.row.files.clone()));
        let image = self.image.as_mut();
        let image = image.and_then(|image| Some((image.files.unsynced.take()?, image.row.files.clone())));
        let both = layer.into_iter().chain(image);
        both.reduce(|(one, files), (other, more)| (one.and(other), [files, more].concat()))
    }
}

fn gone(image: &Digest) -> SnapshotError {
    SnapshotError::NotFound(image.to_string())
}

impl Drop for Making<'_> {
    /// Takes back what is not entered. The error that led here is the one to report, and what stays is removed at the next
    /// start.
    fn drop(&mut self) {
        let all = self.all;
        if let Some(image) = self.image.take()
            && let Ok(None) = all.store.read(|reader| reader.image(&image.files.key))
        {
            all.withdraw_image(&image.files.key, &image.row);
        }
        if let Some(files) = self.new_layer.take()
            && let Ok(None) = all.store.read(|reader| reader.layer(files.key))
        {
            drop(all.remove_set(files.key));
        }
    }
}
