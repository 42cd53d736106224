//! Listing directories.

use super::{View, ViewError, append_name};
use crate::cim::{Fault, FileId};

/// An entry of a directory.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where a listing goes on behind this entry.
    pub next: u64,
    /// The name.
    pub name: &'a [u8],
    /// The file.
    pub id: FileId,
}

/// Entries that every directory has beside its own: `.` and `..`.
const DOTS: u64 = 2;

impl View {
    /// Visits the entries of a directory from `start` on, which is 0 or the `next` of an entry, until `visit` says
    /// that it has had enough. What can be read before an error is visited before the error is returned.
    pub fn list(
        &self,
        directory: FileId,
        start: u64,
        mut visit: impl FnMut(Entry<'_>) -> bool,
    ) -> Result<(), ViewError> {
        let node = self.node(directory)?;
        let up = self.parent(&node.file);
        for (next, name, id) in [(1, &b"."[..], directory), (2, b"..", up)] {
            if start < next && !visit(Entry { next, name, id }) {
                return Ok(());
            }
        }
        let entries = self.image.entries(&node.file)?;
        let corrupt = |fault| self.image.regions().corrupt(node.file.data.offset, fault);
        let first = usize::try_from(start.saturating_sub(DOTS)).unwrap_or(usize::MAX);
        let mut text = Vec::with_capacity(256);
        // The entries come first: at their end nothing is added to the largest `start` there is.
        for (entry, before) in entries.iter_from(first).zip(start.max(DOTS)..) {
            let next = before.saturating_add(1);
            let (name, id) = entry.map_err(corrupt)?;
            let id = FileId::from_raw(id.get()).ok_or_else(|| corrupt(Fault::ZeroFileId))?;
            if self.is_whiteout(id) {
                continue;
            }
            text.clear();
            append_name(name, node.linux.is_some(), &mut text)?;
            if !visit(Entry { next, name: &text, id }) {
                return Ok(());
            }
        }
        Ok(())
    }
}
