//! Removing snapshots.

use super::{SnapshotError, Snapshots};
use crate::store::{Look, Promise};

impl Snapshots {
    /// Removes a snapshot. Its key is free at once; its files wait for [`Snapshots::cleanup`].
    pub fn remove(&self, key: &str) -> Result<(), SnapshotError> {
        let id = self.store.write(Promise::Kept, |writer| {
            let row = writer.snapshot(key)?.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
            if !writer.children(key)?.is_empty() {
                return Err(SnapshotError::HasChildren(key.to_owned()));
            }
            writer.remove_snapshot(key)?;
            Ok(row.id)
        })?;
        self.unmount_below(id);
        Ok(())
    }
}
