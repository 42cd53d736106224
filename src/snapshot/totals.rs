//! How much there is of everything.

use std::fs;

use super::{SnapshotError, Snapshots};
use crate::store::{Kind, Look};

/// How much there is of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Snapshots that can be read only, and not committed.
    pub views: u64,
    /// Snapshots that can be written.
    pub active: u64,
    /// Snapshots that never change again.
    pub committed: u64,
    /// Images.
    pub images: u64,
    /// Bytes of their own files.
    pub image_bytes: u64,
    /// Layers.
    pub layers: u64,
    /// Bytes of their files.
    pub layer_bytes: u64,
    /// Images that are mounted.
    pub mounted: u64,
    /// Mounted images whose server is dead or hangs.
    pub broken_mounts: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
}

impl Snapshots {
    /// Counts everything.
    pub fn totals(&self) -> Result<Totals, SnapshotError> {
        let (mounted, broken_mounts) = (count(self.mounted_images()?.len()), count(self.broken_mounts()?));
        let mut totals = Totals { mounted, broken_mounts, ..Totals::default() };
        self.store.read(|reader| {
            for (_, row) in reader.snapshots()? {
                *match row.kind {
                    Kind::View => &mut totals.views,
                    Kind::Active => &mut totals.active,
                    Kind::Committed => &mut totals.committed,
                } += 1;
            }
            let (images, layers) = (reader.images()?, reader.layers()?);
            totals.images = count(images.len());
            totals.image_bytes = images.iter().fold(0, |sum, (_, row)| sum.saturating_add(row.bytes));
            totals.layers = count(layers.len());
            totals.layer_bytes = layers.iter().fold(0, |sum, (_, row)| sum.saturating_add(row.bytes));
            Ok::<_, SnapshotError>(())
        })?;
        let database = self.store.root().database();
        totals.database_bytes =
            fs::metadata(&database).map_err(SnapshotError::io("look at", &database))?.len();
        Ok(totals)
    }
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
