//! All that is known of a snapshot, for people.

use super::{SnapshotError, Snapshots};
use crate::cim::Guid;
use crate::layer::digest::Digest;
use crate::store::{ImageRow, LayerRow, Look, SnapshotRow, StoreError, Usage};

/// All that is known of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Its key.
    pub key: String,
    /// Its row.
    pub row: SnapshotRow,
    /// What it takes now, without its parents.
    pub usage: Usage,
    /// The image that it is.
    pub image: Option<(Digest, ImageRow)>,
    /// The layer that it has over its parent.
    pub layer: Option<(Guid, LayerRow)>,
}

impl Snapshots {
    /// Returns all that is known of one snapshot.
    pub fn details(&self, key: &str) -> Result<Details, SnapshotError> {
        let found = self.store.read(|reader| {
            let Some(row) = reader.snapshot(key)? else { return Ok(None) };
            describe(reader, key.to_owned(), row).map(Some)
        });
        let found: Option<Details> = found.map_err(SnapshotError::Store)?;
        let details = found.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
        Ok(Details { usage: self.usage(key)?, ..details })
    }

    /// Returns the same of all snapshots, in the order of their keys.
    pub fn all_details(&self) -> Result<Vec<Details>, SnapshotError> {
        let keys = self.store.read(|reader| reader.snapshots())?.into_iter().map(|(key, _)| key);
        // Who is removed meanwhile is left out.
        let found = keys.map(|key| self.details(&key));
        found.filter(|result| !matches!(result, Err(SnapshotError::NotFound(_)))).collect()
    }
}

fn describe(look: &impl Look, key: String, row: SnapshotRow) -> Result<Details, StoreError> {
    let image = match row.image {
        Some(chain) => look.image(&chain)?.map(|image| (chain, image)),
        None => None,
    };
    let set = image.as_ref().map(|(_, image)| image.layer).or(row.layer);
    let layer = match set {
        Some(set) => look.layer(set)?.map(|layer| (set, layer)),
        None => None,
    };
    Ok(Details { key, usage: row.usage, row, image, layer })
}
