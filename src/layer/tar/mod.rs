//! Tar: from a stream of blocks to entries, with what PAX and GNU headers add to them.
//!
//! The headers are those of the crate `tar`, whose iterator does not fit: it splits PAX records at line feeds, which
//! binary values hold, and keeps long names of any length.
//!
//! Where readers differ, and an archive could show one content to a scanner and another one to us, the rule is that of
//! Go's `archive/tar`, with which containerd reads; what is ambiguous even there is an error:
//!
//! * Only files have data: the size in the header of a link, directory or device is ignored.
//! * Two blocks of zeros end the archive, and so does the end of the stream in place of a header. One is an error.
//! * A GNU long name wins over a PAX path, and that over the header.
//! * Two headers of one kind for the same entry are an error.
//!
//! Nothing in memory grows with the stream: descriptions of an entry are limited to 1 MiB each, and data is handed out
//! as it lies in the reader's buffer.

#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod blocks;
mod entry;
mod error;
mod header;
mod number;
mod sparse;
#[cfg(test)]
mod tests;

use std::io::BufRead;

use tar::Header;

pub use entry::Entry;
pub use error::TarError;

use super::pax::{Globals, MAX_BLOCK, Records};
use blocks::{BLOCK, Blocks, count_u64, shorter};
use header::checked;
use number::{decimal, number};
use sparse::{Map, padding};

/// Reads the entries of a tar stream.
#[derive(Debug)]
pub struct TarReader<R> {
    blocks: Blocks<R>,
    globals: Globals,
    body: Body,
}

/// What of the current entry was not read yet.
#[derive(Debug, Default)]
struct Body {
    map: Map,
    /// Index of the run that comes next.
    run: usize,
    /// Where in the file reading stands.
    at: u64,
    /// Bytes of the entry in the stream, and behind them padding.
    stored: u64,
    padding: u64,
    /// Bytes that were handed out, but not taken from the reader.
    lent: usize,
}

/// A piece of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// So many zeros.
    Zeros(u64),
}

/// The headers that describe the entry behind them.
#[derive(Debug, Default)]
struct Described {
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    records: Option<Vec<u8>>,
}

impl<R: BufRead> TarReader<R> {
    /// Begins at the front of a stream.
    pub fn new(reader: R) -> Self {
        Self { blocks: Blocks::new(reader), globals: Globals::new(), body: Body::default() }
    }

    /// Returns the reader, which stands behind what was read.
    pub fn into_inner(self) -> R {
        self.blocks.into_inner()
    }

    /// Returns how many bytes of the stream were taken: right behind an entry's header, where its data begins.
    pub fn position(&self) -> u64 {
        self.blocks.at()
    }

    /// Returns the records that hold for an entry.
    pub fn records<'a>(&'a self, entry: &'a Entry) -> Result<Records<'a>, TarError> {
        let pax = |source| TarError::Pax { at: self.blocks.at(), source };
        Records::parse(&self.globals, &entry.records).map_err(pax)
    }

    /// Reads up to the next entry, past what was not read of the last one. `None` at the end.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        self.skip_body()?;
        let mut described = Described::default();
        while let Some(header) = self.header()? {
            match header.as_old().linkflag[0] {
                b'g' => {
                    let block = self.description(&header, "a global pax header", None)?;
                    let applied = self.globals.apply(&block);
                    applied.map_err(|source| TarError::Pax { at: self.blocks.at(), source })?;
                }
                b'x' => {
                    let known = described.records.as_ref();
                    described.records = Some(self.description(&header, "a pax header", known)?);
                }
                b'L' => {
                    let known = described.long_path.as_ref();
                    described.long_path = Some(self.description(&header, "a long name", known)?);
                }
                b'K' => {
                    let known = described.long_link.as_ref();
                    described.long_link = Some(self.description(&header, "a long link name", known)?);
                }
                _ => return self.entry(header, described).map(Some),
            }
        }
        if described.is_empty() { Ok(None) } else { Err(TarError::NoEntry { at: self.blocks.at() }) }
    }

    /// Returns the next piece of the entry's data; `None` at its end.
    pub fn piece(&mut self) -> Result<Option<Piece<'_>>, TarError> {
        self.take_lent();
        let Body { map, run, at, .. } = &mut self.body;
        let next = map.runs.get(*run);
        let hole_end = next.map_or(map.size, |run| run.offset);
        if hole_end > *at {
            let zeros = hole_end.saturating_sub(*at);
            *at = hole_end;
            return Ok(Some(Piece::Zeros(zeros)));
        }
        let Some(next) = next else { return Ok(None) };
        let left = next.offset.saturating_add(next.len).saturating_sub(*at);
        let bytes = self.blocks.peek("the data of an entry")?;
        let count = shorter(bytes.len(), left);
        self.body.lend(count, left);
        Ok(bytes.get(..count).map(Piece::Bytes))
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        self.take_lent();
        self.blocks.skip(self.body.stored, "the data of an entry")?;
        self.blocks.skip(self.body.padding, "the padding of an entry")?;
        self.body = Body::default();
        Ok(())
    }

    fn take_lent(&mut self) {
        let lent = std::mem::take(&mut self.body.lent);
        self.blocks.take(lent);
        self.body.stored = self.body.stored.saturating_sub(count_u64(lent));
    }

    /// Reads a header; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let Some(block) = self.blocks.block()? else { return Ok(None) };
        if block.iter().any(|&byte| byte != 0) {
            return checked(&block).map(Some).ok_or_else(|| TarError::Checksum { at: self.start_of_block() });
        }
        match self.blocks.block()? {
            Some(block) if block.iter().any(|&byte| byte != 0) => {
                Err(TarError::HalfEnd { at: self.start_of_block() })
            }
            _ => Ok(None),
        }
    }

    fn start_of_block(&self) -> u64 {
        self.blocks.at().saturating_sub(BLOCK)
    }

    /// Reads a header's data as a whole.
    fn description(
        &mut self,
        header: &Header,
        what: &'static str,
        known: Option<&Vec<u8>>,
    ) -> Result<Vec<u8>, TarError> {
        let at = self.start_of_block();
        if known.is_some() {
            return Err(TarError::Twice { what, at });
        }
        let len = self.stored_size(header)?;
        let short = usize::try_from(len).ok().filter(|&len| len <= MAX_BLOCK);
        let short = short.ok_or(TarError::TooLong { what, len, limit: count_u64(MAX_BLOCK), at })?;
        let bytes = self.blocks.bytes(short, what)?;
        self.blocks.skip(padding(len), what)?;
        Ok(bytes)
    }

    fn stored_size(&self, header: &Header) -> Result<u64, TarError> {
        let wrong = || TarError::Number { field: "size", at: self.blocks.at() };
        number(&header.as_old().size).ok_or_else(wrong)
    }

    /// Makes an entry of its header and what stood before it, and prepares to read its data.
    fn entry(&mut self, header: Header, described: Described) -> Result<Entry, TarError> {
        let block = described.records.unwrap_or_default();
        let in_header = self.stored_size(&header)?;
        let Self { blocks, globals, body } = self;
        let at = blocks.at();
        let records = Records::parse(globals, &block).map_err(|source| TarError::Pax { at, source })?;
        let (path, link) = entry::names(&header, &records, described.long_path, described.long_link);
        let type_byte = header.as_old().linkflag[0];
        let mut stored = match records.get("size") {
            _ if matches!(type_byte, b'1'..=b'6') => 0,
            Some(size) => decimal(size).ok_or(TarError::Number { field: "size", at })?,
            None => in_header,
        };
        let padding = padding(stored);
        let map = match type_byte {
            b'S' => sparse::gnu(&header, stored, blocks)?,
            _ => match sparse::pax(&block, &records, &mut stored, blocks)? {
                Some(map) => map,
                None => Map::dense(stored),
            },
        };
        let size = map.size;
        *body = Body { map, stored, padding, ..Body::default() };
        Ok(Entry { header, path, link, size, records: block })
    }
}

impl Body {
    fn lend(&mut self, count: usize, left: u64) {
        self.lent = count;
        self.at = self.at.saturating_add(count_u64(count));
        if count_u64(count) == left {
            self.run = self.run.saturating_add(1);
        }
    }
}

impl Described {
    fn is_empty(&self) -> bool {
        self.long_path.is_none() && self.long_link.is_none() && self.records.is_none()
    }
}
