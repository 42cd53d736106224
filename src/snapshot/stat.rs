//! What is known of one snapshot.

use super::{Info, SnapshotError, Snapshots};
use crate::store::Look;

impl Snapshots {
    /// Returns what is known of a snapshot.
    pub fn stat(&self, key: &str) -> Result<Info, SnapshotError> {
        let row = self.store.read(|reader| reader.snapshot(key))?;
        row.map(|row| Info::new(key, row)).ok_or_else(|| SnapshotError::NotFound(key.to_owned()))
    }
}
