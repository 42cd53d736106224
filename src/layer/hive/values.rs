//! Values of a key and where their data lies.

use zerocopy::little_endian::U32;

use super::cells::{Cells, Gate, prefix, to_usize};
use super::data::Data;
use super::error::{Fault, HiveError};
use super::format::{
    BIG_DATA_MAGIC, BigData, INLINE_DATA, KEY_PREDEFINED, KeyNode, SEGMENT_LEN, VALUE_LATIN_NAME,
    VALUE_MAGIC, VALUE_TOMBSTONE, ValueNode,
};
use super::name::MAX_VALUE_NAME;
use super::reader::stored_name;
use super::source::Value;

/// Reads the values of a key; `big_data` says whether the format splits long data.
pub(super) fn read<'a>(
    cells: Cells<'a>,
    key: &KeyNode,
    big_data: bool,
    gate: &mut impl Gate,
) -> Result<Vec<Value<'a>>, HiveError> {
    if key.value_count.get() == 0 || key.flags.get() & KEY_PREDEFINED != 0 {
        return Ok(Vec::new());
    }
    let list = key.value_list.get();
    gate.own(list)?;
    let list = cells.offsets(list, to_usize(key.value_count.get()), "a value list")?;
    list.iter().map(|cell| value(cells, cell.get(), big_data, gate)).collect()
}

fn value<'a>(
    cells: Cells<'a>,
    cell: u32,
    big_data: bool,
    gate: &mut impl Gate,
) -> Result<Value<'a>, HiveError> {
    gate.own(cell)?;
    let (node, rest) = cells.read::<ValueNode>(cell, "a value")?;
    if node.magic != VALUE_MAGIC {
        return Err(HiveError::in_cell(cell, Fault::Magic("a value")));
    }
    let name_bytes = prefix(rest, usize::from(node.name_len.get()), cell, "the name of a value")?;
    let name = stored_name(name_bytes, node.flags.get() & VALUE_LATIN_NAME != 0, cell)?;
    let units = name.len();
    if units > MAX_VALUE_NAME {
        return Err(HiveError::in_cell(cell, Fault::NameLength { what: "a value", units }));
    }
    let data = data(cells, node, cell, big_data, gate)?;
    let tombstone = node.flags.get() & VALUE_TOMBSTONE != 0;
    if tombstone && !data.is_empty() {
        let found = node.data_len.get();
        return Err(HiveError::in_cell(cell, Fault::BadValue { field: "data length of a tombstone", found }));
    }
    Ok(Value { name, kind: node.kind.get(), data, tombstone })
}

fn data<'a>(
    cells: Cells<'a>,
    node: &'a ValueNode,
    cell: u32,
    big_data: bool,
    gate: &mut impl Gate,
) -> Result<Data<'a>, HiveError> {
    let len = node.data_len.get();
    if len & INLINE_DATA != 0 {
        let bytes = node.data.get(..to_usize(len ^ INLINE_DATA));
        let fault = Fault::BadValue { field: "length of inline data", found: len };
        return bytes.map(Data::new).ok_or_else(|| HiveError::in_cell(cell, fault));
    }
    if len == 0 {
        return Ok(Data::new(&[][..]));
    }
    let (len, at) = (to_usize(len), u32::from_le_bytes(node.data));
    gate.own(at)?;
    if big_data && len > SEGMENT_LEN {
        return segments(cells, at, len, gate).map(Data::from_segments);
    }
    prefix(cells.get(at)?, len, at, "the data of a value").map(Data::new)
}

fn segments<'a>(
    cells: Cells<'a>,
    at: u32,
    len: usize,
    gate: &mut impl Gate,
) -> Result<Vec<&'a [u8]>, HiveError> {
    let (header, _) = cells.read::<BigData>(at, "a list of data segments")?;
    if header.magic != BIG_DATA_MAGIC {
        return Err(HiveError::in_cell(at, Fault::Magic("a list of data segments")));
    }
    let count = usize::from(header.count.get());
    let expected = len.div_ceil(SEGMENT_LEN);
    if count != expected {
        let found = u32::from(header.count.get());
        let expected = u32::try_from(expected).unwrap_or(u32::MAX);
        return Err(HiveError::in_cell(at, Fault::Mismatch { field: "count of segments", expected, found }));
    }
    let list = header.list.get();
    gate.own(list)?;
    let mut left = len;
    let mut found = Vec::with_capacity(count);
    for segment in cells.offsets(list, count, "an array of data segments")?.iter().map(|cell| U32::get(*cell))
    {
        gate.own(segment)?;
        let len = left.min(SEGMENT_LEN);
        found.push(prefix(cells.get(segment)?, len, segment, "a data segment")?);
        left = left.saturating_sub(len);
    }
    Ok(found)
}
