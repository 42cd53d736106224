//! A hive file, read where it lies.

use std::fmt;

use zerocopy::FromBytes;
use zerocopy::little_endian::U16;

use super::cells::{Cells, Gate, Open, Unused, prefix};
use super::error::{Fault, HiveError};
use super::format::{BIG_DATA_MINOR, KEY_LATIN_NAME, KEY_MAGIC, KeyNode, SECURITY_MAGIC, SecurityNode};
use super::header::Header;
use super::lists;
use super::name::{MAX_KEY_NAME, Name, SEPARATOR};
use super::source::{HiveInfo, KeyFlags, Layer, MAX_DEPTH, Node, Source, Value};
use super::values;
use crate::cim::FileTime;

/// A checked hive file. It copies nothing but the lists that it is asked for.
#[derive(Clone, Copy)]
pub struct HiveView<'a> {
    info: HiveInfo,
    root: Option<KeyCell>,
    cells: Cells<'a>,
}

/// Where a key lies in a [`HiveView`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyCell(u32);

impl<'a> HiveView<'a> {
    /// Checks a file and everything in it that the root leads to. A file of length 0 is a hive without a root.
    pub fn open(file: &'a [u8]) -> Result<Self, HiveError> {
        if file.is_empty() {
            return Ok(Self { info: HiveInfo::PLAIN, root: None, cells: Cells::new(file) });
        }
        let header = Header::read(file)?;
        let root = KeyCell(header.root_cell);
        let view = Self { info: header.info, root: Some(root), cells: Cells::new(header.bins) };
        let mut unused = view.cells.check_tiling()?;
        unused.own(root.0)?;
        view.check_tree(root, &mut unused)?;
        Ok(view)
    }

    /// Visits each key once. Since no cell can be used twice, this ends, and nothing is reached by two ways.
    fn check_tree(&self, root: KeyCell, unused: &mut Unused) -> Result<(), HiveError> {
        let mut pending = vec![(root, 0_usize)];
        while let Some((key, depth)) = pending.pop() {
            self.check_key(key, depth, unused)?;
            let below = depth.saturating_add(1);
            pending.extend(self.sorted_subkeys(key, unused)?.into_iter().map(|subkey| (subkey, below)));
        }
        Ok(())
    }

    fn check_key(&self, key: KeyCell, depth: usize, unused: &mut Unused) -> Result<(), HiveError> {
        let fault = |fault| Err(HiveError::in_cell(key.0, fault));
        if depth > MAX_DEPTH {
            return fault(Fault::TooDeep);
        }
        let node = self.read_node(key, unused)?;
        let units = node.name.len();
        if units > MAX_KEY_NAME || (depth > 0 && units == 0) {
            return fault(Fault::NameLength { what: "a key", units });
        }
        if depth > 0 && node.name.units().any(|unit| unit == SEPARATOR) {
            return fault(Fault::Backslash);
        }
        let values = values::read(self.cells, self.key(key)?.0, self.splits_data(), unused)?;
        let mut names: Vec<&Name<'_>> = values.iter().map(|value| &value.name).collect();
        names.sort_by(|a, b| a.folded_cmp(b));
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a.folded_cmp(b).is_eq())) {
            return fault(Fault::DuplicateName("values"));
        }
        Ok(())
    }

    fn sorted_subkeys(&self, key: KeyCell, gate: &mut impl Gate) -> Result<Vec<KeyCell>, HiveError> {
        let (node, _) = self.key(key)?;
        let found = lists::subkey_cells(self.cells, node, gate)?;
        let mut named = Vec::with_capacity(found.len());
        for cell in found {
            named.push((self.name(KeyCell(cell))?, KeyCell(cell)));
        }
        if !is_ascending(&named) {
            named.sort_by(|(a, _), (b, _)| a.folded_cmp(b));
            if !is_ascending(&named) {
                return Err(HiveError::in_cell(key.0, Fault::DuplicateName("subkeys")));
            }
        }
        Ok(named.into_iter().map(|(_, key)| key).collect())
    }

    fn key(&self, key: KeyCell) -> Result<(&'a KeyNode, &'a [u8]), HiveError> {
        let (node, rest) = self.cells.read::<KeyNode>(key.0, "a key")?;
        if node.magic != KEY_MAGIC {
            return Err(HiveError::in_cell(key.0, Fault::Magic("a key")));
        }
        Ok((node, rest))
    }

    fn read_node(&self, key: KeyCell, gate: &mut impl Gate) -> Result<Node<'a>, HiveError> {
        let (node, _) = self.key(key)?;
        Ok(Node {
            name: self.name(key)?,
            flags: KeyFlags::from_bits_truncate(node.flags.get()),
            layer: Layer::from_raw(node.layer),
            last_written: FileTime::from_raw(node.last_written.get()),
            access_bits: node.access_bits,
            user_flags: node.user_flags,
            class: self.class(node, gate)?,
            security: self.security(node.security.get(), gate)?,
        })
    }

    fn class(&self, node: &KeyNode, gate: &mut impl Gate) -> Result<&'a [u8], HiveError> {
        let (cell, len) = (node.class.get(), node.class_len.get());
        if len == 0 {
            return Ok(&[]);
        }
        gate.own(cell)?;
        prefix(self.cells.get(cell)?, usize::from(len), cell, "a class name")
    }

    fn security(&self, cell: u32, gate: &mut impl Gate) -> Result<&'a [u8], HiveError> {
        gate.share(cell)?;
        let (node, rest) = self.cells.read::<SecurityNode>(cell, "a security descriptor")?;
        if node.magic != SECURITY_MAGIC {
            return Err(HiveError::in_cell(cell, Fault::Magic("a security descriptor")));
        }
        if node.len.get() == 0 {
            let fault = Fault::BadValue { field: "length of a security descriptor", found: 0 };
            return Err(HiveError::in_cell(cell, fault));
        }
        prefix(rest, super::cells::to_usize(node.len.get()), cell, "a security descriptor")
    }

    fn splits_data(&self) -> bool {
        self.info.minor >= BIG_DATA_MINOR
    }
}

fn is_ascending(named: &[(Name<'_>, KeyCell)]) -> bool {
    named.windows(2).all(|pair| matches!(pair, [(a, _), (b, _)] if a.folded_cmp(b).is_lt()))
}

/// Returns the name that stored bytes stand for.
pub(super) fn stored_name(bytes: &[u8], latin: bool, cell: u32) -> Result<Name<'_>, HiveError> {
    if latin {
        return Ok(Name::from_latin(bytes));
    }
    match <[U16]>::ref_from_bytes(bytes) {
        Ok(units) => Ok(Name::from_units(units)),
        Err(_) => {
            let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
            Err(HiveError::in_cell(cell, Fault::OddName(len)))
        }
    }
}

impl fmt::Debug for HiveView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HiveView").field("info", &self.info).field("root", &self.root).finish_non_exhaustive()
    }
}

impl<'a> Source<'a> for HiveView<'a> {
    type Key = KeyCell;

    fn info(&self) -> HiveInfo {
        self.info
    }

    fn root(&self) -> Option<KeyCell> {
        self.root
    }

    fn name(&self, key: KeyCell) -> Result<Name<'a>, HiveError> {
        let (node, rest) = self.key(key)?;
        let bytes = prefix(rest, usize::from(node.name_len.get()), key.0, "the name of a key")?;
        stored_name(bytes, node.flags.get() & KEY_LATIN_NAME != 0, key.0)
    }

    fn node(&self, key: KeyCell) -> Result<Node<'a>, HiveError> {
        self.read_node(key, &mut Open)
    }

    fn values(&self, key: KeyCell) -> Result<Vec<Value<'a>>, HiveError> {
        values::read(self.cells, self.key(key)?.0, self.splits_data(), &mut Open)
    }

    fn subkeys(&self, key: KeyCell) -> Result<Vec<KeyCell>, HiveError> {
        self.sorted_subkeys(key, &mut Open)
    }
}

#[cfg(test)]
mod tests;
