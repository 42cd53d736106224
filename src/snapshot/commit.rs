//! Committing snapshots.

use super::images::Converted;
use super::{CommitRequest, SnapshotError, Snapshots, prepare};
use crate::cim::Guid;
use crate::layer::digest::Digest;
use crate::store::{Kind, Look, Promise, SnapshotRow, StoreError, Timestamp, Usage, Writer};

/// A snapshot that may be committed.
struct Ready {
    row: SnapshotRow,
    /// The image of its parent.
    below: Option<Digest>,
}

/// What a snapshot becomes.
enum Layer {
    Known(Guid),
    New(Box<Converted>),
}

impl Snapshots {
    /// Makes a snapshot last, under another name.
    ///
    /// What was converted for it becomes the image, or else what its directory holds.
    pub fn commit(&self, request: &CommitRequest) -> Result<(), SnapshotError> {
        let Ready { row, below } = self.store.read(|reader| check(reader, request))?;
        let layer = match row.layer {
            Some(set) => Layer::Known(set),
            None => Layer::New(Box::new(self.convert_directory(&request.key, &row, below.as_ref())?)),
        };
        let publishing = self.publishing();
        let set = match layer {
            Layer::Known(set) => set,
            Layer::New(converted) => self.publish(&publishing, *converted, None)?.set,
        };
        let chain = self.image_of(&publishing, below.as_ref(), set)?;
        self.store.write(Promise::Kept, |writer| {
            let ready = check(writer, request)?;
            if ready.row.id != row.id || ready.below != below {
                // It was removed and made anew meanwhile.
                return Err(SnapshotError::NotFound(request.key.clone()));
            }
            settle(writer, request, row.clone(), chain)
        })?;
        self.unmount_below(row.id);
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
