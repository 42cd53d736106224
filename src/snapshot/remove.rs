//! Removing snapshots.

use super::{SnapshotError, Snapshots};
use crate::store::{Kind, Look, Promise};

impl Snapshots {
    /// Removes a snapshot. Its key is free at once; its files wait for [`Snapshots::cleanup`].
    pub fn remove(&self, key: &str) -> Result<(), SnapshotError> {
        self.release(key)?;
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

    /// Takes away what still holds the files of a snapshot. Later nobody would know whose they were.
    fn release(&self, key: &str) -> Result<(), SnapshotError> {
        let row = self.store.read(|reader| reader.snapshot(key))?;
        if let Some(row) = row.filter(|row| row.kind != Kind::Committed) {
            self.shown.release(self.store.root(), key, &row);
        }
        Ok(())
    }
}
