//! The upper directory of an overlay as the tree that a changeset leads to.
//!
//! The tree is what the overlay shows, of which everything that lies in the image alone is unchanged: only what lies in
//! the upper directory is visited. Under an opaque directory nothing of the image shows, so that names which the
//! upper directory lacks are deleted.

use std::fs::File as DiskFile;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{self as sys, Stat};

use super::scratch::{self, Marks, Place};
use super::{PIECE, describe};
use crate::cim::Image;
use crate::cim::reader::File;
use crate::cim::wsl::FileType;
use crate::layer::export::archive::Archive;
use crate::layer::export::changeset::{self, ChangesetOptions, Listing, Node, Tree, join};
use crate::layer::export::error::{EntryError, ExportError};
use crate::layer::export::{ExportSummary, names};

/// Writes the layer that containerd's differ makes of what an overlay shows, beside the image below it.
///
/// `upper` is the upper directory of an overlay that is not mounted, or that nothing writes to.
pub fn export_upper_changeset(
    base: Option<&Image>,
    upper: &Path,
    options: ChangesetOptions,
    out: impl Write,
) -> Result<ExportSummary, ExportError> {
    changeset::run(base, Merged { upper, buffer: vec![0; PIECE] }, options, out)
}

struct Merged<'a> {
    upper: &'a Path,
    buffer: Vec<u8>,
}

/// A name in a directory that is held open.
struct Upper {
    parent: Rc<OwnedFd>,
    name: Vec<u8>,
    stat: Stat,
}

impl Merged<'_> {
    fn place<'p>(&'p self, file: &'p Upper, text: &'p [u8]) -> Place<'p> {
        Place { upper: self.upper, directory: &file.parent, name: &file.name, text }
    }

    fn node(&self, file: Upper, text: &[u8]) -> Result<Node<Upper>, ExportError> {
        let named = |error| ExportError::entry(text, error);
        names::check(&file.name).map_err(named)?;
        let stat = &file.stat;
        let file_type = scratch::file_type(stat).ok_or(named(EntryError::Changed))?;
        let (description, marks) = describe(&self.place(&file, text), stat, file_type)?;
        if marks.contains(Marks::METACOPY) {
            return Err(named(EntryError::Metacopy));
        }
        let size = match file_type {
            FileType::Symlink => u64::try_from(description.link.len()).unwrap_or(u64::MAX),
            _ => u64::try_from(stat.st_size).unwrap_or(0),
        };
        let is_linked = file_type != FileType::Directory && stat.st_nlink > 1;
        let inode = is_linked.then_some((stat.st_dev, stat.st_ino));
        Ok(Node { file_type, description: changeset::reduce(description), size, inode, file })
    }
}

impl Tree for Merged<'_> {
    type File = Upper;

    fn root(&mut self) -> Result<Upper, ExportError> {
        let root = scratch::open_root(self.upper)?;
        let stat = sys::fstat(&root).map_err(|error| scratch::unreadable(self.upper, b"", error))?;
        Ok(Upper { parent: Rc::new(root), name: b".".to_vec(), stat })
    }

    fn list(&mut self, directory: &Upper, text: &[u8]) -> Result<Listing<Upper>, ExportError> {
        let opened = Rc::new(self.place(directory, text).open_directory()?);
        let place = Place { upper: self.upper, directory: &opened, name: b".", text };
        let (_, marks) = place.xattrs()?;
        if marks.contains(Marks::REDIRECT) {
            return Err(ExportError::entry(text, EntryError::Redirect));
        }
        let mut found = Vec::new();
        for (name, stat) in place.list()? {
            let text = join(text, &name);
            let file = Upper { parent: opened.clone(), name: name.clone(), stat };
            let is_whiteout = self.place(&file, &text).is_whiteout(&stat)?;
            found.push((name, if is_whiteout { None } else { Some(self.node(file, &text)?) }));
        }
        Ok(Listing { names: found, is_complete: marks.contains(Marks::OPAQUE) })
    }

    fn is_unchanged(&mut self, _base: &File, _node: &Node<Upper>) -> Result<bool, ExportError> {
        Ok(false)
    }

    fn has_same_data(
        &mut self,
        (image, base): (&Image, &File),
        text: &[u8],
        node: &Node<Upper>,
    ) -> Result<bool, ExportError> {
        let place = Place { upper: self.upper, directory: &node.file.parent, name: &node.file.name, text };
        let (file, size) = place.open_file(&node.file.stat)?;
        let (data, mut file) = (image.data(base.data)?, DiskFile::from(file));
        let mut offset = 0_u64;
        while offset < size {
            let chunk = data.chunk(offset, self.buffer.len()).bytes();
            let piece = self.buffer.get_mut(..chunk.len()).filter(|piece| !piece.is_empty());
            let Some(piece) = piece else { return Ok(false) };
            file.read_exact(piece).map_err(|error| place.unreadable(error))?;
            if piece != chunk {
                return Ok(false);
            }
            offset = offset.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        }
        Ok(size == data.len())
    }

    fn write_data<W: Write>(
        &mut self,
        text: &[u8],
        node: &Node<Upper>,
        archive: &mut Archive<W>,
    ) -> Result<(), ExportError> {
        let place = Place { upper: self.upper, directory: &node.file.parent, name: &node.file.name, text };
        place.write_data(&node.file.stat, &node.description, &mut self.buffer, archive).map(drop)
    }
}
