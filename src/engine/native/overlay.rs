//! What a layer has changed so far: names that it brought, and names of the parent that it took away.
//!
//! The library can only be told to change an image, not asked what is in it. This is what has to be known: whether a
//! directory is there, and whether a name that a whiteout takes away late is the parent's or the layer's own.

use std::collections::HashMap;

use zerocopy::little_endian::U16;

use super::error::Refusal;
use super::item::{Item, OwnedMetadata};
use crate::cim::names::upcase;
use crate::cim::{ImagePath, NameRef};

/// The most memory that names, links and metadata may take: some million names.
const MAX_BYTES: usize = 512 << 20;

/// What the bookkeeping of one name takes beside it.
const OVERHEAD: usize = 96;

const ROOT: usize = 0;

/// What a layer has changed so far.
#[derive(Debug)]
pub(super) struct Overlay {
    nodes: Vec<Node>,
    /// What is in a directory, by its number and a name in upper case.
    names: HashMap<(usize, Box<[u16]>), usize>,
    bytes: usize,
}

/// What is known of a path.
#[derive(Debug)]
pub(super) enum Node {
    /// The layer took it away.
    Gone,
    /// The layer brought it.
    File(Item),
    /// It is a directory now.
    Directory(Directory),
}

/// A directory in which something changed, or that the layer brought.
#[derive(Debug)]
pub(super) struct Directory {
    /// Whose it is.
    pub(super) owner: Owner,
    /// Whether names of the parent show in it.
    pub(super) merged: bool,
    /// Whether anything in it was noted.
    pub(super) empty: bool,
}

/// Whose a directory is.
#[derive(Debug)]
pub(super) enum Owner {
    /// The layer said what it is.
    Layer,
    /// The layer needs it and does not say what it is: the parent's, or if that goes, one of this spelling.
    Needed(Box<(ImagePath, OwnedMetadata)>),
    /// The parent's: the layer only takes something away in it.
    Parent,
}

/// What the layer says of a path.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// It changed this.
    Changed(&'a Node),
    /// Nothing: it is what the parent has.
    Inherited,
    /// Something above it hides what the parent has.
    Hidden,
}

impl Overlay {
    /// Begins with nothing changed.
    pub(super) fn new() -> Self {
        let root = Node::Directory(Directory::new(Owner::Layer, true));
        Self { nodes: vec![root], names: HashMap::new(), bytes: 0 }
    }

    /// Says what the layer did to a path.
    pub(super) fn find(&self, path: &ImagePath) -> Found<'_> {
        let mut at = ROOT;
        for name in path.components() {
            let Some(Node::Directory(directory)) = self.nodes.get(at) else { return Found::Hidden };
            match self.names.get(&(at, key(name))) {
                Some(child) => at = *child,
                None if directory.merged => return Found::Inherited,
                None => return Found::Hidden,
            }
        }
        self.nodes.get(at).map_or(Found::Hidden, Found::Changed)
    }

    /// Returns a directory that changed, to change more of it.
    pub(super) fn directory(&mut self, path: &ImagePath) -> Option<&mut Directory> {
        let mut at = ROOT;
        for name in path.components() {
            at = *self.names.get(&(at, key(name)))?;
        }
        match self.nodes.get_mut(at) {
            Some(Node::Directory(directory)) => Some(directory),
            _ => None,
        }
    }

    /// Notes what is at a path now, with nothing below it that was noted before.
    pub(super) fn put(&mut self, path: &ImagePath, node: Node) -> Result<(), Refusal> {
        let mut at = ROOT;
        let mut names = path.components().peekable();
        while let Some(name) = names.next() {
            let known = self.names.get(&(at, key(name))).copied();
            at = match (known, names.peek()) {
                (Some(child), Some(_)) => child,
                // What is on the way and was never noted is a directory of the parent's.
                (None, Some(_)) => self.add(at, name, Node::Directory(Directory::of_parent()))?,
                (_, None) => return self.add(at, name, node).map(drop),
            };
        }
        Ok(())
    }

    /// Counts memory that is taken for the layer.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_BYTES { Err(Refusal::TooMuch(MAX_BYTES)) } else { Ok(()) }
    }

    /// Gives a name a new number, so that what was below the old one is out of reach.
    fn add(&mut self, directory: usize, name: NameRef<'_>, node: Node) -> Result<usize, Refusal> {
        self.charge(OVERHEAD + 2 * name.units().len() + node.cost())?;
        if let Some(Node::Directory(directory)) = self.nodes.get_mut(directory) {
            directory.empty = false;
        }
        let number = self.nodes.len();
        self.nodes.push(node);
        self.names.insert((directory, key(name)), number);
        Ok(number)
    }
}

impl Node {
    fn cost(&self) -> usize {
        match self {
            Self::File(Item::Link { reparse, .. }) => reparse.len(),
            Self::Directory(Directory { owner: Owner::Needed(needed), .. }) => {
                needed.1.cost() + size_of_val(needed.0.units())
            }
            _ => 0,
        }
    }
}

impl Directory {
    /// A directory in which nothing is noted yet.
    pub(super) fn new(owner: Owner, merged: bool) -> Self {
        Self { owner, merged, empty: true }
    }

    /// A directory of the parent's, as it is.
    pub(super) fn of_parent() -> Self {
        Self::new(Owner::Parent, true)
    }
}

fn key(name: NameRef<'_>) -> Box<[u16]> {
    upper(name.units())
}

/// Returns what all spellings of a path have in common.
pub(super) fn path_key(path: &ImagePath) -> Box<[u16]> {
    upper(path.units())
}

fn upper(units: &[U16]) -> Box<[u16]> {
    let upcase = upcase::standard();
    units.iter().map(|unit| upcase.unit(unit.get())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    fn own(merged: bool) -> Node {
        Node::Directory(Directory::new(Owner::Layer, merged))
    }

    #[test]
    fn names_are_one_whatever_their_case() {
        let mut overlay = Overlay::new();
        overlay.put(&path("Dir/File"), Node::File(Item::File)).unwrap();
        assert!(matches!(overlay.find(&path("dir/FILE")), Found::Changed(Node::File(Item::File))));
        assert!(matches!(overlay.find(&path("DIR/other")), Found::Inherited));
        let Found::Changed(Node::Directory(parent)) = overlay.find(&path("dir")) else { panic!() };
        assert!(matches!(parent.owner, Owner::Parent));
    }

    #[test]
    fn what_is_replaced_hides_what_was_below() {
        let mut overlay = Overlay::new();
        overlay.put(&path("d"), own(true)).unwrap();
        overlay.put(&path("d/f"), Node::File(Item::File)).unwrap();
        overlay.put(&path("d"), Node::File(Item::File)).unwrap();
        assert!(matches!(overlay.find(&path("d/f")), Found::Hidden));
        overlay.put(&path("d"), own(false)).unwrap();
        assert!(matches!(overlay.find(&path("d/f")), Found::Hidden));
        overlay.directory(&path("D")).unwrap().merged = true;
        assert!(matches!(overlay.find(&path("d/f")), Found::Inherited));
        overlay.put(&path("x"), Node::Gone).unwrap();
        assert!(matches!(overlay.find(&path("x/y")), Found::Hidden));
    }

    #[test]
    fn memory_is_bounded() {
        let mut overlay = Overlay { bytes: MAX_BYTES - 1000, ..Overlay::new() };
        let full = (0..1000).map(|_| overlay.put(&path("a"), Node::Gone)).find_map(Result::err);
        assert!(matches!(full, Some(Refusal::TooMuch(MAX_BYTES))));
    }
}
