//! How much a snapshot takes.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{SnapshotError, Snapshots};
use crate::store::{Kind, Look, Usage};
use crate::sys;

impl Snapshots {
    /// Returns how much a snapshot takes, without its parents.
    pub fn usage(&self, key: &str) -> Result<Usage, SnapshotError> {
        let row = self.store.read(|reader| reader.snapshot(key))?;
        let row = row.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
        let layer = match row.layer.filter(|_| row.kind == Kind::Active) {
            Some(set) => self.store.read(|reader| reader.layer(set))?,
            None => None,
        };
        match (row.kind, layer) {
            (Kind::Committed, _) => {
                // The directory is there only as long as a container still runs in it.
                let left = measure(&self.shown.written(self.store.root(), row.id))?;
                Ok(Usage {
                    bytes: row.usage.bytes.saturating_add(left.bytes),
                    inodes: row.usage.inodes.saturating_add(left.inodes),
                })
            }
            (_, Some(layer)) => Ok(Usage { bytes: layer.bytes, inodes: layer.inodes }),
            (_, None) => measure(&self.shown.written(self.store.root(), row.id)),
        }
    }
}

/// Adds up what lies in a directory that others may be writing to. Files with several names count once.
pub(super) fn measure(directory: &Path) -> Result<Usage, SnapshotError> {
    let mut usage = Usage::default();
    let mut seen = HashSet::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let Some(metadata) =
            still_there(fs::symlink_metadata(&path)).map_err(SnapshotError::io("look at", &path))?
        else {
            continue;
        };
        if sys::shared_identity(&metadata).is_some_and(|identity| !seen.insert(identity)) {
            continue;
        }
        usage.bytes += sys::allocated(&metadata);
        usage.inodes += 1;
        if metadata.is_dir() {
            let entries = still_there(fs::read_dir(&path)).map_err(SnapshotError::io("list", &path))?;
            for entry in entries.into_iter().flatten() {
                left.push(entry.map_err(SnapshotError::io("list", &path))?.path());
            }
        }
    }
    Ok(usage)
}

fn still_there<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
