//! What a layer has to remember of itself.

use super::error::Refusal;
use super::item::{Item, OwnedMetadata};
use super::kept::Contents;
use super::layer::NativeLayer;
use super::overlay::{Directory, Found, Node, Owner, path_key};
use crate::cim::reparse::Tag;
use crate::cim::{Attributes, CimError, ImagePath, Metadata};
use crate::engine::LayerSink;

impl NativeLayer {
    /// Returns whether the layer lies over another image.
    pub fn has_parent(&self) -> bool {
        self.has_parent
    }

    /// Returns what is at a path.
    pub fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        Ok(match self.overlay.find(path) {
            Found::Changed(Node::File(item)) => Some(item.clone()),
            Found::Changed(Node::Directory(_)) => Some(Item::Directory),
            Found::Changed(Node::Gone) | Found::Hidden => None,
            Found::Inherited => self.lower.find(path)?,
        })
    }

    /// Returns whether a file is the layer's own, and not the parent's.
    pub fn is_of_layer(&self, path: &ImagePath) -> bool {
        matches!(self.overlay.find(path), Found::Changed(Node::File(_)))
    }

    /// Returns the data of a file of the parent, or of one that is kept; `None` for what is no plain file.
    pub fn contents(&self, path: &ImagePath) -> Result<Option<Contents>, CimError> {
        match self.overlay.find(path) {
            Found::Inherited => self.lower.contents(path),
            Found::Changed(Node::File(Item::File)) => match self.keep.get(&path_key(path)) {
                Some(Some(kept)) => kept.contents().map(Some),
                _ => Err(Refusal::Unreadable(path.clone()).into()),
            },
            _ => Ok(None),
        }
    }

    /// Returns the symbolic links that do not say whether they lead to a directory.
    pub fn undecided_links(&self) -> Vec<ImagePath> {
        self.undecided.values().map(|(path, _)| path.clone()).collect()
    }

    /// Makes a link that does not say where it leads one that leads to a directory.
    pub fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError> {
        let Some((path, metadata)) = self.undecided.remove(&path_key(link)) else { return Ok(()) };
        let metadata = metadata.as_metadata();
        let attributes = metadata.attributes | Attributes::DIRECTORY;
        self.create_directory(&path, &Metadata { attributes, ..metadata })
    }

    /// Notes what comes to a path.
    pub(super) fn note(&mut self, path: &ImagePath, item: Item) -> Result<(), CimError> {
        let key = path_key(path);
        self.replace_directory_of_link(path);
        self.latest = None;
        self.undecided.remove(&key);
        if let Some(kept) = self.keep.get_mut(&key) {
            *kept = None;
        }
        Ok(self.overlay.put(path, Node::File(item))?)
    }

    /// Forgives a directory in the place of a link that something else replaces before anything was in it.
    pub(super) fn replace_directory_of_link(&mut self, path: &ImagePath) {
        let key = path_key(path);
        if self.in_place_of_links.contains_key(&key)
            && self.overlay.directory(path).is_some_and(|it| it.empty)
        {
            self.in_place_of_links.remove(&key);
        }
    }

    pub(super) fn note_undecided(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
    ) -> Result<(), CimError> {
        if is_undecided(metadata) {
            let metadata = OwnedMetadata::from(metadata);
            self.overlay.charge(metadata.cost())?;
            self.undecided.insert(path_key(path), (path.clone(), metadata));
        }
        Ok(())
    }

    /// Notes whose a directory is; returns whether nothing was known of it before.
    pub(super) fn note_directory(&mut self, path: &ImagePath, owner: Owner) -> Result<bool, CimError> {
        if let Some(directory) = self.overlay.directory(path) {
            directory.owner = owner;
            return Ok(false);
        }
        let merged = matches!(self.overlay.find(path), Found::Inherited);
        self.undecided.remove(&path_key(path));
        self.overlay.put(path, Node::Directory(Directory::new(owner, merged)))?;
        Ok(true)
    }
}

/// Returns whether this describes a symbolic link without attributes: it may lead to a file or to a directory.
fn is_undecided(metadata: &Metadata<'_>) -> bool {
    let is_symlink = metadata.reparse.starts_with(&Tag::SYMLINK.0.to_le_bytes());
    is_symlink && !metadata.is_directory() && metadata.attributes.record_flags().is_empty()
}
