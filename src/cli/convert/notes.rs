//! What blobs were found to hold.
//!
//! An image says which diff id each of its blobs has, and may lie: where two blobs claim one diff id, what was made of
//! the one would pass for the other. So a claim counts only if that very blob has been read. Who has read it leaves a
//! note: a file that is named after the blob and holds the diff id. A note that was cut short is none.

use std::sync::Arc;

use anyhow::Context;
use cimsnap::cim::files;
use cimsnap::cim::io::Directory;
use cimsnap::layer::digest::Digest;

use crate::cli::Result;

/// The notes in a containing directory.
#[derive(Clone)]
pub(crate) struct Notes(Arc<dyn Directory>);

impl Notes {
    pub(crate) fn new(directory: Arc<dyn Directory>) -> Self {
        Self(directory)
    }

    /// Returns whether a blob was found to have a diff id.
    pub(super) fn tell(&self, blob: &Digest, diff_id: &Digest) -> bool {
        self.read(&files::note(&blob.hex())) == Some(*diff_id)
    }

    /// Notes what was found.
    pub(super) fn leave(&self, blob: &Digest, diff_id: &Digest) -> Result<()> {
        if self.tell(blob, diff_id) {
            return Ok(());
        }
        let name = files::note(&blob.hex());
        // One that was cut short is in the way.
        drop(self.0.remove(&name));
        let file = self.0.create(&name);
        let written = file.and_then(|file| file.write_at(diff_id.to_string().as_bytes(), 0));
        written.with_context(|| format!("cannot write {}", self.0.path().join(name).display()))
    }

    /// Removes all notes but those of some diff ids.
    pub(crate) fn retain(&self, keep: impl Fn(&Digest) -> Result<bool>) -> Result<()> {
        for name in self.0.list()?.iter().filter(|name| files::is_note(name)) {
            if !self.read(name).map_or(Ok(false), |diff_id| keep(&diff_id))? {
                let failed = || format!("cannot remove {}", self.0.path().join(name).display());
                self.0.remove(name).with_context(failed)?;
            }
        }
        Ok(())
    }

    fn read(&self, name: &str) -> Option<Digest> {
        let bytes = self.0.open(name).ok()?;
        std::str::from_utf8(bytes.as_slice()).ok()?.parse().ok()
    }
}
