//! What was written into a snapshot through its mount becomes a layer.

use std::path::Path;
use std::{fs, io, thread};

use super::extraction::is_extraction;
use super::layers::Converted;
use super::{SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::layer::export::export_upper;
use crate::layer::import::LayerOs;
use crate::layer::stream::{LayerStream, StreamOptions};
use crate::store::{Look, SnapshotRow};

impl Snapshots {
    /// Converts the directory of a snapshot. What becomes of it is the snapshot's only when it is committed: until then
    /// its directory may change.
    pub(super) fn convert_directory(
        &self,
        key: &str,
        row: &SnapshotRow,
        below: Option<&Digest>,
    ) -> Result<Converted, SnapshotError> {
        let upper = self.shown.files(self.store.root(), key, row)?;
        if is_extraction(key, &row.labels) && self.store.is_old(row.id) && is_empty(&upper)? {
            // It may have been filled, which a crash undoes.
            return Err(SnapshotError::Unfilled(key.to_owned()));
        }
        let os = below.map_or(Ok(None), |below| self.store.read(|reader| reader.image(below)))?;
        if os.is_some_and(|image| image.os == LayerOs::Windows) {
            return Err(SnapshotError::NotForWindows(key.to_owned()));
        }
        let base = below.map(|below| self.open_image(below)).transpose()?;
        let (tar, out) = io::pipe().map_err(SnapshotError::io("make a pipe beside", &upper))?;
        thread::scope(|scope| {
            let exported = scope.spawn(|| export_upper(base.as_ref(), &upper, io::BufWriter::new(out)));
            let opened = LayerStream::open(tar, StreamOptions::default());
            let converted = opened
                .map_err(|error| SnapshotError::Import(error.into()))
                .and_then(|stream| self.convert(stream, Some(LayerOs::Linux)));
            let exported = exported.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // When both fail, the one has failed because of the other: a tar that ends early, or a pipe without reader.
            match (exported, converted) {
                (_, Ok(layer)) => Ok(layer),
                (Err(error), _) if !is_broken_pipe(&error) => Err(error.into()),
                (_, Err(error)) => Err(error),
            }
        })
    }
}

fn is_empty(directory: &Path) -> Result<bool, SnapshotError> {
    let mut entries = fs::read_dir(directory).map_err(SnapshotError::io("list", directory))?;
    Ok(entries.next().is_none())
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        cause = error.source();
    }
    false
}
