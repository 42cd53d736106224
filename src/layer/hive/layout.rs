//! Where cells go: in the current bin if they fit, else at the start of a new one.
//!
//! The same calls in the same order give the same places, so a file is laid out once to learn where everything is
//! and a second time while it is written.

use super::error::{HiveError, Invalid};
use super::format::{
    BIN_HEADER_LEN, BIN_UNIT, BigData, CELL_SIZE_LEN, CELL_UNIT, HashedChild, KeyNode, LEAF_MAX, ListHeader,
    NIL, SEGMENT_LEN, SEGMENT_SLACK, SecurityNode, ValueNode,
};
use super::name::Name;
use super::source::{Node, Value};

/// Offsets beyond this mean something else to Windows.
const MAX_BINS_LEN: u32 = 0x7FFF_F000;

/// Data up to this length lies in the field that otherwise points to it.
const INLINE_MAX: usize = 4;

/// Hands out cells, forward only.
#[derive(Clone, Copy, Default)]
pub(super) struct Allocator {
    next: u32,
    end: u32,
}

/// A cell that was handed out.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    pub(super) cell: u32,
    /// The whole cell, its size field included.
    pub(super) size: u32,
    /// The bin that had to be started for it.
    pub(super) bin: Option<NewBin>,
}

/// A bin that was started.
#[derive(Clone, Copy)]
pub(super) struct NewBin {
    pub(super) offset: u32,
    pub(super) size: u32,
    /// What is left of the bin before it.
    pub(super) tail: u32,
}

impl Allocator {
    /// Hands out a cell for so many bytes.
    pub(super) fn place(&mut self, len: usize) -> Result<Placed, HiveError> {
        let size = cell_size(len).ok_or(Invalid::TooLarge)?;
        let fits = self.next.checked_add(size).is_some_and(|end| end <= self.end);
        let bin = if fits { None } else { Some(self.start_bin(size)?) };
        let cell = self.next;
        self.next = cell.saturating_add(size);
        Ok(Placed { cell, size, bin })
    }

    /// Returns the length of all bins so far.
    pub(super) fn bins_len(self) -> u32 {
        self.end
    }

    /// Returns what is left of the current bin.
    pub(super) fn tail(self) -> u32 {
        self.end.saturating_sub(self.next)
    }

    fn start_bin(&mut self, cell_size: u32) -> Result<NewBin, HiveError> {
        let (offset, tail) = (self.end, self.tail());
        let size =
            cell_size.checked_add(BIN_HEADER_LEN).and_then(|len| len.checked_next_multiple_of(BIN_UNIT));
        let end = size.and_then(|size| offset.checked_add(size)).filter(|&end| end <= MAX_BINS_LEN);
        let (Some(size), Some(end)) = (size, end) else {
            return Err(Invalid::TooLarge.into());
        };
        self.end = end;
        self.next = offset.saturating_add(BIN_HEADER_LEN);
        Ok(NewBin { offset, size, tail })
    }
}

fn cell_size(len: usize) -> Option<u32> {
    u32::try_from(len).ok()?.checked_add(CELL_SIZE_LEN)?.checked_next_multiple_of(CELL_UNIT)
}

/// The cells of one key, in the order in which they lie in the file.
pub(super) struct KeyCells {
    pub(super) node: u32,
    /// The security descriptor, where this key is the first to use it.
    pub(super) security: Option<u32>,
    pub(super) class: u32,
    pub(super) value_list: u32,
    pub(super) values: Vec<ValueCells>,
    pub(super) lists: ListCells,
}

/// The cells of a value.
pub(super) struct ValueCells {
    pub(super) node: u32,
    pub(super) data: DataCells,
}

/// The cells of the data of a value.
pub(super) enum DataCells {
    Inline,
    Whole(u32),
    Split { header: u32, list: u32, segments: Vec<u32> },
}

/// The cells of the subkey lists of a key.
pub(super) enum ListCells {
    None,
    Leaf(u32),
    Index { index: u32, leaves: Vec<u32> },
}

impl ListCells {
    /// Returns the cell that the key points to.
    pub(super) fn head(&self) -> u32 {
        match self {
            Self::None => NIL,
            Self::Leaf(cell) | Self::Index { index: cell, .. } => *cell,
        }
    }
}

impl KeyCells {
    /// Hands out the cells of a key. `new_security` is set where its descriptor was not written yet.
    pub(super) fn place(
        alloc: &mut Allocator,
        node: &Node<'_>,
        new_security: bool,
        values: &[Value<'_>],
        subkeys: usize,
    ) -> Result<Self, HiveError> {
        let name = stored_len(&node.name);
        let mut cell = |len: usize| alloc.place(len).map(|placed| placed.cell);
        Ok(Self {
            node: cell(name.saturating_add(size_of::<KeyNode>()))?,
            security: match new_security {
                true => Some(cell(node.security.len().saturating_add(size_of::<SecurityNode>()))?),
                false => None,
            },
            class: if node.class.is_empty() { NIL } else { cell(node.class.len())? },
            value_list: if values.is_empty() { NIL } else { cell(array_len::<u32>(values.len()))? },
            values: values.iter().map(|value| place_value(&mut cell, value)).collect::<Result<_, _>>()?,
            lists: place_lists(&mut cell, subkeys)?,
        })
    }
}

/// Hands out a cell for so many bytes.
type Place<'p> = &'p mut dyn FnMut(usize) -> Result<u32, HiveError>;

fn place_value(cell: Place<'_>, value: &Value<'_>) -> Result<ValueCells, HiveError> {
    let node = cell(stored_len(&value.name).saturating_add(size_of::<ValueNode>()))?;
    let data = match value.data.len() {
        0..=INLINE_MAX => DataCells::Inline,
        len if len <= SEGMENT_LEN => DataCells::Whole(cell(len)?),
        len => DataCells::Split {
            header: cell(size_of::<BigData>())?,
            list: cell(array_len::<u32>(len.div_ceil(SEGMENT_LEN)))?,
            segments: value
                .data
                .segments()
                .map(|segment| cell(segment.len().saturating_add(SEGMENT_SLACK.len())))
                .collect::<Result<_, _>>()?,
        },
    };
    Ok(ValueCells { node, data })
}

fn place_lists(cell: Place<'_>, subkeys: usize) -> Result<ListCells, HiveError> {
    if subkeys == 0 {
        return Ok(ListCells::None);
    }
    if subkeys <= LEAF_MAX {
        return cell(list_len::<HashedChild>(subkeys)).map(ListCells::Leaf);
    }
    let full = subkeys / LEAF_MAX;
    let rest = Some(subkeys % LEAF_MAX).filter(|&rest| rest != 0);
    let leaf_count = subkeys.div_ceil(LEAF_MAX);
    let index = cell(list_len::<u32>(leaf_count))?;
    let counts = std::iter::repeat_n(LEAF_MAX, full).chain(rest);
    let leaves = counts.map(|count| cell(list_len::<HashedChild>(count))).collect::<Result<_, _>>()?;
    Ok(ListCells::Index { index, leaves })
}

fn list_len<T>(count: usize) -> usize {
    array_len::<T>(count).saturating_add(size_of::<ListHeader>())
}

fn array_len<T>(count: usize) -> usize {
    count.saturating_mul(size_of::<T>())
}

fn stored_len(name: &Name<'_>) -> usize {
    name.stored().0.len()
}

/// Where the cells of all children of a key are noted down: after the layout pass, and in the same order in both.
#[derive(Default)]
pub(super) struct KeySlots {
    cells: Vec<u32>,
}

impl KeySlots {
    /// Makes room for the children of one key; returns the place of the first.
    pub(super) fn reserve(&mut self, children: usize) -> usize {
        let first = self.cells.len();
        self.cells.resize(first.saturating_add(children), NIL);
        first
    }

    /// Notes the cell of a child.
    pub(super) fn set(&mut self, slot: usize, cell: u32) {
        if let Some(noted) = self.cells.get_mut(slot) {
            *noted = cell;
        }
    }

    /// Returns the cells of the children whose places start at `first`.
    pub(super) fn children(&self, first: usize, count: usize) -> Result<&[u32], HiveError> {
        let cells = self.cells.get(first..).and_then(|rest| rest.get(..count));
        cells.ok_or_else(|| Invalid::SourceChanged.into())
    }
}

/// Returns a list of cells as it is stored.
pub(super) fn stored_cells(cells: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(array_len::<u32>(cells.len()));
    for cell in cells {
        bytes.extend_from_slice(&cell.to_le_bytes());
    }
    bytes
}
