//! Converting a layer again, in place of the damaged files that it has.
//!
//! The same layer gives the same bytes, so the images that are made of it need not know. What the configuration, or an
//! earlier version of this program, wrote in another way is written in that way again.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::super::cleanup::remove_if_there;
use super::{Blobs, SnapshotError, Snapshots};
use crate::cim::io::{Directory, DiskDirectory};
use crate::cim::{Guid, ObjectLayout, Placement};
use crate::engine::Portable;
use crate::layer::import::{ImportError, ImportOptions, LayerOs, import};
use crate::layer::stream::{Expected, LayerStream, StreamOptions};
use crate::store::{FileRow, LayerRow, Look, Promise};
use crate::sys::patiently;

/// What came of converting a layer again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Converted {
    Done,
    /// The files are not those that the layer had.
    Differs,
    Failed(String),
}

impl Snapshots {
    /// Converts a layer again from its blob, if that is still there.
    pub(super) fn convert_again(
        &self,
        set: Guid,
        row: &LayerRow,
        blobs: &dyn Blobs,
    ) -> Result<Converted, SnapshotError> {
        let systems = [LayerOs::Linux, LayerOs::Windows];
        let Some(os) = systems.into_iter().find(|os| os.set_id(&row.diff_id) == set) else {
            return Ok(Converted::Failed(format!("its set is not that of layer {}", row.diff_id)));
        };
        let at = self.store.root().repair();
        remove_if_there(patiently(|| fs::remove_dir_all(&at)), &at)?;
        fs::create_dir(&at).map_err(SnapshotError::io("make", &at))?;
        let mut done = Converted::Differs;
        for layout in self.layouts(os) {
            done = match blobs.open(&row.blob) {
                Ok(Some(blob)) => self.convert_as(set, row, blob, os, layout)?,
                Ok(None) => Converted::Failed(format!("containerd does not have blob {} any more", row.blob)),
                Err(error) => Converted::Failed(format!("blob {} cannot be read: {error}", row.blob)),
            };
            if done != Converted::Differs {
                break;
            }
        }
        Ok(done)
    }

    /// Returns the ways in which a layer may have been written, the most likely one first.
    fn layouts(&self, os: LayerOs) -> Vec<ObjectLayout> {
        let (plain, configured) = (ObjectLayout::default(), self.options.layout());
        let early = ObjectLayout { placement: Placement::Early, ..plain };
        match os {
            LayerOs::Linux => vec![plain, early],
            LayerOs::Windows => {
                vec![configured, ObjectLayout { expand_pe: !configured.expand_pe, ..configured }, early]
            }
        }
    }

    /// Converts a layer in one of these ways, and puts its files in the place of those that it has.
    fn convert_as(
        &self,
        set: Guid,
        row: &LayerRow,
        blob: Box<dyn Read + Send>,
        os: LayerOs,
        layout: ObjectLayout,
    ) -> Result<Converted, SnapshotError> {
        let at = self.store.root().repair();
        remove_if_there(patiently(|| fs::remove_dir_all(&at)), &at)?;
        fs::create_dir(&at).map_err(SnapshotError::io("make", &at))?;
        let expected = Expected { blob_digest: Some(row.blob), diff_id: Some(row.diff_id), blob_size: None };
        let stream = LayerStream::open(blob, StreamOptions { expected, ..StreamOptions::default() });
        let options = ImportOptions { os: Some(os), ..ImportOptions::default() };
        let directory = Arc::new(DiskDirectory::private(&at));
        let engine = Portable::new(directory.clone(), set, self.options.sync).laid_out(layout);
        let imported = stream.map_err(ImportError::from).and_then(|stream| import(stream, engine, &options));
        let done = match imported {
            Ok(_) => self.replace(set, row, &directory, &at)?,
            Err(error) => Converted::Failed(format!("blob {} cannot be converted: {error}", row.blob)),
        };
        remove_if_there(patiently(|| fs::remove_dir_all(&at)), &at)?;
        Ok(done)
    }

    /// Puts the files of a layer in the place of those that it has, if they are what these were.
    fn replace(
        &self,
        set: Guid,
        row: &LayerRow,
        made: &DiskDirectory,
        at: &Path,
    ) -> Result<Converted, SnapshotError> {
        let mut files = Vec::new();
        for known in &row.files {
            let same = made.open(&known.name).ok().filter(|bytes| {
                let (bytes, size) = (bytes.as_slice(), known.size);
                u64::try_from(bytes.len()) == Ok(size)
                    && known.digest.is_none_or(|digest| digest == blake3::hash(bytes))
            });
            let Some(bytes) = same else { return Ok(Converted::Differs) };
            files.push(FileRow { digest: Some(blake3::hash(bytes.as_slice())), ..known.clone() });
        }
        let directory = self.store.lease().directory();
        for file in &files {
            let (from, to) = (at.join(&file.name), directory.path().join(&file.name));
            patiently(|| fs::rename(&from, &to)).map_err(SnapshotError::io("rename", from))?;
        }
        if self.options.sync {
            directory.sync().map_err(SnapshotError::io("sync", directory.path()))?;
        }
        self.store.write(Promise::Kept, |writer| match writer.layer(set)? {
            Some(now) => writer.put_layer(set, &LayerRow { files, ..now }),
            None => Ok(()),
        })?;
        Ok(Converted::Done)
    }
}
