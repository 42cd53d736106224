//! Executables of Windows: where their sections lie in a file, how an image spreads them over pages, and which bytes their
//! Authenticode digest covers.
//!
//! The rule by which Windows lays an executable out: the headers at 0; each section, in file order, at the next multiple of
//! 4096 of the stored bytes; what follows the last section at the next multiple. Bytes between two sections stay with the
//! first of them, so that every byte of the file has a place.

use std::ops::Range;

use zerocopy::FromBytes;
use zerocopy::little_endian::{U16, U32};

/// Sections begin at a multiple of this.
pub const PAGE: u64 = 4096;

/// A file whose headers are longer is not taken for an executable.
const MAX_HEADERS: u64 = 64 << 10;

const DOS_HEADER_LEN: u64 = 64;
const DOS_MAGIC: &[u8] = b"MZ";
/// Where the DOS header names the offset of the PE header.
const PE_OFFSET: u64 = 60;
const PE_MAGIC: &[u8] = b"PE\0\0";
/// Magic and COFF header.
const COFF_END: u64 = 24;
const SECTION_COUNT: u64 = 6;
const OPTIONAL_LEN: u64 = 20;

/// Fields of the optional header.
const MAGIC_32: u16 = 0x10B;
const MAGIC_64: u16 = 0x20B;
const SECTION_ALIGNMENT: u64 = 32;
const IMAGE_LEN: u64 = 56;
const CHECKSUM: u64 = 64;
const CHECKSUM_LEN: u64 = 4;
/// The number of data directories, which follow at once.
const DIRECTORY_COUNT_32: u64 = 92;
const DIRECTORY_COUNT_64: u64 = 108;
const DIRECTORY_LEN: u64 = 8;
/// Which of the data directories names the certificates.
const CERTIFICATES: u32 = 4;

/// Fields of a section header.
const SECTION_LEN: u64 = 40;
const RAW_LEN: u64 = 16;
const RAW_OFFSET: u64 = 20;

/// What the front of a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// So many bytes from the start of the file are needed to tell.
    Need(usize),
    /// The file is not an executable that can be laid out.
    Other,
    /// The file is an executable.
    Image(PeFile),
}

/// An executable, as its headers describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeFile {
    /// Length of the loaded image.
    pub image_len: u32,
    /// Parts of the file, one behind the other from 0 to its end. Each begins at a page of the stored bytes.
    pub pieces: Vec<Piece>,
    /// Length of the stored bytes.
    pub stored_len: u64,
    /// Whether the file carries certificates.
    pub is_signed: bool,
    /// What the Authenticode digest leaves out, in order.
    undigested: Vec<Range<u64>>,
}

/// A part of an executable that is stored in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins in the file.
    pub file: u64,
    /// Where it begins in the stored bytes.
    pub stored: u64,
    /// Its length.
    pub len: u64,
}

/// Reads the headers in the front of a file of `len` bytes.
pub fn parse(front: &[u8], len: u64) -> Parsed {
    let mut reader = Reader { front, len, need: None };
    match reader.image() {
        Some(image) => Parsed::Image(image),
        None => reader.need.map_or(Parsed::Other, Parsed::Need),
    }
}

struct Reader<'a> {
    front: &'a [u8],
    /// Length of the file.
    len: u64,
    /// Set where the front is too short to go on.
    need: Option<usize>,
}

impl Reader<'_> {
    fn image(&mut self) -> Option<PeFile> {
        // The first bytes of most files tell, however few there are.
        if !self.front.starts_with(&DOS_MAGIC[..self.front.len().min(DOS_MAGIC.len())]) {
            return None;
        }
        self.reach(DOS_HEADER_LEN)?;
        let pe = u64::from(self.u32(PE_OFFSET)?);
        self.reach(pe + COFF_END)?;
        if self.bytes(pe, PE_MAGIC.len())? != PE_MAGIC {
            return None;
        }
        let sections = u64::from(self.u16(pe + SECTION_COUNT)?);
        let (optional, optional_len) = (pe + COFF_END, u64::from(self.u16(pe + OPTIONAL_LEN)?));
        let table = optional + optional_len;
        let headers_end = table + sections * SECTION_LEN;
        self.reach(headers_end)?;
        let magic = self.u16(optional)?;
        let count_at = match magic {
            MAGIC_32 => DIRECTORY_COUNT_32,
            MAGIC_64 => DIRECTORY_COUNT_64,
            _ => return None,
        };
        if optional_len < count_at + 4 || u64::from(self.u32(optional + SECTION_ALIGNMENT)?) < PAGE {
            return None;
        }
        let pieces = self.pieces(table, sections, headers_end)?;
        let stored_len = pieces.last().map(|piece| piece.stored + piece.len)?;
        let directory = optional + count_at + 4 + u64::from(CERTIFICATES) * DIRECTORY_LEN;
        let has_directory =
            self.u32(optional + count_at)? > CERTIFICATES && directory + DIRECTORY_LEN <= table;
        let checksum = optional + CHECKSUM;
        let mut undigested = Vec::new();
        undigested.push(checksum..checksum + CHECKSUM_LEN);
        let mut is_signed = false;
        if has_directory {
            undigested.push(directory..directory + DIRECTORY_LEN);
            let (at, len) = (u64::from(self.u32(directory)?), u64::from(self.u32(directory + 4)?));
            is_signed = len > 0;
            if is_signed && (at < headers_end || at + len > self.len) {
                return None;
            }
            undigested.extend(is_signed.then(|| at..at + len));
        }
        Some(PeFile { image_len: self.u32(optional + IMAGE_LEN)?, pieces, stored_len, is_signed, undigested })
    }

    /// Lays out headers, sections, and what follows them. `None` where sections overlap or are cut.
    fn pieces(&self, table: u64, sections: u64, headers_end: u64) -> Option<Vec<Piece>> {
        let mut raw = Vec::new();
        for index in 0..sections {
            let header = table + index * SECTION_LEN;
            let (at, len) =
                (u64::from(self.u32(header + RAW_OFFSET)?), u64::from(self.u32(header + RAW_LEN)?));
            if len > 0 && at > 0 {
                raw.push((at, len));
            }
        }
        raw.sort_unstable();
        let (last_at, last_len) = *raw.last()?;
        let end = last_at + last_len;
        let mut starts = vec![0];
        let mut before = headers_end;
        for (at, len) in raw {
            if at < before {
                return None;
            }
            starts.push(at);
            before = at + len;
        }
        if end > self.len {
            return None;
        }
        starts.extend((end < self.len).then_some(end));
        let ends = starts.iter().skip(1).copied().chain([self.len]);
        let mut pieces = Vec::with_capacity(starts.len());
        let mut stored_end: u64 = 0;
        for (file, end) in starts.iter().copied().zip(ends) {
            let piece = Piece { file, stored: stored_end.next_multiple_of(PAGE), len: end - file };
            stored_end = piece.stored + piece.len;
            pieces.push(piece);
        }
        // A mapping counts in 32 bits.
        (stored_end <= u64::from(u32::MAX)).then_some(pieces)
    }

    /// Goes on only where the front has so many bytes, and asks for them where only the file has.
    fn reach(&mut self, end: u64) -> Option<()> {
        if end > self.len || end > MAX_HEADERS {
            return None;
        }
        let end = usize::try_from(end).ok()?;
        if end > self.front.len() {
            self.need = Some(end);
            return None;
        }
        Some(())
    }

    fn bytes(&self, at: u64, len: usize) -> Option<&[u8]> {
        self.front.get(usize::try_from(at).ok()?..)?.get(..len)
    }

    fn u16(&self, at: u64) -> Option<u16> {
        U16::read_from_bytes(self.bytes(at, 2)?).ok().map(U16::get)
    }

    fn u32(&self, at: u64) -> Option<u32> {
        U32::read_from_bytes(self.bytes(at, 4)?).ok().map(U32::get)
    }
}

impl PeFile {
    /// Yields the mappings of an image: from which file offset on bytes lie how much further, where that changes.
    pub fn mappings(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut last = 0;
        self.pieces.iter().filter_map(move |piece| {
            let delta = piece.stored - piece.file;
            let changed = std::mem::replace(&mut last, delta) != delta;
            let fits = |number: u64| u32::try_from(number).expect("the layout is shorter than 4 GiB");
            changed.then(|| (fits(piece.file), fits(delta)))
        })
    }

    /// Hands the part of `bytes`, which lie at `at` in the file, that an Authenticode digest covers to `digest`.
    pub fn digested(&self, at: u64, bytes: &[u8], mut digest: impl FnMut(&[u8])) {
        let end = at + u64::try_from(bytes.len()).expect("a usize fits a u64");
        let mut from = at;
        let part = |from: u64, to: u64| {
            let index = |offset: u64| usize::try_from(offset - at).expect("an offset in a slice");
            &bytes[index(from)..index(to)]
        };
        for hole in &self.undigested {
            let to = hole.start.clamp(from, end);
            if to > from {
                digest(part(from, to));
            }
            from = hole.end.clamp(to, end);
        }
        if end > from {
            digest(part(from, end));
        }
    }
}

#[cfg(test)]
mod tests;
