//! What one snapshot has that another has not.

use std::io::Write;

use super::{Mount, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::layer::export::{ChangesetOptions, export, export_changeset, export_upper_changeset};
use crate::layer::import::LayerOs;
use crate::store::{Look, SnapshotRow};

/// Two snapshots that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    base: Option<Digest>,
    top: Side,
}

/// What mounts of ours lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Side {
    Image(Digest),
    /// The directory of a snapshot, over the image below it.
    Upper {
        key: String,
        row: SnapshotRow,
        below: Option<Digest>,
    },
}

impl Snapshots {
    /// Finds what two lists of mounts lead to. `None` if they are not ours, or have nothing to do with each other. An
    /// empty list on the left stands for an empty tree.
    pub fn difference(&self, left: &[Mount], right: &[Mount]) -> Result<Option<Difference>, SnapshotError> {
        let Some(top) = self.side(right)? else { return Ok(None) };
        let base = match left {
            [] => None,
            left => match self.side(left)? {
                Some(Side::Image(chain)) => Some(chain),
                Some(Side::Upper { below: None, .. }) => None,
                Some(Side::Upper { .. }) | None => return Ok(None),
            },
        };
        let fits = match &top {
            Side::Image(_) => true,
            Side::Upper { below, .. } => *below == base,
        };
        Ok(fits.then_some(Difference { base, top }))
    }

    /// Writes the difference as an uncompressed layer. For Linux it is the one that containerd's differ makes.
    pub fn write_difference(
        &self,
        difference: &Difference,
        options: ChangesetOptions,
        out: impl Write,
    ) -> Result<(), SnapshotError> {
        let base = difference.base.as_ref().map(|base| self.open_image(base)).transpose()?;
        match &difference.top {
            Side::Image(top) => {
                let os = self.system_of(Some(top))?.unwrap_or(LayerOs::Linux);
                let top = self.open_image(top)?;
                match os {
                    LayerOs::Linux => export_changeset(base.as_ref(), &top, options, out)?,
                    LayerOs::Windows => export(base.as_ref(), &top, os, out)?,
                };
            }
            Side::Upper { key, row, below } => {
                let upper = self.shown.files(self.store.root(), key, row)?;
                if self.system_of(below.as_ref())? == Some(LayerOs::Windows) {
                    return Err(SnapshotError::NotForWindows(key.clone()));
                }
                export_upper_changeset(base.as_ref(), &upper, options, out)?;
            }
        }
        Ok(())
    }

    fn side(&self, mounts: &[Mount]) -> Result<Option<Side>, SnapshotError> {
        if let Some(chain) = self.image_shown(mounts)? {
            let known = self.store.read(|reader| reader.image(&chain))?.is_some();
            return Ok(known.then_some(Side::Image(chain)));
        }
        let Some(id) = self.snapshot_id(mounts) else { return Ok(None) };
        self.store.read(|reader| {
            let Some(key) = reader.key_of(id)? else { return Ok(None) };
            let Some(row) = reader.snapshot(&key)? else { return Ok(None) };
            let below = reader.snapshot(&row.parent)?.and_then(|parent| parent.image);
            Ok(Some(Side::Upper { key, row, below }))
        })
    }

    /// Returns the image that is seen through mounts, if they show one and nothing else.
    fn image_shown(&self, mounts: &[Mount]) -> Result<Option<Digest>, SnapshotError> {
        let [mount] = mounts else { return Ok(None) };
        self.shown.image_of(self, mount)
    }
}
