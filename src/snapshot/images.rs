//! Images of snapshots.

use std::sync::PoisonError;

use super::extraction::chain_to_be;
use super::making::{Making, Publishing};
use super::model::PARENT_CHAIN;
use super::{SnapshotError, Snapshots};
use crate::cim::Guid;
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::store::{Kind, LayerRow, Look, Promise, SnapshotRow, Writer};

impl Snapshots {
    /// Makes the image of a snapshot that has its layer, if it is known what it will lie over; and those of snapshots
    /// that waited for this one.
    pub fn fork_ahead(&self, key: &str) -> Result<(), SnapshotError> {
        let mut left = vec![key.to_owned()];
        while let Some(key) = left.pop() {
            let Some(row) = self.store.read(|reader| reader.snapshot(&key))? else { continue };
            let Some(set) = row.layer.filter(|_| row.kind == Kind::Active) else { continue };
            let made =
                row.image.map_or_else(|| self.fork_one_ahead(&key, &row, set), |chain| Ok(Some(chain)));
            if let Some(chain) = made? {
                left.extend(self.waiting_for(&chain)?);
            }
        }
        Ok(())
    }

    fn fork_one_ahead(
        &self,
        key: &str,
        row: &SnapshotRow,
        set: Guid,
    ) -> Result<Option<Digest>, SnapshotError> {
        let mut making = Making::with(self, self.publishing(), set)?;
        let Some(parent) = self.parent_to_be(key, row, &making.layer().row)? else { return Ok(None) };
        let chain = making.fork(parent.as_ref())?;
        making.enter(Promise::Loose, |writer| note_image(writer, key, set, chain))?;
        Ok(Some(chain))
    }

    /// Returns what a snapshot will lie over once it is committed, as far as that can be told: `Some(None)` for nothing.
    pub(super) fn parent_to_be(
        &self,
        key: &str,
        row: &SnapshotRow,
        layer: &LayerRow,
    ) -> Result<Option<Option<Digest>>, SnapshotError> {
        self.store.read(|reader| {
            if !row.parent.is_empty() {
                return Ok(reader.snapshot(&row.parent)?.and_then(|parent| parent.image).map(Some));
            }
            let Some(chain) = chain_to_be(key, &row.labels) else { return Ok(None) };
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

/// Writes that the image of a snapshot is there. One that was removed or filled anew meanwhile needs another, or none.
fn note_image(writer: &mut Writer, key: &str, set: Guid, chain: Digest) -> Result<(), SnapshotError> {
    let waits = |row: &SnapshotRow| row.kind == Kind::Active && row.layer == Some(set);
    if let Some(mut row) = writer.snapshot(key)?.filter(waits) {
        row.image = Some(chain);
        writer.put_snapshot(key, &row)?;
    }
    Ok(())
}

fn digest_in(row: &SnapshotRow, label: &str) -> Option<Digest> {
    row.labels.get(label)?.parse().ok()
}
