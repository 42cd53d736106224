//! Repairs a hive that was not shut down cleanly, from the logs beside it.
//!
//! A log starts with a copy of the base block, in a sector of its own; then come entries with pages to write over the
//! bins. Two logs take turns: together they hold runs of entries with consecutive sequence numbers.

use std::io::{Cursor, Seek, SeekFrom, Write};

use zerocopy::{FromBytes, IntoBytes};

use super::cells::to_usize;
use super::error::{Dirt, Fault, HiveError, Unsupported};
use super::format::{
    BASE_BLOCK_LEN, BASE_MAGIC, BIN_UNIT, BaseBlock, LOG_ENTRY_MAGIC, LogEntry, PageRef, TYPE_LOG,
    TYPE_PRIMARY,
};
use super::header::{base_block, dirt};
use super::marvin::marvin32;

/// Log entries start at multiples of this, after the base block in the first one.
const SECTOR_LEN: usize = 512;

/// Length of the entry header that its own hash covers.
const HASHED_HEADER_LEN: usize = 32;

/// What to change in a dirty hive file. It borrows the file and its logs.
pub struct Recovery<'a> {
    primary: &'a [u8],
    block: BaseBlock,
    bins_len: u32,
    pages: Vec<Page<'a>>,
}

#[derive(Clone, Copy)]
struct Page<'a> {
    offset: u32,
    bytes: &'a [u8],
}

impl<'a> Recovery<'a> {
    /// Returns what the logs change in a dirty file, and none where the file is clean. It is an error if the file is
    /// dirty and the logs do not help.
    pub fn plan(primary: &'a [u8], logs: &[&'a [u8]]) -> Result<Option<Self>, HiveError> {
        if primary.is_empty() {
            return Ok(None);
        }
        let mut block = *base_block(primary)?;
        let Some(dirt) = dirt(&block) else { return Ok(None) };
        let mut files = Vec::new();
        for log in logs {
            files.extend(LogFile::read(log)?);
        }
        files.sort_by_key(LogFile::sequence);
        // A block that is itself torn says nothing about what the file holds already; the newest copy replaces it.
        let mut first = Some(block.secondary_sequence.get());
        if let Dirt::Checksum { .. } = dirt {
            block = files.last().ok_or(Dirt::NoUsableLog)?.block;
            first = None;
        }
        let entries = usable_entries(&files, first);
        Self::from_entries(primary, block, &entries).map(Some)
    }

    fn from_entries(
        primary: &'a [u8],
        mut block: BaseBlock,
        entries: &[Entry<'a>],
    ) -> Result<Self, HiveError> {
        let last = entries.last().ok_or(Dirt::NoUsableLog)?;
        let pages: Vec<Page<'a>> = entries.iter().flat_map(|entry| entry.pages.iter().copied()).collect();
        let bins_len = last.bins_len;
        let logged = pages.iter().fold(0, |sum: usize, page| sum.saturating_add(page.bytes.len()));
        let possible = primary.len().saturating_add(logged);
        if bins_len == 0 || !bins_len.is_multiple_of(BIN_UNIT) || to_usize(bins_len) > possible {
            let fault = Fault::BadValue { field: "length of bins in a log entry", found: bins_len };
            return Err(HiveError::in_file(0, fault));
        }
        let sequence = last.sequence.wrapping_add(1);
        block.primary_sequence = sequence.into();
        block.secondary_sequence = sequence.into();
        block.file_type = TYPE_PRIMARY.into();
        block.bins_len = bins_len.into();
        block.checksum = block.computed_checksum().into();
        Ok(Self { primary, block, bins_len, pages })
    }

    /// Writes the repaired file, from position 0 of an empty file on.
    pub fn write(&self, mut out: impl Write + Seek) -> Result<(), HiveError> {
        let old_bins = self.primary.get(BASE_BLOCK_LEN..).unwrap_or_default();
        let bins_len = to_usize(self.bins_len);
        out.write_all(self.block.as_bytes())?;
        out.write_all(self.primary.get(size_of::<BaseBlock>()..BASE_BLOCK_LEN).unwrap_or_default())?;
        let kept = old_bins.get(..bins_len).unwrap_or(old_bins);
        out.write_all(kept)?;
        for _ in (kept.len()..bins_len).step_by(BASE_BLOCK_LEN) {
            out.write_all(&[0; BASE_BLOCK_LEN])?;
        }
        for page in &self.pages {
            let room = bins_len.saturating_sub(to_usize(page.offset));
            let bytes = page.bytes.get(..room).unwrap_or(page.bytes);
            let at = u64::from(page.offset).saturating_add(BASE_BLOCK_LEN.try_into().unwrap_or(u64::MAX));
            out.seek(SeekFrom::Start(at))?;
            out.write_all(bytes)?;
        }
        Ok(out.flush()?)
    }

    /// Returns the repaired file.
    pub fn to_vec(&self) -> Result<Vec<u8>, HiveError> {
        let mut out = Cursor::new(Vec::new());
        self.write(&mut out)?;
        let mut file = out.into_inner();
        file.truncate(to_usize(self.bins_len).saturating_add(BASE_BLOCK_LEN));
        Ok(file)
    }
}

/// Returns the run of entries to apply. It starts at `first`, since older entries are in the file already; where that
/// is not known, it is the run that the newest log belongs to.
fn usable_entries<'a>(files: &[LogFile<'a>], first: Option<u32>) -> Vec<Entry<'a>> {
    let mut usable: Vec<Entry<'a>> = Vec::new();
    for file in files {
        for entry in file.entries() {
            if first.is_some_and(|first| entry.sequence < first) {
                continue;
            }
            if usable.last().is_some_and(|last| last.sequence.wrapping_add(1) != entry.sequence) {
                if first.is_some() {
                    return usable;
                }
                usable.clear();
            }
            usable.push(entry);
        }
    }
    usable
}

/// A log whose header can be trusted.
struct LogFile<'a> {
    block: BaseBlock,
    body: &'a [u8],
}

impl<'a> LogFile<'a> {
    /// Reads the header. A log that is empty or torn is none at all.
    fn read(log: &'a [u8]) -> Result<Option<Self>, HiveError> {
        let Ok((block, body)) = BaseBlock::read_from_prefix(log) else { return Ok(None) };
        if block.magic != BASE_MAGIC || block.checksum.get() != block.computed_checksum() {
            return Ok(None);
        }
        match block.file_type.get() {
            TYPE_LOG => Ok(Some(Self { block, body })),
            _ => Err(Unsupported::OldLog.into()),
        }
    }

    fn sequence(&self) -> u32 {
        self.block.primary_sequence.get()
    }

    /// Yields entries up to the first one that is torn or out of sequence.
    fn entries(&self) -> impl Iterator<Item = Entry<'a>> {
        let mut body = self.body;
        let mut sequence = self.sequence();
        std::iter::from_fn(move || {
            let (entry, rest) = Entry::read(body)?;
            let expected = sequence;
            sequence = sequence.wrapping_add(1);
            body = rest;
            (entry.sequence == expected).then_some(entry)
        })
    }
}

/// An entry whose hashes are right.
struct Entry<'a> {
    sequence: u32,
    bins_len: u32,
    pages: Vec<Page<'a>>,
}

impl<'a> Entry<'a> {
    fn read(body: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, _) = LogEntry::ref_from_prefix(body).ok()?;
        let size = to_usize(header.size.get());
        if header.magic != LOG_ENTRY_MAGIC || size == 0 || !size.is_multiple_of(SECTOR_LEN) {
            return None;
        }
        let (whole, rest) = body.split_at_checked(size)?;
        let (header_bytes, body) = whole.split_at_checked(size_of::<LogEntry>())?;
        let hashed = header_bytes.get(..HASHED_HEADER_LEN)?;
        if header.body_hash.get() != marvin32(body) || header.header_hash.get() != marvin32(hashed) {
            return None;
        }
        let bins_len = header.bins_len.get();
        let pages = pages(body, to_usize(header.page_count.get()), bins_len)?;
        Some((Self { sequence: header.sequence.get(), bins_len, pages }, rest))
    }
}

fn pages(body: &[u8], count: usize, bins_len: u32) -> Option<Vec<Page<'_>>> {
    let (refs, mut bytes) = <[PageRef]>::ref_from_prefix_with_elems(body, count).ok()?;
    let mut pages = Vec::with_capacity(count);
    for page in refs {
        let (offset, size) = (page.offset.get(), page.size.get());
        offset.checked_add(size).filter(|&end| end <= bins_len)?;
        let (page, rest) = bytes.split_at_checked(to_usize(size))?;
        pages.push(Page { offset, bytes: page });
        bytes = rest;
    }
    Some(pages)
}

#[cfg(test)]
mod tests;
