//! Changing the database. Indexes follow their rows here, and nowhere else.

use redb::WriteTransaction;
use serde::Serialize;

use super::read::{Index, Rows};
use super::tables::{
    BLOBS, CHILDREN, IMAGE_USERS, IMAGES, KEYS, LAYER_IMAGES, LAYER_USERS, LAYERS, SNAPSHOTS,
};
use super::{ImageRow, Kind, LayerRow, Look, SnapshotRow, StoreError};
use crate::cim::Guid;
use crate::layer::digest::Digest;

/// A change of the database under way.
pub struct Writer {
    pub(super) transaction: WriteTransaction,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Writer")
    }
}

impl Writer {
    pub(super) fn new(transaction: WriteTransaction) -> Self {
        Self { transaction }
    }

    pub(super) fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit()?)
    }

    /// Writes a snapshot, in place of what has the key.
    pub fn put_snapshot(&mut self, key: &str, row: &SnapshotRow) -> Result<(), StoreError> {
        self.remove_snapshot(key)?;
        self.put(SNAPSHOTS, key, row)?;
        self.transaction.open_table(KEYS)?.insert(row.id, key)?;
        for (index, entry) in references(row) {
            self.transaction.open_multimap_table(index)?.insert(entry.as_str(), key)?;
        }
        Ok(())
    }

    /// Removes a snapshot.
    pub fn remove_snapshot(&mut self, key: &str) -> Result<(), StoreError> {
        let Some(row) = self.snapshot(key)? else { return Ok(()) };
        for (index, entry) in references(&row) {
            self.transaction.open_multimap_table(index)?.remove(entry.as_str(), key)?;
        }
        self.transaction.open_table(KEYS)?.remove(row.id)?;
        self.transaction.open_table(SNAPSHOTS)?.remove(key)?;
        Ok(())
    }

    /// Writes an image.
    pub fn put_image(&mut self, chain: &Digest, row: &ImageRow) -> Result<(), StoreError> {
        let key = chain.to_string();
        if let Some(before) = self.image(chain)? {
            self.remove_image_row(&key, &before)?;
        }
        self.put(IMAGES, &key, row)?;
        let set = row.layer.to_string();
        self.transaction.open_multimap_table(LAYER_IMAGES)?.insert(set.as_str(), key.as_str())?;
        Ok(())
    }

    /// Removes an image.
    pub fn remove_image(&mut self, chain: &Digest) -> Result<(), StoreError> {
        let Some(row) = self.image(chain)? else { return Ok(()) };
        self.keep_no_longer(row.files.iter().map(|file| file.name.as_str()))?;
        self.remove_image_row(&chain.to_string(), &row)
    }

    fn remove_image_row(&mut self, key: &str, row: &ImageRow) -> Result<(), StoreError> {
        let set = row.layer.to_string();
        self.transaction.open_multimap_table(LAYER_IMAGES)?.remove(set.as_str(), key)?;
        self.transaction.open_table(IMAGES)?.remove(key)?;
        Ok(())
    }

    /// Writes a layer, and that its blob is this layer.
    pub fn put_layer(&mut self, set: Guid, row: &LayerRow) -> Result<(), StoreError> {
        let key = set.to_string();
        self.put(LAYERS, &key, row)?;
        self.put_blob(&row.blob, set)
    }

    /// Writes that a blob is a layer.
    fn put_blob(&mut self, blob: &Digest, set: Guid) -> Result<(), StoreError> {
        let (blob, set) = (blob.to_string(), set.to_string());
        self.transaction.open_table(BLOBS)?.insert(blob.as_str(), set.as_str())?;
        Ok(())
    }

    /// Removes a layer, and what is known of blobs that are this layer.
    pub fn remove_layer(&mut self, set: Guid) -> Result<(), StoreError> {
        let Some(row) = self.layer(set)? else { return Ok(()) };
        self.keep_no_longer(row.files.iter().map(|file| file.name.as_str()))?;
        let set = set.to_string();
        self.transaction.open_table(LAYERS)?.remove(set.as_str())?;
        self.transaction.open_table(BLOBS)?.retain(|_, of| of != set)?;
        Ok(())
    }

    fn put(&mut self, table: Rows, key: &str, row: &impl Serialize) -> Result<(), StoreError> {
        let failed = |source| StoreError::Row { key: key.to_owned(), source };
        let bytes = serde_json::to_vec(row).map_err(failed)?;
        self.transaction.open_table(table)?.insert(key, bytes.as_slice())?;
        Ok(())
    }
}

/// Returns where a snapshot stands beside its own row.
fn references(row: &SnapshotRow) -> impl Iterator<Item = (Index, String)> {
    let parent = Some(&row.parent).filter(|parent| !parent.is_empty());
    let layer = row.layer.filter(|_| row.kind != Kind::Committed);
    let entries = [
        parent.map(|parent| (CHILDREN, parent.clone())),
        row.image.map(|chain| (IMAGE_USERS, chain.to_string())),
        layer.map(|set| (LAYER_USERS, set.to_string())),
    ];
    entries.into_iter().flatten()
}
