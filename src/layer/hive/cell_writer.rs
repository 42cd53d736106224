//! Cells on their way into a file, with the bins and free cells between them.

use std::io::{BufWriter, Write};

use zerocopy::IntoBytes;

use super::cells::to_usize;
use super::error::{HiveError, Invalid};
use super::format::{BASE_BLOCK_LEN, BIN_MAGIC, BinHeader, CELL_SIZE_LEN};
use super::layout::Allocator;

/// Writes cells in the order of an [`Allocator`], with the bins and free cells between them.
pub(super) struct CellWriter<W: Write> {
    alloc: Allocator,
    out: BufWriter<W>,
}

impl<W: Write> CellWriter<W> {
    pub(super) fn new(out: BufWriter<W>) -> Self {
        Self { alloc: Allocator::default(), out }
    }

    /// Writes an allocated cell, which must be the one that comes next.
    pub(super) fn cell(&mut self, cell: u32, parts: &[&[u8]]) -> Result<(), HiveError> {
        let len = parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.len()));
        let placed = self.alloc.place(len)?;
        if placed.cell != cell {
            return Err(Invalid::SourceChanged.into());
        }
        if let Some(bin) = placed.bin {
            self.free(bin.tail)?;
            let header = BinHeader {
                magic: BIN_MAGIC,
                offset: bin.offset.into(),
                size: bin.size.into(),
                reserved: [0; 8],
                last_written: 0.into(),
                spare: 0.into(),
            };
            self.out.write_all(header.as_bytes())?;
        }
        self.out.write_all(&placed.size.wrapping_neg().to_le_bytes())?;
        for part in parts {
            self.out.write_all(part)?;
        }
        let used = len.saturating_add(to_usize(CELL_SIZE_LEN));
        self.zeros(to_usize(placed.size).saturating_sub(used))
    }

    /// Ends the file, which must be as long as the layout says.
    pub(super) fn finish(mut self, layout: Allocator) -> Result<(), HiveError> {
        if self.alloc.bins_len() != layout.bins_len() {
            return Err(Invalid::SourceChanged.into());
        }
        self.free(self.alloc.tail())?;
        Ok(self.out.flush()?)
    }

    fn free(&mut self, size: u32) -> Result<(), HiveError> {
        if size == 0 {
            return Ok(());
        }
        self.out.write_all(&size.to_le_bytes())?;
        self.zeros(to_usize(size.saturating_sub(CELL_SIZE_LEN)))
    }

    fn zeros(&mut self, len: usize) -> Result<(), HiveError> {
        const ZEROS: [u8; BASE_BLOCK_LEN] = [0; BASE_BLOCK_LEN];
        Ok(self.out.write_all(ZEROS.get(..len).unwrap_or(&ZEROS))?)
    }
}
