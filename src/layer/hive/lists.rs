//! Lists of subkeys: four kinds of leaf or index, any of which a file may use.

use super::cells::{Cells, Gate, array, to_usize};
use super::error::{Fault, HiveError};
use super::format::{HASH_LEAF, HINT_LEAF, HashedChild, INDEX, KeyNode, ListHeader, PLAIN_LEAF};

/// Returns the cells of all subkeys of a key, in the order of its lists.
pub(super) fn subkey_cells(
    cells: Cells<'_>,
    key: &KeyNode,
    gate: &mut impl Gate,
) -> Result<Vec<u32>, HiveError> {
    let expected = key.subkey_count.get();
    let mut found = Vec::new();
    if expected == 0 {
        return Ok(found);
    }
    let list = key.subkey_list.get();
    let (header, body) = open(cells, list, gate)?;
    if header.magic == INDEX {
        let count = usize::from(header.count.get());
        for leaf in array::<zerocopy::little_endian::U32>(body, count, list, "an index of subkey lists")? {
            let (header, body) = open(cells, leaf.get(), gate)?;
            read_leaf(header, body, leaf.get(), &mut found)?;
        }
    } else {
        read_leaf(header, body, list, &mut found)?;
    }
    if found.len() != to_usize(expected) {
        let found = u32::try_from(found.len()).unwrap_or(u32::MAX);
        return Err(HiveError::in_cell(list, Fault::Mismatch { field: "count of subkeys", expected, found }));
    }
    for &cell in &found {
        gate.own(cell)?;
    }
    Ok(found)
}

fn open<'a>(
    cells: Cells<'a>,
    list: u32,
    gate: &mut impl Gate,
) -> Result<(&'a ListHeader, &'a [u8]), HiveError> {
    gate.own(list)?;
    cells.read::<ListHeader>(list, "a subkey list")
}

fn read_leaf(header: &ListHeader, body: &[u8], list: u32, into: &mut Vec<u32>) -> Result<(), HiveError> {
    let count = usize::from(header.count.get());
    match header.magic {
        PLAIN_LEAF => {
            let children: &[zerocopy::little_endian::U32] = array(body, count, list, "a subkey list")?;
            into.extend(children.iter().map(|child| child.get()));
        }
        HINT_LEAF | HASH_LEAF => {
            let children: &[HashedChild] = array(body, count, list, "a subkey list")?;
            into.extend(children.iter().map(|child| child.cell.get()));
        }
        _ => return Err(HiveError::in_cell(list, Fault::Magic("a subkey list"))),
    }
    Ok(())
}
