//! An image as a Linux file system would show it: what every file is, how names read, where links lead.
//!
//! This is an ordinary library over [`Image`], which knows no kernel; `fuse` beside it translates. Every answer takes
//! a bounded number of steps, whatever the image says: a cycle of directories is followed only as far as somebody
//! walks it.
//!
//! # Which way a file is shown
//!
//! A file that came from Linux carries owner and mode in EAs ([`crate::cim::wsl`]); one that came from Windows does
//! not. [`ViewKind::Auto`] decides for every file by that. The names in a directory go by the directory: below one
//! that came from Linux, characters that Windows forbids are unescaped and case counts; below one that came from
//! Windows names are shown as they are, and a name that is not there exactly is found in another case.
//!
//! | | shown as Linux | shown as Windows |
//! |---|---|---|
//! | owner, mode | from the EAs; root, 0755 for directories and 0644 for files where they are absent | root; 0755 for directories, 0644 for files, 0444 for read-only files |
//! | type | also from the tags of fifos, devices and sockets | files, directories and links |
//! | xattrs | `LX.` EAs, alternate streams as `user.NAME` | alternate streams as `user.NAME` |
//!
//! # What an overlay above would obey
//!
//! A layer must not reach beyond its own files, whatever is mounted over them. So names that belong to overlays are
//! hidden, also in images that hold them: extended attributes `trusted.*` and `user.overlay.*`, and character devices
//! 0:0, which are whiteouts.
//!
//! On a directory the read-only attribute of Windows marks a customized folder; it takes no permission away.

mod attributes;
mod error;
mod links;
mod listing;
mod names;
mod xattrs;

#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::sync::OnceLock;

pub use attributes::{Attributes, Totals};
pub use error::ViewError;
pub use listing::Entry;
pub use names::append_name;

use crate::cim::format::StreamKind;
use crate::cim::reader::{Data, File};
use crate::cim::reparse::Tag;
use crate::cim::wsl::{FileType, LinuxMetadata};
use crate::cim::{CimError, FileId, Image, Name};
use names::NameBuffer;

/// Whether files are shown as Linux or as Windows has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ViewKind {
    /// Each file the way it came from.
    #[default]
    Auto,
    /// As Linux has them, with defaults where an image says nothing.
    Linux,
    /// As Windows has them; Linux metadata is ignored.
    Windows,
}

impl ViewKind {
    /// Returns the word for this kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

impl std::fmt::Display for ViewKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no [`ViewKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("view {0:?} is not one of auto, linux and windows")]
pub struct UnknownView(String);

impl FromStr for ViewKind {
    type Err = UnknownView;

    fn from_str(word: &str) -> Result<Self, UnknownView> {
        let all = [Self::Auto, Self::Linux, Self::Windows];
        all.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| UnknownView(word.to_owned()))
    }
}

/// A file of an image with the way it is shown.
#[derive(Clone, Copy, Debug)]
struct Node {
    file: File,
    /// Where the file is shown as Linux has it: what the EAs say.
    linux: Option<LinuxMetadata>,
}

/// An image as a Linux file system shows it.
#[derive(Debug)]
pub struct View {
    image: Image,
    kind: ViewKind,
    /// The directory in the root that Windows takes for drive C:.
    drive: Option<Name>,
    totals: Totals,
    /// Whether link counts can be had: an image whose tree is broken has none.
    counted: OnceLock<bool>,
}

impl View {
    /// Shows an image.
    pub fn new(image: Image, kind: ViewKind) -> Result<Self, CimError> {
        let totals = Totals::of(&image)?;
        let mut view = Self { image, kind, drive: None, totals, counted: OnceLock::new() };
        let root = view.node(view.image.root())?;
        if root.linux.is_none() {
            view.drive = view.find_drive(&root.file)?;
        }
        Ok(view)
    }

    /// Returns the image.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Returns the size of the whole.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Looks a name up in a directory. `.` and `..` are names like any other.
    pub fn lookup(&self, directory: FileId, name: &[u8]) -> Result<Option<FileId>, ViewError> {
        let node = self.node(directory)?;
        match name {
            b"." => return Ok(Some(directory)),
            b".." => return Ok(Some(self.parent(&node.file))),
            _ => {}
        }
        let Some(name) = NameBuffer::new(name, node.linux.is_some()) else { return Ok(None) };
        let found = match node.linux {
            Some(_) => self.image.child_exact(&node.file, name.as_ref())?,
            None => self.image.child(&node.file, name.as_ref())?,
        };
        Ok(found.filter(|&id| !self.is_whiteout(id)))
    }

    /// Returns whether a file is a device that an overlay takes for a whiteout: such a name is not there. A file that
    /// cannot be read is.
    fn is_whiteout(&self, id: FileId) -> bool {
        let is_device = |file: &File| file.reparse_tag == Tag::LX_CHR.0;
        let Ok(true) = self.image.file(id).as_ref().map(is_device) else { return false };
        self.attributes(id).is_ok_and(|it| it.file_type == FileType::CharDevice && it.device.is_whiteout())
    }

    /// Opens a file's bytes.
    pub fn data(&self, id: FileId) -> Result<Data<'_>, ViewError> {
        let file = self.image.file(id)?;
        Ok(self.image.file_data(&file)?)
    }

    /// Returns where data, or a hole, begins at or behind an offset; `None` where there is no more. A file is one or
    /// the other from end to end, and its end counts as a hole.
    pub fn seek(&self, id: FileId, from: u64, hole: bool) -> Result<Option<u64>, ViewError> {
        let stream = self.image.file(id)?.data;
        let len = stream.len.get();
        if from >= len {
            return Ok(None);
        }
        let sparse = stream.kind == StreamKind::Sparse;
        Ok(match (hole, sparse) {
            (true, true) | (false, false) => Some(from),
            (true, false) => Some(len),
            (false, true) => None,
        })
    }

    fn node(&self, id: FileId) -> Result<Node, CimError> {
        let file = self.image.file(id)?;
        let linux = match self.kind {
            ViewKind::Windows => None,
            // What the image says of such a file cannot be read; its attributes can be shown all the same.
            _ if file.unknown.is_some() => None,
            ViewKind::Auto if file.ea_len == 0 => None,
            ViewKind::Auto => Some(self.linux_metadata(&file)?).filter(LinuxMetadata::is_present),
            ViewKind::Linux => Some(self.linux_metadata(&file)?),
        };
        Ok(Node { file, linux })
    }

    fn linux_metadata(&self, file: &File) -> Result<LinuxMetadata, CimError> {
        let list = self.image.eas(file)?;
        LinuxMetadata::read(list).map_err(|fault| self.image.regions().corrupt(file.eas, fault))
    }

    fn find_drive(&self, root: &File) -> Result<Option<Name>, CimError> {
        let wanted = Name::new("Files")?;
        for entry in self.image.list(root)? {
            let (name, id) = entry?;
            if name.folded_eq(wanted.as_ref(), self.image.upcase()) && self.image.file(id)?.is_directory() {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }

    /// Returns the directory above a file; the root where the image is too broken to tell.
    fn parent(&self, file: &File) -> FileId {
        self.image.parent(file).ok().flatten().unwrap_or_else(|| self.image.root())
    }

    /// Returns the number of names of a file; 1 where the image is too broken to count.
    fn link_count(&self, id: FileId) -> u32 {
        let counted = *self.counted.get_or_init(|| self.image.links().is_ok());
        if !counted {
            return 1;
        }
        self.image.links().map_or(1, |links| links.count(id))
    }
}

impl Node {
    fn file_type(&self) -> FileType {
        let own = if self.file.is_directory() { FileType::Directory } else { FileType::Regular };
        if !self.file.is_reparse_point() {
            return own;
        }
        match FileType::of_tag(Tag(self.file.reparse_tag)) {
            Some(FileType::Symlink) => FileType::Symlink,
            // A whole device would look like a deleted file to an overlay, so Windows' view shows none.
            Some(special) if self.linux.is_some() => special,
            _ => own,
        }
    }
}
