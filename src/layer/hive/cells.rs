//! Bins and the cells in them.

use zerocopy::FromBytes;
use zerocopy::little_endian::{I32, U32};

use super::error::{Fault, HiveError};
use super::format::{BIN_HEADER_LEN, BIN_MAGIC, BIN_UNIT, BinHeader, CELL_SIZE_LEN, CELL_UNIT};

/// The bins of a hive, from their first byte on.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    bins: &'a [u8],
}

/// Watches which cells are used.
pub(super) trait Gate {
    /// Passes a cell that has one user.
    fn own(&mut self, cell: u32) -> Result<(), HiveError>;

    /// Passes a cell that may have several users.
    fn share(&mut self, cell: u32) -> Result<(), HiveError>;
}

/// Lets everything pass, in a hive that was checked before.
pub(super) struct Open;

impl Gate for Open {
    fn own(&mut self, _: u32) -> Result<(), HiveError> {
        Ok(())
    }

    fn share(&mut self, _: u32) -> Result<(), HiveError> {
        Ok(())
    }
}

/// The allocated cells that nobody has used yet, one bit for each place where a cell can start.
pub(super) struct Unused {
    words: Vec<u64>,
}

impl Unused {
    fn slot(&mut self, cell: u32) -> Option<(&mut u64, u64)> {
        if !cell.is_multiple_of(CELL_UNIT) {
            return None;
        }
        let index = cell / CELL_UNIT;
        let bit = 1_u64.checked_shl(index % u64::BITS)?;
        Some((self.words.get_mut(usize::try_from(index / u64::BITS).ok()?)?, bit))
    }

    fn insert(&mut self, cell: u32) {
        if let Some((word, bit)) = self.slot(cell) {
            *word |= bit;
        }
    }

    fn check(&mut self, cell: u32, take: bool) -> Result<(), HiveError> {
        match self.slot(cell) {
            Some((word, bit)) if *word & bit != 0 => {
                if take {
                    *word ^= bit;
                }
                Ok(())
            }
            _ => Err(HiveError::in_cell(cell, Fault::NotAFreeToUseCell)),
        }
    }
}

impl Gate for Unused {
    fn own(&mut self, cell: u32) -> Result<(), HiveError> {
        self.check(cell, true)
    }

    fn share(&mut self, cell: u32) -> Result<(), HiveError> {
        self.check(cell, false)
    }
}

impl<'a> Cells<'a> {
    pub(super) fn new(bins: &'a [u8]) -> Self {
        Self { bins }
    }

    /// Returns the bytes of an allocated cell after its size.
    pub(super) fn get(self, cell: u32) -> Result<&'a [u8], HiveError> {
        let size = self.size_at(cell)?.get();
        let len = size.unsigned_abs().saturating_sub(CELL_SIZE_LEN);
        if size >= 0 {
            return Err(HiveError::in_cell(cell, Fault::NotAFreeToUseCell));
        }
        let (start, len) = (to_usize(cell.saturating_add(CELL_SIZE_LEN)), to_usize(len));
        let rest = self.bins.get(start..).unwrap_or_default();
        rest.get(..len).ok_or_else(|| short("a cell", cell, len, rest.len()))
    }

    /// Returns the start of a cell as a struct, and the bytes after that.
    pub(super) fn read<T>(self, cell: u32, what: &'static str) -> Result<(&'a T, &'a [u8]), HiveError>
    where
        T: FromBytes + zerocopy::KnownLayout + zerocopy::Immutable + zerocopy::Unaligned,
    {
        let bytes = self.get(cell)?;
        T::ref_from_prefix(bytes).map_err(|_| short(what, cell, size_of::<T>(), bytes.len()))
    }

    /// Returns the start of a cell as an array of cell offsets.
    pub(super) fn offsets(self, cell: u32, count: usize, what: &'static str) -> Result<&'a [U32], HiveError> {
        array(self.get(cell)?, count, cell, what)
    }

    /// Checks that bins tile the file and cells tile the bins; returns the allocated cells.
    pub(super) fn check_tiling(self) -> Result<Unused, HiveError> {
        let len = u32::try_from(self.bins.len()).map_err(|_| {
            HiveError::in_file(0, Fault::BadValue { field: "length of bins", found: u32::MAX })
        })?;
        let words = self.bins.len().div_ceil(512);
        let mut unused = Unused { words: vec![0; words] };
        let mut bin = 0;
        while bin < len {
            let end = self.bin_end(bin, len)?;
            let mut cell = bin.saturating_add(BIN_HEADER_LEN);
            while cell < end {
                let size = self.size_at(cell)?.get();
                if size < 0 {
                    unused.insert(cell);
                }
                cell = next_cell(cell, size.unsigned_abs(), end)?;
            }
            bin = end;
        }
        Ok(unused)
    }

    fn size_at(self, cell: u32) -> Result<&'a I32, HiveError> {
        let rest = self.bins.get(to_usize(cell)..).unwrap_or_default();
        let (size, _) =
            I32::ref_from_prefix(rest).map_err(|_| short("a cell", cell, size_of::<I32>(), rest.len()))?;
        Ok(size)
    }

    fn bin_end(self, bin: u32, len: u32) -> Result<u32, HiveError> {
        let fault = |fault| HiveError::in_cell(bin, fault);
        let rest = self.bins.get(to_usize(bin)..).unwrap_or_default();
        let (header, _) = BinHeader::ref_from_prefix(rest)
            .map_err(|_| short("a bin header", bin, size_of::<BinHeader>(), rest.len()))?;
        if header.magic != BIN_MAGIC {
            return Err(fault(Fault::Magic("a bin")));
        }
        if header.offset.get() != bin {
            let found = header.offset.get();
            return Err(fault(Fault::Mismatch { field: "offset of a bin", expected: bin, found }));
        }
        let size = header.size.get();
        match bin.checked_add(size) {
            Some(end) if size != 0 && size.is_multiple_of(BIN_UNIT) && end <= len => Ok(end),
            _ => Err(fault(Fault::BadValue { field: "size of a bin", found: size })),
        }
    }
}

fn next_cell(cell: u32, size: u32, end: u32) -> Result<u32, HiveError> {
    match cell.checked_add(size) {
        Some(next) if size != 0 && size.is_multiple_of(CELL_UNIT) && next <= end => Ok(next),
        _ => Err(HiveError::in_cell(cell, Fault::BadValue { field: "size of a cell", found: size })),
    }
}

/// Returns the start of some bytes as an array.
pub(super) fn array<'a, T>(
    bytes: &'a [u8],
    count: usize,
    cell: u32,
    what: &'static str,
) -> Result<&'a [T], HiveError>
where
    T: FromBytes + zerocopy::Immutable + zerocopy::KnownLayout + zerocopy::Unaligned,
{
    let need = count.saturating_mul(size_of::<T>());
    match <[T]>::ref_from_prefix_with_elems(bytes, count) {
        Ok((array, _)) => Ok(array),
        Err(_) => Err(short(what, cell, need, bytes.len())),
    }
}

/// Returns the start of some bytes.
pub(super) fn prefix<'a>(
    bytes: &'a [u8],
    len: usize,
    cell: u32,
    what: &'static str,
) -> Result<&'a [u8], HiveError> {
    bytes.get(..len).ok_or_else(|| short(what, cell, len, bytes.len()))
}

fn short(what: &'static str, cell: u32, need: usize, have: usize) -> HiveError {
    let wide = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
    HiveError::in_cell(cell, Fault::Short { what, need: wide(need), have: wide(have) })
}

/// Widens a number; a machine whose addresses are shorter cannot hold the file anyway.
pub(super) fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
