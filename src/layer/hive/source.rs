//! The seam between where keys come from (a file, a tree, a merge) and what is done with them.

use bitflags::bitflags;

use super::data::Data;
use super::error::HiveError;
use super::name::Name;
use crate::cim::FileTime;

/// The most levels of keys below the root.
pub const MAX_DEPTH: usize = 512;

/// A tree of keys to read from. Everything handed out borrows for `'s`.
///
/// What a source hands out is checked: the tree is finite, at most [`MAX_DEPTH`] levels deep, and within one key
/// neither two subkeys nor two values have the same upper-cased name.
pub trait Source<'s> {
    /// Stands for a key.
    type Key: Copy;

    /// Returns what concerns the hive as a whole.
    fn info(&self) -> HiveInfo;

    /// Returns the root key; none where the hive is a file of length 0.
    fn root(&self) -> Option<Self::Key>;

    /// Returns the name of a key.
    fn name(&self, key: Self::Key) -> Result<Name<'s>, HiveError>;

    /// Returns a key without its values and subkeys.
    fn node(&self, key: Self::Key) -> Result<Node<'s>, HiveError>;

    /// Returns the values of a key, in the order in which they are stored.
    fn values(&self, key: Self::Key) -> Result<Vec<Value<'s>>, HiveError>;

    /// Returns the subkeys of a key, in the order of their upper-cased names.
    fn subkeys(&self, key: Self::Key) -> Result<Vec<Self::Key>, HiveError>;
}

/// What concerns a hive as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HiveInfo {
    /// Minor version of the format, 3 to 6.
    pub minor: u32,
    /// Whether keys and values say how they combine with those of a hive below.
    pub layered: bool,
}

impl HiveInfo {
    /// A hive that stands alone.
    pub const PLAIN: Self = Self { minor: 5, layered: false };

    /// A delta over another hive.
    pub const DELTA: Self = Self { minor: 6, layered: true };
}

/// A key without its values and subkeys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node<'s> {
    /// The name; that of a root means nothing.
    pub name: Name<'s>,
    /// Flags that belong to the key rather than to the file.
    pub flags: KeyFlags,
    /// How the key combines with the key below it.
    pub layer: Layer,
    /// When the key was last written.
    pub last_written: FileTime,
    /// How the key was used; history without meaning.
    pub access_bits: u8,
    /// Virtualisation control in the low nibble, user flags in the high one.
    pub user_flags: u8,
    /// Class name as UTF-16LE bytes; often empty.
    pub class: &'s [u8],
    /// Self-relative security descriptor.
    pub security: &'s [u8],
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value<'s> {
    /// The name; empty for the default value.
    pub name: Name<'s>,
    /// Registry type. Any number is legal.
    pub kind: u32,
    /// The data, of which nothing is assumed.
    pub data: Data<'s>,
    /// Whether this hides a value of the key below instead of being one.
    pub tombstone: bool,
}

impl<'s> Value<'s> {
    /// Makes a value.
    pub fn new(name: impl Into<Name<'s>>, kind: u32, data: Data<'s>) -> Self {
        Self { name: name.into(), kind, data, tombstone: false }
    }

    /// Makes a tombstone.
    pub fn tombstone(name: impl Into<Name<'s>>) -> Self {
        Self { name: name.into(), kind: 0, data: Data::new(&[][..]), tombstone: true }
    }

    /// Borrows the value.
    pub fn borrowed(&self) -> Value<'_> {
        let Self { name, kind, data, tombstone } = self;
        Value { name: name.borrowed(), kind: *kind, data: data.borrowed(), tombstone: *tombstone }
    }
}

bitflags! {
    /// Flags that belong to a key. Those that describe its place in a file are recomputed by the writer.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct KeyFlags: u16 {
        /// The key points to another one through its value `SymbolicLinkValue`.
        const SYMLINK = 0x0010;
        /// Writes below this key are virtualised.
        const VIRTUAL_SOURCE = 0x0080;
        /// The key holds virtualised writes.
        const VIRTUAL_TARGET = 0x0100;
        /// The key is the root of virtualised writes.
        const VIRTUAL_STORE = 0x0200;
    }
}

/// The layer byte: how a key of a delta combines with the key below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layer(u8);

/// What a [`Layer`] says about values and subkeys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Semantics {
    /// Values and subkeys combine with those below.
    Merge,
    /// Neither the key nor its subtree exists.
    Tombstone,
    /// Values below are hidden, subkeys below are not.
    SupersedeLocal,
    /// Everything below is hidden.
    SupersedeTree,
}

impl Layer {
    /// A new key, or one with a class name of its own.
    pub const MERGE: Self = Self(0x00);
    /// A deleted key.
    pub const TOMBSTONE: Self = Self(0x01);
    /// A key that replaces the one below but shows its subkeys.
    pub const SUPERSEDE_LOCAL: Self = Self(0x02);
    /// A key that was deleted and created again.
    pub const SUPERSEDE_TREE: Self = Self(0x03);

    const INHERIT_CLASS: u8 = 0x80;
    const SEMANTICS: u8 = 0x03;

    /// Takes the byte as it lies on disk.
    pub const fn from_raw(raw: u8) -> Self {
        Self(raw)
    }

    /// Returns the byte as it lies on disk.
    pub const fn raw(self) -> u8 {
        self.0
    }

    /// Takes the class name from the key below.
    #[must_use]
    pub const fn inheriting_class(self) -> Self {
        Self(self.0 | Self::INHERIT_CLASS)
    }

    /// Returns whether the class name comes from the key below.
    pub const fn inherits_class(self) -> bool {
        self.0 & Self::INHERIT_CLASS != 0
    }

    /// Returns what happens to values and subkeys.
    pub const fn semantics(self) -> Semantics {
        match self.0 & Self::SEMANTICS {
            0 => Semantics::Merge,
            1 => Semantics::Tombstone,
            2 => Semantics::SupersedeLocal,
            _ => Semantics::SupersedeTree,
        }
    }
}

/// A key met by [`walk`].
pub(super) struct Visit<'w, K, T> {
    pub(super) key: K,
    /// 0 for the root.
    pub(super) depth: usize,
    /// What the visitor returned for the parent; none for the root.
    pub(super) parent: Option<T>,
    /// The place among the children of the parent.
    pub(super) index: usize,
    pub(super) children: &'w [K],
}

/// Visits all keys, a parent before its children and those in order. Stops at an error of the visitor, whose result
/// for a key is passed on to the children of that key.
pub(super) fn walk<'s, S: Source<'s>, T: Copy>(
    source: &S,
    mut visit: impl FnMut(Visit<'_, S::Key, T>) -> Result<T, HiveError>,
) -> Result<(), HiveError> {
    let Some(key) = source.root() else { return Ok(()) };
    let children = source.subkeys(key)?;
    let token = visit(Visit { key, depth: 0, parent: None, index: 0, children: &children })?;
    let mut stack = vec![(children.into_iter().enumerate(), token)];
    while let Some((siblings, parent)) = stack.last_mut() {
        let Some((index, key)) = siblings.next() else {
            stack.pop();
            continue;
        };
        let parent = Some(*parent);
        let children = source.subkeys(key)?;
        let token = visit(Visit { key, depth: stack.len(), parent, index, children: &children })?;
        if !children.is_empty() {
            stack.push((children.into_iter().enumerate(), token));
        }
    }
    Ok(())
}
