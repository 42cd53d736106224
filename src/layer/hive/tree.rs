//! A hive as a tree in memory, to build by hand or to collect from another source.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::data::Data;
use super::error::{HiveError, Invalid};
use super::name::{MAX_KEY_NAME, MAX_VALUE_NAME, Name, SEPARATOR};
use super::security::default_security;
use super::source::{HiveInfo, KeyFlags, Layer, MAX_DEPTH, Node, Source, Value, walk};
use crate::cim::FileTime;

/// A hive in memory. Keys live in one table, so dropping a deep tree needs no stack.
#[derive(Clone, Debug)]
pub struct Hive<'a> {
    /// What concerns the hive as a whole.
    pub info: HiveInfo,
    keys: Vec<Key<'a>>,
}

/// The number of a key in its [`Hive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(usize);

/// A key of a [`Hive`]. Its fields mean what those of [`Node`] mean.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    name: Name<'a>,
    /// Flags that belong to the key rather than to the file.
    pub flags: KeyFlags,
    /// How the key combines with the key below it.
    pub layer: Layer,
    /// When the key was last written.
    pub last_written: FileTime,
    /// How the key was used.
    pub access_bits: u8,
    /// Virtualisation control and user flags.
    pub user_flags: u8,
    /// Class name as UTF-16LE bytes.
    pub class: Cow<'a, [u8]>,
    /// Self-relative security descriptor.
    pub security: Cow<'a, [u8]>,
    values: Vec<Value<'a>>,
    /// In the order of upper-cased names.
    subkeys: Vec<KeyId>,
    depth: usize,
}

impl<'a> Key<'a> {
    fn new(name: Name<'a>, security: Cow<'a, [u8]>, depth: usize) -> Self {
        Self {
            name,
            flags: KeyFlags::empty(),
            layer: Layer::MERGE,
            last_written: FileTime::default(),
            access_bits: 0,
            user_flags: 0,
            class: Cow::Borrowed(&[]),
            security,
            values: Vec::new(),
            subkeys: Vec::new(),
            depth,
        }
    }

    fn from_node(node: Node<'a>, values: Vec<Value<'a>>, depth: usize) -> Self {
        Self {
            flags: node.flags,
            layer: node.layer,
            last_written: node.last_written,
            access_bits: node.access_bits,
            user_flags: node.user_flags,
            class: Cow::Borrowed(node.class),
            values,
            ..Self::new(node.name, Cow::Borrowed(node.security), depth)
        }
    }

    /// Returns the name.
    pub fn name(&self) -> &Name<'a> {
        &self.name
    }

    /// Returns the values, in the order in which they were added.
    pub fn values(&self) -> &[Value<'a>] {
        &self.values
    }

    /// Returns the subkeys, in the order of their upper-cased names.
    pub fn subkeys(&self) -> &[KeyId] {
        &self.subkeys
    }

    /// Adds a value, or replaces the one of the same name.
    pub fn set(&mut self, value: Value<'a>) -> Result<(), HiveError> {
        let units = value.name.len();
        if units > MAX_VALUE_NAME {
            return Err(Invalid::ValueName { units, max: MAX_VALUE_NAME }.into());
        }
        match self.values.iter_mut().find(|old| old.name.folded_cmp(&value.name).is_eq()) {
            Some(old) => *old = value,
            None => self.values.push(value),
        }
        Ok(())
    }

    /// Adds a value of bytes, or replaces the one of the same name.
    pub fn set_bytes(
        &mut self,
        name: impl Into<Name<'a>>,
        kind: u32,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<(), HiveError> {
        self.set(Value::new(name, kind, Data::new(bytes)))
    }

    /// Gives the key a class name.
    pub fn set_class(&mut self, text: &str) {
        self.class = text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().into();
    }
}

impl<'a> Hive<'a> {
    /// Makes a hive of one key called `ROOT`, with [`default_security`].
    pub fn new(info: HiveInfo) -> Self {
        let root = Key::new(Name::from("ROOT"), Cow::Borrowed(default_security()), 0);
        Self { info, keys: vec![root] }
    }

    /// Makes a tree of all that a source holds. A source without a root becomes [`Hive::new`].
    pub fn collect<S: Source<'a>>(source: &S) -> Result<Self, HiveError> {
        let mut keys: Vec<Key<'a>> = Vec::new();
        walk(source, |visit| {
            let id = KeyId(keys.len());
            let values = source.values(visit.key)?;
            keys.push(Key::from_node(source.node(visit.key)?, values, visit.depth));
            if let Some(parent) = visit.parent.and_then(|KeyId(parent)| keys.get_mut(parent)) {
                parent.subkeys.push(id);
            }
            Ok(id)
        })?;
        if keys.is_empty() {
            return Ok(Self::new(source.info()));
        }
        Ok(Self { info: source.info(), keys })
    }

    /// Makes a hive of one key.
    pub(super) fn of_root(info: HiveInfo, node: Node<'a>, values: Vec<Value<'a>>) -> Self {
        Self { info, keys: vec![Key::from_node(node, values, 0)] }
    }

    /// Adds a subkey with all that belongs to it.
    pub(super) fn add_node(
        &mut self,
        parent: KeyId,
        node: Node<'a>,
        values: Vec<Value<'a>>,
    ) -> Result<KeyId, HiveError> {
        let id = self.add(parent, node.name.clone())?;
        let key = self.key_mut(id);
        *key = Key::from_node(node, values, key.depth);
        Ok(id)
    }

    /// Returns the root key.
    pub fn root_id(&self) -> KeyId {
        KeyId(0)
    }

    /// Returns a key.
    ///
    /// # Panics
    /// Panics where the id comes from a larger hive.
    pub fn key(&self, id: KeyId) -> &Key<'a> {
        &self.keys[id.0]
    }

    /// Returns a key to change.
    ///
    /// # Panics
    /// Panics where the id comes from a larger hive.
    pub fn key_mut(&mut self, id: KeyId) -> &mut Key<'a> {
        &mut self.keys[id.0]
    }

    /// Returns the subkey of that name.
    pub fn subkey(&self, parent: KeyId, name: &Name<'_>) -> Option<KeyId> {
        self.place(parent, name).ok()
    }

    /// Adds a subkey with the security descriptor of its parent.
    pub fn add(&mut self, parent: KeyId, name: impl Into<Name<'a>>) -> Result<KeyId, HiveError> {
        let name = name.into();
        check_key_name(&name)?;
        let Err(place) = self.place(parent, &name) else {
            return Err(Invalid::KeyExists(name.to_string()).into());
        };
        let id = KeyId(self.keys.len());
        let above = self.key_mut(parent);
        if above.depth >= MAX_DEPTH {
            return Err(Invalid::TooDeep.into());
        }
        let key = Key::new(name, above.security.clone(), above.depth.saturating_add(1));
        above.subkeys.insert(place, id);
        self.keys.push(key);
        Ok(id)
    }

    /// Returns the key at a path of names with backslashes between them, after adding what is missing of it.
    pub fn ensure(&mut self, path: &str) -> Result<KeyId, HiveError> {
        let mut at = self.root_id();
        for name in path.split('\\').map(Name::from) {
            at = match self.subkey(at, &name) {
                Some(id) => id,
                None => self.add(at, name)?,
            };
        }
        Ok(at)
    }

    /// Returns the key at a path.
    pub fn find(&self, path: &str) -> Option<KeyId> {
        path.split('\\').try_fold(self.root_id(), |at, name| self.subkey(at, &Name::from(name)))
    }

    /// Returns where a subkey is in the list of its parent, or where it would be.
    fn place(&self, parent: KeyId, name: &Name<'_>) -> Result<KeyId, usize> {
        let subkeys = &self.key(parent).subkeys;
        let order = |id: &KeyId| -> Ordering { self.key(*id).name.folded_cmp(name) };
        match subkeys.binary_search_by(order) {
            Ok(index) => subkeys.get(index).copied().ok_or(index),
            Err(index) => Err(index),
        }
    }
}

/// Checks the rules for the name of a key other than the root.
pub(super) fn check_key_name(name: &Name<'_>) -> Result<(), Invalid> {
    let units = name.len();
    if units == 0 || units > MAX_KEY_NAME {
        return Err(Invalid::KeyName { units, max: MAX_KEY_NAME });
    }
    if name.units().any(|unit| unit == SEPARATOR) {
        return Err(Invalid::Backslash);
    }
    Ok(())
}

impl<'s> Source<'s> for &'s Hive<'_> {
    type Key = KeyId;

    fn info(&self) -> HiveInfo {
        self.info
    }

    fn root(&self) -> Option<KeyId> {
        Some(self.root_id())
    }

    fn name(&self, key: KeyId) -> Result<Name<'s>, HiveError> {
        let hive: &'s Hive<'_> = self;
        Ok(hive.key(key).name.borrowed())
    }

    fn node(&self, key: KeyId) -> Result<Node<'s>, HiveError> {
        let hive: &'s Hive<'_> = self;
        let key = hive.key(key);
        Ok(Node {
            name: key.name.borrowed(),
            flags: key.flags,
            layer: key.layer,
            last_written: key.last_written,
            access_bits: key.access_bits,
            user_flags: key.user_flags,
            class: &key.class,
            security: &key.security,
        })
    }

    fn values(&self, key: KeyId) -> Result<Vec<Value<'s>>, HiveError> {
        let hive: &'s Hive<'_> = self;
        Ok(hive.key(key).values.iter().map(Value::borrowed).collect())
    }

    fn subkeys(&self, key: KeyId) -> Result<Vec<KeyId>, HiveError> {
        Ok(self.key(key).subkeys.clone())
    }
}
