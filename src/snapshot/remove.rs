//! Removing snapshots.

use super::{SnapshotError, Snapshots};
use crate::store::{Look, Promise};

impl Snapshots {
    /// Removes a snapshot. Its key is free at once; its files wait for [`Snapshots::cleanup`].
    pub fn remove(&self, key: &str) -> Result<(), SnapshotError> {
        self.store.write(Promise::Kept, |writer| {
            if writer.snapshot(key)?.is_none() {
                return Err(SnapshotError::NotFound(key.to_owned()));
            }
            if !writer.children(key)?.is_empty() {
                return Err(SnapshotError::HasChildren(key.to_owned()));
            }
            Ok(writer.remove_snapshot(key)?)
        })
    }
}
