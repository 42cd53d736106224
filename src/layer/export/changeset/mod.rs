//! The layer that containerd's own differ makes of a change, byte for byte.
//!
//! ```text
//!   base image ─┐
//!               ├─► walk ──► added, modified, unmodified, deleted ──► writer ──► tar
//!   top ────────┘
//! ```
//!
//! The walk visits both trees in the order of containerd's (the bytes of the names, a directory before its children) and
//! compares what it compares: type, mode, owner, device number and capabilities; of everything but directories also
//! size, time and, where both times are whole seconds, data. The writer emits what containerd's does:
//!
//! * times in whole seconds, `security.capability` and no other extended attribute;
//! * above each entry the directories that lead to it, changed or not, except for the root, which has no entry;
//! * one whiteout for each deleted name, none for opaque directories, and none for sockets, which no tar has;
//! * of a file with several names every name if it has one, the first with the data.
//!
//! The last rule keeps layers complete: no hard link leads to a file that only the parent has.

mod image;
mod walk;
mod writer;

use std::io::Write;

use super::archive::{Archive, Description, RecordMap};
use super::error::ExportError;
use super::{ExportSummary, linux, names};
use crate::cim::diff::Side;
use crate::cim::reader::File;
use crate::cim::wsl::FileType;
use crate::cim::{FileId, Image};
use image::ImageTree;
pub(super) use walk::run;

/// The record of the only extended attribute that containerd compares and writes.
const CAPABILITY: &[u8] = b"SCHILY.xattr.security.capability";

/// Data is compared and written in pieces of this size.
pub(super) const PIECE: usize = 1 << 20;

/// Options of a changeset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangesetOptions {
    /// The latest modification time that an entry may have, in nanoseconds since 1970. `None` for no limit.
    pub latest_time: Option<i128>,
}

/// Writes the changes from `base`, or from nothing, to `top` as containerd's differ does. Linux images only.
pub fn export_changeset(
    base: Option<&Image>,
    top: &Image,
    options: ChangesetOptions,
    out: impl Write,
) -> Result<ExportSummary, ExportError> {
    run(base, ImageTree::new(base, top)?, options, out)
}

/// A file of either tree, as far as containerd looks at it.
pub(super) struct Node<F> {
    pub(super) file_type: FileType,
    pub(super) description: Description,
    /// Bytes of data, or of the target of a symlink.
    pub(super) size: u64,
    /// Identifies the file among all of its tree; `None` if it has no other name.
    pub(super) inode: Option<Inode>,
    /// What the tree reads the file by.
    pub(super) file: F,
}

/// Device and number of an inode.
pub(super) type Inode = (u64, u64);

/// What a directory of the top tree holds.
pub(super) struct Listing<F> {
    /// Names, and their files; `None` if the name deletes that of the base. Sorted by name.
    pub(super) names: Vec<(Vec<u8>, Option<Node<F>>)>,
    /// Whether names of the base that are not listed are deleted.
    pub(super) is_complete: bool,
}

/// The tree that a changeset leads to.
pub(super) trait Tree {
    type File;

    fn root(&mut self) -> Result<Self::File, ExportError>;

    /// Lists the directory at a path.
    fn list(&mut self, directory: &Self::File, text: &[u8]) -> Result<Listing<Self::File>, ExportError>;

    /// Returns whether a file certainly equals that of the base in everything that containerd compares.
    fn is_unchanged(&mut self, base: &File, node: &Node<Self::File>) -> Result<bool, ExportError>;

    /// Returns whether a file has the same data as one of the base that is as long.
    fn has_same_data(
        &mut self,
        base: (&Image, &File),
        text: &[u8],
        node: &Node<Self::File>,
    ) -> Result<bool, ExportError>;

    /// Writes the entry of a regular file with its data.
    fn write_data<W: Write>(
        &mut self,
        text: &[u8],
        node: &Node<Self::File>,
        archive: &mut Archive<W>,
    ) -> Result<(), ExportError>;
}

/// Reduces a description to what containerd writes.
pub(super) fn reduce(mut description: Description) -> Description {
    let capability = description.once.remove_entry(CAPABILITY);
    description.once = RecordMap::new();
    description.records = capability.into_iter().collect();
    description
}

/// Describes a file of an image.
fn node(image: &Image, file: File, inode: Option<Inode>, text: &[u8]) -> Result<Node<File>, ExportError> {
    let failed = |error| ExportError::entry(text, error);
    let file_type = linux::file_type(&file).map_err(failed)?;
    let description = reduce(linux::describe(image, &file).map_err(failed)?);
    let size = match file_type {
        FileType::Regular => file.size(),
        _ => u64::try_from(description.link.len()).unwrap_or(u64::MAX),
    };
    Ok(Node { file_type, description, size, inode, file })
}

/// Lists a directory of an image, sorted by the bytes of the names.
fn list(side: &mut Side<'_>, directory: File, text: &[u8]) -> Result<Vec<(Vec<u8>, FileId)>, ExportError> {
    let mut found = Vec::new();
    for (name, id) in side.names(Some(directory), names::order)? {
        let name =
            names::of_linux(name).map_err(|error| ExportError::entry(&join(text, &name.to_wtf8()), error))?;
        found.push((name, id));
    }
    found.sort_unstable();
    Ok(found)
}

pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let separator: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    [directory, separator, name].concat()
}
