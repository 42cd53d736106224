//! A layer set on its way into the library: what it takes away first, then what it brings.

use std::collections::HashSet;

use super::layer::NativeLayer;
use super::overlay::path_key;
use crate::cim::reader::Data;
use crate::cim::writer::{Change, LayerContents, LayerEdit};
use crate::cim::{CimError, ImagePath};
use crate::engine::{DataSink, LayerSink};

/// The most bytes that are handed over at once.
const PIECE: usize = 1 << 20;

impl NativeLayer {
    /// Does all that a layer set says.
    pub fn replay(&mut self, contents: &LayerContents<'_>) -> Result<(), CimError> {
        self.foresee(contents)?;
        for edit in contents.deletions().chain(contents.edits()) {
            let LayerEdit { path, change } = edit?;
            self.apply(&path, change)?;
        }
        self.described.clear();
        Ok(())
    }

    /// Notes which directories are emptied and described later: where nobody can list them, they may as well go.
    fn foresee(&mut self, contents: &LayerContents<'_>) -> Result<(), CimError> {
        let mut emptied = HashSet::new();
        for edit in contents.deletions() {
            let LayerEdit { path, change } = edit?;
            if matches!(change, Change::Clear) {
                emptied.insert(path_key(&path));
            }
        }
        if emptied.is_empty() {
            return Ok(());
        }
        for edit in contents.edits() {
            let LayerEdit { path, change } = edit?;
            let key = path_key(&path);
            if matches!(change, Change::Directory(_)) && emptied.contains(&key) {
                self.described.insert(key);
            }
        }
        Ok(())
    }

    fn apply(&mut self, path: &ImagePath, change: Change<'_>) -> Result<(), CimError> {
        match change {
            Change::File(metadata, data) => copy(data, self.create_file(path, &metadata, data.len())?),
            Change::Directory(metadata) => self.create_directory(path, &metadata),
            Change::MissingDirectory(metadata) => self.ensure_directory(path, &metadata),
            Change::Stream(name, data) => copy(data, self.create_stream(path, &name, data.len())?),
            Change::Link(existing) => self.link(path, &existing),
            Change::Delete => self.delete(path),
            Change::Clear => self.clear_directory(path),
        }
    }
}

/// Hands all data over. What is not written reads as zeros.
fn copy(data: Data<'_>, mut sink: impl DataSink) -> Result<(), CimError> {
    if !data.is_sparse() {
        data.chunks(PIECE).try_for_each(|chunk| sink.append(chunk.bytes()))?;
    }
    sink.finish()
}
