//! Making snapshots.

use std::collections::BTreeMap;

use super::model::{DIFF_ID, REFERENCE};
use super::{Mount, NewSnapshot, Outcome, SnapshotError, Snapshots, extraction};
use crate::cim::{Guid, Image};
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::store::{Kind, Look, Promise, SnapshotRow, Timestamp, Usage, Writer};

/// A layer that a snapshot gets without its blob.
struct KnownLayer {
    set: Guid,
    /// Whether the namespace of the snapshot applied its blob before.
    is_applied: bool,
}

impl Snapshots {
    /// Makes a snapshot that can be written.
    pub fn prepare(&self, new: NewSnapshot) -> Result<Vec<Mount>, SnapshotError> {
        self.make(new, Kind::Active)
    }

    /// Makes a snapshot that can be read.
    pub fn view(&self, new: NewSnapshot) -> Result<Vec<Mount>, SnapshotError> {
        self.make(new, Kind::View)
    }

    fn make(&self, new: NewSnapshot, kind: Kind) -> Result<Vec<Mount>, SnapshotError> {
        if new.key.is_empty() {
            return Err(SnapshotError::NoKey);
        }
        let promise = match extraction::is_extraction(&new.key, &new.labels) {
            // Worth nothing after a power loss, which ends the pull that it is for.
            true => Promise::Loose,
            false => Promise::Kept,
        };
        let row = self.store.write(promise, |writer| self.insert(writer, &new, kind))?;
        if row.layer.is_some() {
            self.observer.layered(Outcome::LeftOut);
        }
        let mounts = self.mounts_of(&new.key, &row);
        if mounts.is_err() {
            self.store.write(promise, |writer| writer.remove_snapshot(&new.key))?;
        }
        mounts
    }

    fn insert(
        &self,
        writer: &mut Writer,
        new: &NewSnapshot,
        kind: Kind,
    ) -> Result<SnapshotRow, SnapshotError> {
        let parent = match new.parent.as_str() {
            "" => None,
            key => Some(writer.snapshot(key)?.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?),
        };
        if parent.as_ref().is_some_and(|parent| parent.kind != Kind::Committed) {
            return Err(SnapshotError::ParentNotCommitted(new.parent.clone()));
        }
        if writer.snapshot(&new.key)?.is_some() || self.is_known(writer, new)? {
            return Err(SnapshotError::Exists(new.key.clone()));
        }
        let known = self.known_layer(writer, new)?;
        let id = self.store.new_id();
        let now = Timestamp::now();
        let row = SnapshotRow {
            id,
            kind,
            parent: new.parent.clone(),
            created: now,
            updated: now,
            labels: without_empty(new.labels.clone()),
            layer: known.as_ref().map(|known| known.set),
            applied_by: known.filter(|known| known.is_applied).and(new.namespace.clone()),
            image: None,
            usage: Usage::default(),
        };
        let below = parent.and_then(|parent| parent.image);
        self.shown.make(self, id, below.as_ref())?;
        writer.put_snapshot(&new.key, &row)?;
        Ok(row)
    }

    /// Returns whether a committed snapshot is what this one is to become, so that containerd may take that one. Snapshots of
    /// its own namespace containerd finds by itself.
    fn is_known(&self, writer: &Writer, new: &NewSnapshot) -> Result<bool, SnapshotError> {
        let Some(chain) = new.labels.get(REFERENCE).filter(|_| self.options.share) else { return Ok(false) };
        // An image whose chain this is has it only with the same parents.
        let Ok(digest) = chain.parse::<Digest>() else { return Ok(false) };
        if writer.image(&digest)?.is_none() {
            return Ok(false);
        }
        for key in writer.image_users(&digest)? {
            let Some(row) = writer.snapshot(&key)? else { continue };
            let same = row.parent == new.parent && row.labels.get(REFERENCE) == Some(chain);
            if row.kind == Kind::Committed && same {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the layer that a snapshot is to get, if the caller skips layers that are there, and may have this one without
    /// its blob: its namespace applied that blob before, or all namespaces share what one of them has.
    fn known_layer(&self, writer: &Writer, new: &NewSnapshot) -> Result<Option<KnownLayer>, SnapshotError> {
        let Some(label) = new.labels.get(DIFF_ID).filter(|_| new.leaves_out) else { return Ok(None) };
        let Ok(diff_id) = label.parse::<Digest>() else { return Ok(None) };
        let mut known = Vec::new();
        for set in LayerOs::ALL.map(|os| os.set_id(&diff_id)) {
            known.extend(writer.layer(set)?.filter(|row| row.diff_id == diff_id).map(|_| set));
        }
        // The system of a layer that was converted for both is known only when its blob is applied over a parent.
        let &[set] = known.as_slice() else { return Ok(None) };
        let applied = new.namespace.as_ref().map(|namespace| writer.has_applied(namespace, set));
        let is_applied = applied.transpose()?.unwrap_or_default();
        Ok((is_applied || self.options.share).then_some(KnownLayer { set, is_applied }))
    }

    pub(super) fn open_image(&self, chain: &Digest) -> Result<Image, SnapshotError> {
        let (directory, name) = self.place_of(chain)?;
        Ok(Image::open_in(directory, &name)?)
    }
}

/// Labels without a value are as good as none.
pub(super) fn without_empty(mut labels: BTreeMap<String, String>) -> BTreeMap<String, String> {
    labels.retain(|_, value| !value.is_empty());
    labels
}
