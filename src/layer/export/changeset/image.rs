//! A committed image as the tree that a changeset leads to.

use std::collections::HashMap;
use std::io::Write;

use super::{Inode, Listing, Node, PIECE, Tree, join, list, node};
use crate::cim::diff::{Changes, Comparer, Side};
use crate::cim::reader::File;
use crate::cim::{CimError, FileId, Image};
use crate::layer::export::archive::Archive;
use crate::layer::export::error::ExportError;

/// An image, beside the one that it is compared with.
pub(super) struct ImageTree<'a> {
    image: &'a Image,
    side: Side<'a>,
    comparer: Option<Comparer<'a>>,
    /// Files with several names.
    linked: HashMap<FileId, u32>,
}

impl<'a> ImageTree<'a> {
    pub(super) fn new(base: Option<&'a Image>, image: &'a Image) -> Result<Self, CimError> {
        let comparer = base.map(|base| Comparer::new(base, image)).transpose()?;
        Ok(Self { image, side: Side::new(image), comparer, linked: image.count_names()? })
    }

    fn inode(&self, id: FileId) -> Option<Inode> {
        self.linked.contains_key(&id).then(|| (0, id.raw().into()))
    }
}

impl Tree for ImageTree<'_> {
    type File = File;

    fn root(&mut self) -> Result<File, ExportError> {
        Ok(self.image.file(self.image.root())?)
    }

    fn list(&mut self, directory: &File, text: &[u8]) -> Result<Listing<File>, ExportError> {
        let mut names = Vec::new();
        for (name, id) in list(&mut self.side, *directory, text)? {
            let found = node(self.image, self.image.file(id)?, self.inode(id), &join(text, &name))?;
            names.push((name, Some(found)));
        }
        Ok(Listing { names, is_complete: true })
    }

    fn is_unchanged(&mut self, base: &File, node: &Node<File>) -> Result<bool, ExportError> {
        let Some(comparer) = &mut self.comparer else { return Ok(false) };
        Ok((comparer.compare(base, &node.file)? - Changes::LINKS).is_empty())
    }

    fn has_same_data(
        &mut self,
        (_, base): (&Image, &File),
        _text: &[u8],
        node: &Node<File>,
    ) -> Result<bool, ExportError> {
        let Some(comparer) = &mut self.comparer else { return Ok(false) };
        Ok(comparer.same_data(base.data, node.file.data)?)
    }

    fn write_data<W: Write>(
        &mut self,
        text: &[u8],
        node: &Node<File>,
        archive: &mut Archive<W>,
    ) -> Result<(), ExportError> {
        let data = self.image.data(node.file.data).map_err(|error| ExportError::entry(text, error))?;
        archive.begin(text, &node.description, data.len())?;
        data.chunks(PIECE).try_for_each(|chunk| archive.data(chunk.bytes()))?;
        archive.end(text)
    }
}
