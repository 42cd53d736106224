//! Committing snapshots.

use super::making::Making;
use super::{CommitRequest, SnapshotError, Snapshots, prepare};
use crate::layer::digest::Digest;
use crate::store::{Kind, Look, Promise, SnapshotRow, StoreError, Timestamp, Usage, Writer};

/// A snapshot that may be committed.
struct Ready {
    row: SnapshotRow,
    /// The image of its parent.
    below: Option<Digest>,
}

impl Snapshots {
    /// Makes a snapshot last, under another name.
    ///
    /// What was converted for it becomes the image, or else what its directory holds.
    pub fn commit(&self, request: &CommitRequest) -> Result<(), SnapshotError> {
        let ready = self.store.read(|reader| check(reader, request))?;
        let done = self.commit_ready(request, &ready);
        // What was removed meanwhile took its files with it, and anything may have failed for want of them.
        done.map_err(|error| {
            self.store.read(|reader| ready.is_still(reader, request)).err().unwrap_or(error)
        })?;
        self.unmount_below(ready.row.id);
        // The image has all of it by now. What cannot be removed yet is removed by a later cleanup.
        let _removed_later = self.remove_spent(ready.row.id);
        Ok(())
    }

    /// Removes the directory of a snapshot that was committed, unless a container still runs in it.
    fn remove_spent(&self, id: u64) -> Result<(), SnapshotError> {
        if self.shown.is_still_mounted(self.store.root(), id) {
            return Ok(());
        }
        self.remove_directory(&self.store.root().snapshot(id))
    }

    fn commit_ready(&self, request: &CommitRequest, ready: &Ready) -> Result<(), SnapshotError> {
        let Ready { row, below } = ready;
        let mut making = match row.layer {
            Some(set) => Making::with(self, self.publishing(), set)?,
            None => {
                let converted = self.convert_directory(&request.key, row, below.as_ref())?;
                Making::of(self, self.publishing(), converted)?
            }
        };
        let chain = making.fork(below.as_ref())?;
        let settled = making.enter(Promise::Kept, |writer| {
            ready.is_still(writer, request)?;
            settle(writer, request, row.clone(), chain)
        });
        settled.map(drop)
    }
}

impl Ready {
    /// Fails if the snapshot, or its parent, was removed meanwhile, even if it was made anew.
    fn is_still(&self, look: &impl Look, request: &CommitRequest) -> Result<(), SnapshotError> {
        let now = check(look, request)?;
        if now.row.id != self.row.id || now.below != self.below {
            return Err(SnapshotError::NotFound(request.key.clone()));
        }
        Ok(())
    }
}

/// Checks what must hold, in the order in which containerd's own snapshotters do.
fn check(look: &impl Look, request: &CommitRequest) -> Result<Ready, SnapshotError> {
    if request.name.is_empty() {
        return Err(SnapshotError::NoKey);
    }
    if look.snapshot(&request.name)?.is_some() {
        return Err(SnapshotError::Exists(request.name.clone()));
    }
    let key = &request.key;
    let mut row = look.snapshot(key)?.ok_or_else(|| SnapshotError::NotFound(key.clone()))?;
    if row.kind != Kind::Active {
        return Err(SnapshotError::Kind { key: key.clone(), kind: row.kind, verb: "committed" });
    }
    let wanted = &request.parent;
    if !wanted.is_empty() && !row.parent.is_empty() && *wanted != row.parent {
        return Err(SnapshotError::OtherParent { key: key.clone(), has: row.parent, wanted: wanted.clone() });
    }
    if row.parent.is_empty() {
        row.parent.clone_from(wanted);
    }
    let below = match row.parent.as_str() {
        "" => None,
        parent => parent_image(look, parent)?,
    };
    Ok(Ready { row, below })
}

fn parent_image(look: &impl Look, key: &str) -> Result<Option<Digest>, SnapshotError> {
    let parent = look.snapshot(key)?.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
    match parent.kind {
        Kind::Committed => Ok(parent.image),
        _ => Err(SnapshotError::RebaseNotCommitted(key.to_owned())),
    }
}

/// Moves a snapshot to its name.
fn settle(
    writer: &mut Writer,
    request: &CommitRequest,
    row: SnapshotRow,
    chain: Digest,
) -> Result<(), SnapshotError> {
    let now = Timestamp::now();
    let committed = SnapshotRow {
        kind: Kind::Committed,
        created: now,
        updated: now,
        labels: prepare::without_empty(request.labels.clone()),
        usage: usage(writer, &chain)?,
        image: Some(chain),
        ..row
    };
    writer.remove_snapshot(&request.key)?;
    Ok(writer.put_snapshot(&request.name, &committed)?)
}

fn usage(look: &impl Look, chain: &Digest) -> Result<Usage, StoreError> {
    let Some(image) = look.image(chain)? else { return Ok(Usage::default()) };
    let layer = look.layer(image.layer)?;
    let (bytes, inodes) = layer.map_or((0, 0), |layer| (layer.bytes, layer.inodes));
    Ok(Usage { bytes: bytes.saturating_add(image.bytes), inodes })
}
