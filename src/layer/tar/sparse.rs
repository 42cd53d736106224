//! Sparse files: where their data goes. GNU tar has had four ways to say it, one in headers of its own and three over
//! PAX records; all are in use.

use std::io::BufRead;

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use super::TarError;
use super::blocks::{BLOCK, Blocks, count_u64};
use super::number::{decimal, number};
use crate::layer::pax::{self, Records};

/// The most runs of data that a file may have: 1 MiB of map.
const MAX_RUNS: usize = 65_536;

/// A run of data in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// What is wrong with a map.
type Wrong = &'static str;

/// Where the data of a file goes, and how long the file is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) runs: Vec<Run>,
    pub(super) size: u64,
}

impl Map {
    /// The map of a file without holes.
    pub(super) fn dense(size: u64) -> Self {
        let runs = (size > 0).then_some(Run { offset: 0, len: size });
        Self { runs: runs.into_iter().collect(), size }
    }

    fn push(&mut self, offset: u64, len: u64) -> Result<(), Wrong> {
        if self.runs.len() >= MAX_RUNS {
            return Err("it has more than 65536 runs of data");
        }
        // A map may hold empty runs: at the end, where the file ends in a hole.
        if len > 0 {
            self.runs.push(Run { offset, len });
        }
        Ok(())
    }

    /// Checks that the runs follow each other, stay within the file, and need just what is stored.
    fn check(self, stored: u64) -> Result<Self, Wrong> {
        let (mut end, mut data) = (0, 0u64);
        for run in &self.runs {
            if run.offset < end {
                return Err("its runs of data are not in order");
            }
            end = run.offset.checked_add(run.len).ok_or("a run of data passes 64 bits")?;
            data = data.saturating_add(run.len);
        }
        if end > self.size {
            return Err("a run of data lies beyond its end");
        }
        if data == stored { Ok(self) } else { Err("its map and its stored data differ in length") }
    }
}

/// Reads the map that GNU tar writes into headers. More blocks of it may follow the header.
pub(super) fn gnu<R: BufRead>(header: &Header, stored: u64, blocks: &mut Blocks<R>) -> Result<Map, TarError> {
    let wrong = |blocks: &Blocks<R>, reason| TarError::Sparse { at: blocks.at(), reason };
    let gnu = header.as_gnu().ok_or_else(|| wrong(blocks, "its header is not of GNU tar"))?;
    let size = number(&gnu.realsize).ok_or_else(|| wrong(blocks, "its size is no number"))?;
    let mut map = Map { size, ..Map::default() };
    let mut extended = gnu.is_extended();
    map.push_all(&gnu.sparse).map_err(|reason| wrong(blocks, reason))?;
    while extended {
        let mut more = GnuExtSparseHeader::new();
        let block = blocks.block()?.ok_or_else(|| wrong(blocks, "its map breaks off"))?;
        more.as_mut_bytes().copy_from_slice(&block);
        map.push_all(&more.sparse).map_err(|reason| wrong(blocks, reason))?;
        extended = more.is_extended();
    }
    map.check(stored).map_err(|reason| wrong(blocks, reason))
}

impl Map {
    fn push_all(&mut self, entries: &[GnuSparseHeader]) -> Result<(), Wrong> {
        entries.iter().filter(|entry| !entry.is_empty()).try_for_each(|entry| {
            let number = |field: &[u8]| number(field).ok_or("its map holds what is no number");
            self.push(number(&entry.offset)?, number(&entry.numbytes)?)
        })
    }

    /// Adds runs given as decimal numbers: offset, length, and so on.
    fn push_decimals<'a>(&mut self, mut numbers: impl Iterator<Item = &'a [u8]>) -> Result<(), Wrong> {
        while let Some(offset) = numbers.next() {
            let len = numbers.next().ok_or("its map ends in half a run")?;
            let number = |text| decimal(text).ok_or("its map holds what is no number");
            self.push(number(offset)?, number(len)?)?;
        }
        Ok(())
    }
}

/// Returns the size of a file whose records say that it is sparse.
fn pax_size(records: &Records<'_>) -> Option<Result<u64, Wrong>> {
    let size = records.get("GNU.sparse.realsize").or_else(|| records.get("GNU.sparse.size"))?;
    Some(decimal(size).ok_or("its size is no number"))
}

/// Reads the map that records announce; `None` where they announce none. `stored` loses what the map takes.
pub(super) fn pax<R: BufRead>(
    block: &[u8],
    records: &Records<'_>,
    stored: &mut u64,
    blocks: &mut Blocks<R>,
) -> Result<Option<Map>, TarError> {
    let Some(size) = pax_size(records) else { return Ok(None) };
    let at = blocks.at();
    let wrong = |reason| TarError::Sparse { at, reason };
    let mut map = Map { size: size.map_err(wrong)?, ..Map::default() };
    if let Some(b"1") = records.get("GNU.sparse.major") {
        read_front(&mut map, stored, blocks)?;
    } else if let Some(list) = records.get("GNU.sparse.map") {
        map.push_decimals(list.split(|&byte| byte == b',')).map_err(wrong)?;
    } else {
        // The records stand once for each run, so only the block itself has them all.
        let of_map = |key: &[u8]| key == b"GNU.sparse.offset" || key == b"GNU.sparse.numbytes";
        let numbers = pax::records(block).flatten().filter(|(key, _)| of_map(key)).map(|(_, value)| value);
        map.push_decimals(numbers).map_err(wrong)?;
    }
    map.check(*stored).map(Some).map_err(wrong)
}

/// Reads a map that stands in front of the data: lines of decimal numbers, the first one counting the runs.
fn read_front<R: BufRead>(map: &mut Map, stored: &mut u64, blocks: &mut Blocks<R>) -> Result<(), TarError> {
    let mut lines = Lines { line: Vec::new(), left: &mut *stored, taken: 0, blocks };
    let runs = lines.number()?;
    for _ in 0..runs {
        let (offset, len) = (lines.number()?, lines.number()?);
        map.push(offset, len).map_err(|reason| lines.wrong(reason))?;
    }
    let padding = padding(lines.taken);
    *stored = stored
        .checked_sub(padding)
        .ok_or(TarError::Sparse { at: blocks.at(), reason: "its map is not padded to a block" })?;
    blocks.skip(padding, "the map of a sparse file")
}

/// Returns what is missing to a whole block.
pub(super) fn padding(len: u64) -> u64 {
    len.wrapping_neg() % BLOCK
}

struct Lines<'a, R> {
    line: Vec<u8>,
    left: &'a mut u64,
    taken: u64,
    blocks: &'a mut Blocks<R>,
}

impl<R: BufRead> Lines<'_, R> {
    /// No number of 64 bits has more digits.
    const MAX_LINE: usize = 20;

    fn number(&mut self) -> Result<u64, TarError> {
        self.line.clear();
        while let byte @ (b'0'..=b'9') = self.byte()? {
            if self.line.len() == Self::MAX_LINE {
                return Err(self.wrong("its map holds what is no number"));
            }
            self.line.push(byte);
        }
        decimal(&self.line).ok_or_else(|| self.wrong("its map holds what is no number"))
    }

    fn byte(&mut self) -> Result<u8, TarError> {
        *self.left = self.left.checked_sub(1).ok_or_else(|| self.wrong("its map breaks off"))?;
        let byte = self.blocks.peek("the map of a sparse file")?.first().copied().unwrap_or_default();
        self.blocks.take(1);
        self.taken = self.taken.saturating_add(count_u64(1));
        // Anything but a digit must be the end of a line.
        if byte.is_ascii_digit() || byte == b'\n' {
            return Ok(byte);
        }
        Err(self.wrong("its map holds what is no number"))
    }

    fn wrong(&self, reason: Wrong) -> TarError {
        TarError::Sparse { at: self.blocks.at(), reason }
    }
}
