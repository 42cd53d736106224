//! Writes a hive from scratch: a pass that lays it out, then one that emits it, strictly forward.
//!
//! Each key is followed by its security descriptor (at the first use of that), class name, values with their data,
//! and the lists of its subkeys; then come the subkeys in order. The bytes depend on nothing but the tree.

use std::io::{BufWriter, Write};

use zerocopy::IntoBytes;

use super::cell_writer::CellWriter;
use super::error::{HiveError, Invalid};
use super::format::{
    BASE_BLOCK_LEN, BIG_DATA_MAGIC, BaseBlock, BigData, HASH_LEAF, HashedChild, INDEX, INLINE_DATA,
    KEY_LATIN_NAME, KEY_MAGIC, KEY_NO_DELETE, KEY_ROOT, KeyNode, LEAF_MAX, ListHeader, NIL, SECURITY_MAGIC,
    SEGMENT_SLACK, SecurityNode, VALUE_LATIN_NAME, VALUE_MAGIC, VALUE_TOMBSTONE, ValueNode,
};
use super::header::new_base_block;
use super::layout::{Allocator, DataCells, KeyCells, KeySlots, ListCells, ValueCells, stored_cells};
use super::name::{MAX_KEY_NAME, MAX_VALUE_NAME, Name};
use super::security::Descriptors;
use super::source::{KeyFlags, MAX_DEPTH, Node, Source, Value, Visit, walk};
use super::tree::{Hive, check_key_name};

/// Writes all that a source holds as a hive file. A source without a root becomes a hive of one empty key.
///
/// Besides what the source itself takes, this takes four bytes for each key.
pub fn write<'s, S: Source<'s>>(source: &S, out: impl Write) -> Result<(), HiveError> {
    if source.root().is_none() {
        return write(&&Hive::new(source.info()), out);
    }
    let layout = Layout::of(source)?;
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut block = [0; BASE_BLOCK_LEN];
    let head = new_base_block(source.info(), layout.root, layout.alloc.bins_len());
    if let Some(start) = block.first_chunk_mut::<{ size_of::<BaseBlock>() }>() {
        start.copy_from_slice(head.as_bytes());
    }
    out.write_all(&block)?;
    Emitter { layout, out: CellWriter::new(out), slots: 0, descriptors: 0 }.run(source)
}

/// What the first pass learns.
struct Layout<'s> {
    root: u32,
    alloc: Allocator,
    slots: KeySlots,
    descriptors: Descriptors<'s>,
}

impl<'s> Layout<'s> {
    fn of<S: Source<'s>>(source: &S) -> Result<Self, HiveError> {
        let mut layout = Self {
            root: NIL,
            alloc: Allocator::default(),
            slots: KeySlots::default(),
            descriptors: Descriptors::default(),
        };
        walk(source, |visit: Visit<'_, S::Key, usize>| {
            let node = source.node(visit.key)?;
            let values = source.values(visit.key)?;
            check_key(&node, &values, visit.depth)?;
            let (descriptor, is_new) = layout.descriptors.count(node.security);
            let cells = KeyCells::place(&mut layout.alloc, &node, is_new, &values, visit.children.len())?;
            if let Some(cell) = cells.security {
                layout.descriptors.set_cell(descriptor, cell);
            }
            match visit.parent {
                Some(first_slot) => layout.slots.set(first_slot.saturating_add(visit.index), cells.node),
                None => layout.root = cells.node,
            }
            Ok(layout.slots.reserve(visit.children.len()))
        })?;
        Ok(layout)
    }
}

/// Checks what a file cannot hold, so that the second pass need not.
fn check_key(node: &Node<'_>, values: &[Value<'_>], depth: usize) -> Result<(), HiveError> {
    if depth > MAX_DEPTH {
        return Err(Invalid::TooDeep.into());
    }
    if values.iter().any(|value| value.tombstone && !value.data.is_empty()) {
        return Err(Invalid::TombstoneData.into());
    }
    if depth > 0 {
        check_key_name(&node.name)?;
    } else if node.name.len() > MAX_KEY_NAME {
        return Err(Invalid::KeyName { units: node.name.len(), max: MAX_KEY_NAME }.into());
    }
    if node.security.is_empty() {
        return Err(Invalid::NoSecurity(node.name.to_string()).into());
    }
    let long = values.iter().find(|value| value.name.len() > MAX_VALUE_NAME);
    match long {
        Some(value) => Err(Invalid::ValueName { units: value.name.len(), max: MAX_VALUE_NAME }.into()),
        None => Ok(()),
    }
}

/// The second pass.
struct Emitter<'s, W: Write> {
    layout: Layout<'s>,
    out: CellWriter<W>,
    /// Slots of children that were passed so far.
    slots: usize,
    /// Descriptors that were written so far.
    descriptors: usize,
}

impl<'s, W: Write> Emitter<'s, W> {
    fn run<S: Source<'s>>(mut self, source: &S) -> Result<(), HiveError> {
        let mut alloc = Allocator::default();
        walk(source, |visit| self.key(source, &mut alloc, &visit))?;
        self.out.finish(self.layout.alloc)
    }

    fn key<S: Source<'s>>(
        &mut self,
        source: &S,
        alloc: &mut Allocator,
        visit: &Visit<'_, S::Key, u32>,
    ) -> Result<u32, HiveError> {
        let node = source.node(visit.key)?;
        let values = source.values(visit.key)?;
        let descriptor = self.layout.descriptors.find(node.security).ok_or(Invalid::SourceChanged)?;
        let is_new = descriptor == self.descriptors;
        let cells = KeyCells::place(alloc, &node, is_new, &values, visit.children.len())?;
        let children = Children::read(source, visit.children)?;

        self.node(&node, &cells, visit.parent, descriptor, &longest(&values, &children))?;
        if let Some(cell) = cells.security {
            self.descriptor(cell, descriptor)?;
        }
        if !node.class.is_empty() {
            self.out.cell(cells.class, &[node.class])?;
        }
        if !values.is_empty() {
            let list: Vec<u32> = cells.values.iter().map(|value| value.node).collect();
            self.out.cell(cells.value_list, &[&stored_cells(&list)])?;
        }
        for (value, cells) in values.iter().zip(&cells.values) {
            self.value(value, cells)?;
        }
        let first_slot = self.slots;
        self.lists(&cells.lists, first_slot, &children.hashes)?;
        self.slots = first_slot.saturating_add(visit.children.len());
        Ok(cells.node)
    }

    fn node(
        &mut self,
        node: &Node<'_>,
        cells: &KeyCells,
        parent: Option<u32>,
        descriptor: usize,
        longest: &Longest,
    ) -> Result<(), HiveError> {
        let (name, latin) = node.name.stored();
        let place = if parent.is_none() { KEY_ROOT | KEY_NO_DELETE } else { 0 };
        let width = if latin { KEY_LATIN_NAME } else { 0 };
        let own = node.flags & KeyFlags::all();
        let raw = KeyNode {
            magic: KEY_MAGIC,
            flags: (own.bits() | place | width).into(),
            last_written: node.last_written.raw().into(),
            access_bits: node.access_bits,
            layer: node.layer.raw(),
            spare: 0.into(),
            parent: parent.unwrap_or(NIL).into(),
            subkey_count: longest.subkeys.into(),
            volatile_count: 0.into(),
            subkey_list: cells.lists.head().into(),
            volatile_list: NIL.into(),
            value_count: narrow("a value list", cells.values.len())?,
            value_list: cells.value_list.into(),
            security: self.layout.descriptors.get(descriptor).map_or(NIL, |entry| entry.cell).into(),
            class: cells.class.into(),
            longest_subkey_name: longest.subkey_name.into(),
            user_flags: node.user_flags,
            debug: 0,
            longest_subkey_class: longest.subkey_class.into(),
            longest_value_name: longest.value_name.into(),
            largest_value_data: longest.value_data.into(),
            work: 0.into(),
            name_len: narrow16("a key name", name.len())?.into(),
            class_len: narrow16("a class name", node.class.len())?.into(),
        };
        self.out.cell(cells.node, &[raw.as_bytes(), &name])
    }

    fn descriptor(&mut self, cell: u32, index: usize) -> Result<(), HiveError> {
        let entry = self.layout.descriptors.get(index).ok_or(Invalid::SourceChanged)?;
        let (previous, next) = self.layout.descriptors.neighbours(index);
        let raw = SecurityNode {
            magic: SECURITY_MAGIC,
            reserved: 0.into(),
            next: next.into(),
            previous: previous.into(),
            references: entry.users.into(),
            len: narrow("a security descriptor", entry.bytes.len())?,
        };
        self.descriptors = index.saturating_add(1);
        self.out.cell(cell, &[raw.as_bytes(), entry.bytes])
    }

    fn value(&mut self, value: &Value<'_>, cells: &ValueCells) -> Result<(), HiveError> {
        let (name, latin) = value.name.stored();
        let (len, data) = stored_data(value, &cells.data)?;
        let width = if latin { VALUE_LATIN_NAME } else { 0 };
        let raw = ValueNode {
            magic: VALUE_MAGIC,
            name_len: narrow16("a value name", name.len())?.into(),
            data_len: len.into(),
            data,
            kind: value.kind.into(),
            flags: (width | if value.tombstone { VALUE_TOMBSTONE } else { 0 }).into(),
            spare: 0.into(),
        };
        self.out.cell(cells.node, &[raw.as_bytes(), &name])?;
        self.data(value, &cells.data)
    }

    fn data(&mut self, value: &Value<'_>, cells: &DataCells) -> Result<(), HiveError> {
        match cells {
            DataCells::Inline => Ok(()),
            DataCells::Whole(cell) => {
                let parts: Vec<&[u8]> = value.data.segments().collect();
                self.out.cell(*cell, &parts)
            }
            DataCells::Split { header, list, segments } => {
                let count = narrow16("value data", segments.len())?.into();
                let raw = BigData { magic: BIG_DATA_MAGIC, count, list: (*list).into() };
                self.out.cell(*header, &[raw.as_bytes()])?;
                self.out.cell(*list, &[&stored_cells(segments)])?;
                for (cell, bytes) in segments.iter().zip(value.data.segments()) {
                    self.out.cell(*cell, &[bytes, &SEGMENT_SLACK])?;
                }
                Ok(())
            }
        }
    }

    fn lists(&mut self, cells: &ListCells, first_slot: usize, hashes: &[u32]) -> Result<(), HiveError> {
        let keys = self.layout.slots.children(first_slot, hashes.len())?;
        let children: Vec<HashedChild> = keys
            .iter()
            .zip(hashes)
            .map(|(&cell, &hash)| HashedChild { cell: cell.into(), hash: hash.into() })
            .collect();
        match cells {
            ListCells::None => Ok(()),
            ListCells::Leaf(cell) => self.leaf(*cell, &children),
            ListCells::Index { index, leaves } => {
                let count = narrow16("a list of subkeys", leaves.len())?.into();
                let header = ListHeader { magic: INDEX, count };
                self.out.cell(*index, &[header.as_bytes(), &stored_cells(leaves)])?;
                for (cell, children) in leaves.iter().zip(children.chunks(LEAF_MAX)) {
                    self.leaf(*cell, children)?;
                }
                Ok(())
            }
        }
    }

    fn leaf(&mut self, cell: u32, children: &[HashedChild]) -> Result<(), HiveError> {
        let count = narrow16("a list of subkeys", children.len())?.into();
        let header = ListHeader { magic: HASH_LEAF, count };
        self.out.cell(cell, &[header.as_bytes(), children.as_bytes()])
    }
}

/// Returns the fields of data length and data of a value.
fn stored_data(value: &Value<'_>, cells: &DataCells) -> Result<(u32, [u8; 4]), HiveError> {
    let len: u32 = narrow("value data", value.data.len())?.get();
    Ok(match cells {
        DataCells::Inline if value.tombstone => (0, NIL.to_le_bytes()),
        DataCells::Inline => {
            let mut field = [0; 4];
            for (byte, data) in field.iter_mut().zip(value.data.segments().flatten()) {
                *byte = *data;
            }
            (len | INLINE_DATA, field)
        }
        DataCells::Whole(cell) | DataCells::Split { header: cell, .. } => (len, cell.to_le_bytes()),
    })
}

/// What a key says and lists about its subkeys.
#[derive(Default)]
struct Children {
    hashes: Vec<u32>,
    name: u16,
    class: u32,
}

impl Children {
    fn read<'s, S: Source<'s>>(source: &S, keys: &[S::Key]) -> Result<Self, HiveError> {
        let mut found = Self { hashes: Vec::with_capacity(keys.len()), ..Self::default() };
        for &key in keys {
            let node = source.node(key)?;
            found.hashes.push(node.name.leaf_hash());
            found.name = found.name.max(narrow16("a key name", wide_len(&node.name))?);
            found.class = found.class.max(narrow("a class name", node.class.len())?.get());
        }
        Ok(found)
    }
}

/// The counts and maxima that a key keeps.
struct Longest {
    subkeys: u32,
    subkey_name: u16,
    subkey_class: u32,
    value_name: u32,
    value_data: u32,
}

fn longest(values: &[Value<'_>], children: &Children) -> Longest {
    let most =
        |lens: &mut dyn Iterator<Item = usize>| u32::try_from(lens.max().unwrap_or(0)).unwrap_or(u32::MAX);
    Longest {
        subkeys: u32::try_from(children.hashes.len()).unwrap_or(u32::MAX),
        subkey_name: children.name,
        subkey_class: children.class,
        value_name: most(&mut values.iter().map(|value| wide_len(&value.name))),
        value_data: most(&mut values.iter().map(|value| value.data.len())),
    }
}

/// Returns the length of a name in bytes as UTF-16.
fn wide_len(name: &Name<'_>) -> usize {
    name.len().saturating_mul(2)
}

fn narrow(what: &'static str, len: usize) -> Result<zerocopy::little_endian::U32, HiveError> {
    let narrowed = u32::try_from(len).ok().filter(|len| len & INLINE_DATA == 0);
    Ok(narrowed.ok_or(Invalid::TooLong { what, len })?.into())
}

fn narrow16(what: &'static str, len: usize) -> Result<u16, HiveError> {
    Ok(u16::try_from(len).map_err(|_| Invalid::TooLong { what, len })?)
}

#[cfg(test)]
mod tests;
