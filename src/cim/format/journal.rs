//! The journal of a layer set: edits without a parent (docs/format.md, "Journal").
//!
//! Our own addition. A path is stored as what it shares with the path before it, and the rest.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::image_header::RawRegionSet;
use super::{PeImage, RawStream, RegionSet, front, front_slice, len, size_of_u64};
use crate::cim::error::Fault;
use crate::cim::units::StreamLen;

const MAGIC: [u8; 8] = *b"cimjrnl0";
const VERSION: u32 = 1;

/// Length of the digest over a journal.
const JOURNAL_DIGEST_LEN: usize = 32;

/// The header of a journal as it lies on disk; the edits follow, then the deletions.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawJournalHeader {
    magic: [u8; 8],
    version: U32,
    flags: U32,
    set: RawRegionSet,
    edits_len: U64,
    deletions_len: U64,
    /// BLAKE3 of the edits, the deletions and the fields above.
    digest: [u8; JOURNAL_DIGEST_LEN],
}

const _: () = assert!(size_of::<RawJournalHeader>() == 88); // 8 + 4 + 4 + 24 + 8 + 8 + 32

const CASE_DISTINGUISHED: u32 = 1;

/// A checked header of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHeader {
    /// The layer set.
    pub set: RegionSet,
    /// Whether names that differ in case only are two.
    pub case_distinguished: bool,
    /// Length of the edits.
    pub edits_len: u64,
    /// Length of the deletions.
    pub deletions_len: u64,
}

/// How many bytes of a journal are hashed at once.
const PIECE: usize = 1 << 20;

impl JournalHeader {
    /// Length of the header.
    pub const LEN: u64 = size_of_u64::<RawJournalHeader>();

    /// Takes a whole journal apart: header, edits, deletions. [`prove`](Self::prove) says whether it is what was written.
    pub fn parse(bytes: &[u8]) -> Result<(Self, &[u8], &[u8]), Fault> {
        let (raw, body) = Self::split(bytes)?;
        let malformed = |reason: &str| Fault::Malformed { what: "the journal", reason: reason.to_owned() };
        if raw.magic != MAGIC || raw.version.get() != VERSION || raw.flags.get() & !CASE_DISTINGUISHED != 0 {
            return Err(malformed("its magic, version or flags are unknown"));
        }
        let header = Self {
            set: raw.set.into(),
            case_distinguished: raw.flags.get() & CASE_DISTINGUISHED != 0,
            edits_len: raw.edits_len.get(),
            deletions_len: raw.deletions_len.get(),
        };
        let edits: &[u8] = front_slice("the edits of a journal", body, header.edits_len)?;
        let deletions =
            front_slice("the deletions of a journal", &body[edits.len()..], header.deletions_len)?;
        if edits.len() + deletions.len() != body.len() {
            return Err(malformed("bytes follow the deletions"));
        }
        Ok((header, edits, deletions))
    }

    /// Fails unless the digest is that of the whole journal. Its bytes are read piece by piece, and `read` hears of each.
    pub fn prove(bytes: &[u8], mut read: impl FnMut()) -> Result<(), Fault> {
        let (raw, body) = Self::split(bytes)?;
        let mut hasher = blake3::Hasher::new();
        for piece in body.chunks(PIECE) {
            hasher.update(piece);
            read();
        }
        if raw.digest_after(&hasher) == raw.digest { Ok(()) } else { Err(Fault::Digest) }
    }

    fn split(bytes: &[u8]) -> Result<(&RawJournalHeader, &[u8]), Fault> {
        let raw: &RawJournalHeader = front("the journal header", bytes)?;
        Ok((raw, &bytes[size_of::<RawJournalHeader>()..]))
    }

    /// Returns the bytes of the header; `body` has hashed the edits and the deletions.
    pub fn to_raw(self, body: &blake3::Hasher) -> RawJournalHeader {
        let undigested = RawJournalHeader {
            magic: MAGIC,
            version: U32::new(VERSION),
            flags: U32::new(if self.case_distinguished { CASE_DISTINGUISHED } else { 0 }),
            set: self.set.into(),
            edits_len: U64::new(self.edits_len),
            deletions_len: U64::new(self.deletions_len),
            digest: [0; JOURNAL_DIGEST_LEN],
        };
        RawJournalHeader { digest: undigested.digest_after(body), ..undigested }
    }
}

impl RawJournalHeader {
    /// Returns the digest over a body and all fields but the digest itself.
    fn digest_after(&self, body: &blake3::Hasher) -> [u8; JOURNAL_DIGEST_LEN] {
        let end = size_of::<Self>() - JOURNAL_DIGEST_LEN;
        body.clone().update(&self.as_bytes()[..end]).finalize().into()
    }
}

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(transparent)]
pub struct EditKind(pub u8);

impl EditKind {
    /// Path, leaf, stream: a file in place of whatever has the path.
    pub const FILE: Self = Self(1);
    /// Path, leaf: a directory, which takes over the children of one that is there.
    pub const DIRECTORY: Self = Self(2);
    /// Path, leaf: a directory where there is none.
    pub const MISSING_DIRECTORY: Self = Self(3);
    /// Path, name, stream: an alternate stream.
    pub const STREAM: Self = Self(4);
    /// New path, existing path: another name of a file.
    pub const LINK: Self = Self(5);
    /// Path, of the parent's tree: goes, with all below it.
    pub const DELETE: Self = Self(6);
    /// Path, of the parent's tree: a directory loses all that is in it.
    pub const CLEAR: Self = Self(7);
    /// Path, leaf, length, PE image object: an expanded executable in place of whatever has the path.
    pub const PE_IMAGE: Self = Self(8);

    /// Says of an edit that it is none of these.
    pub fn fault(self) -> Fault {
        Fault::Malformed { what: "the journal", reason: format!("unknown edit {}", self.0) }
    }
}

/// What an edit gives a file beside name and data, with offsets counted in the layer set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawLeaf {
    /// Attribute flags of the record.
    pub flags: U16,
    /// Length of the EAs.
    pub ea_len: U16,
    /// Tag of the reparse data.
    pub reparse_tag: U32,
    /// Creation, last write, change, last access.
    pub times: [U64; 4],
    /// Security descriptor.
    pub security: U64,
    /// EAs.
    pub eas: U64,
    /// Reparse data.
    pub reparse: U64,
}

const _: () = assert!(size_of::<RawLeaf>() == 64); // 2 + 2 + 4 + 4*8 + 3*8

/// The front of a path: how many units it shares with the one before, and how many follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawPathFront {
    /// Units of the path before that are kept.
    pub shared: U16,
    /// Units that follow.
    pub rest: U16,
}

/// Reads the parts of edits, one behind the other.
#[derive(Debug)]
pub struct EditCursor<'a> {
    rest: &'a [u8],
    path: Vec<U16>,
}

impl<'a> EditCursor<'a> {
    /// Begins at the front of a section.
    pub fn new(section: &'a [u8]) -> Self {
        Self { rest: section, path: Vec::new() }
    }

    /// Reads what the next edit does; `None` at the end.
    pub fn kind(&mut self) -> Result<Option<EditKind>, Fault> {
        if self.rest.is_empty() { Ok(None) } else { self.take("an edit").map(|&kind| Some(kind)) }
    }

    /// Reads a path.
    pub fn path(&mut self) -> Result<&[U16], Fault> {
        let &RawPathFront { shared, rest } = self.take("a path")?;
        let units: &[U16] = self.take_slice("a path", rest.get())?;
        self.path.truncate(shared.get().into());
        self.path.extend_from_slice(units);
        Ok(&self.path)
    }

    /// Reads a name.
    pub fn name(&mut self) -> Result<&'a [U16], Fault> {
        let len: &U16 = self.take("a name")?;
        self.take_slice("a name", len.get())
    }

    /// Reads a leaf.
    pub fn leaf(&mut self) -> Result<RawLeaf, Fault> {
        self.take("a leaf").copied()
    }

    /// Reads a stream.
    pub fn stream(&mut self) -> Result<RawStream, Fault> {
        self.take("a stream").copied()
    }

    /// Reads the length of an executable and the description of how it lies, whose offset counts in the layer set.
    pub fn pe_image(&mut self) -> Result<(StreamLen, PeImage<'a>), Fault> {
        let len: &U64 = self.take("the length of an executable")?;
        let image = PeImage::parse(self.rest)?;
        self.rest = &self.rest[image.bytes_len()..];
        Ok((StreamLen::from_bits(len.get()), image))
    }

    /// Returns how many bytes are left.
    pub fn left(&self) -> u64 {
        len(self.rest)
    }

    fn take<T: FromBytes + KnownLayout + Immutable + Unaligned>(
        &mut self,
        what: &'static str,
    ) -> Result<&'a T, Fault> {
        let value = front(what, self.rest)?;
        self.rest = &self.rest[size_of::<T>()..];
        Ok(value)
    }

    fn take_slice(&mut self, what: &'static str, count: u16) -> Result<&'a [U16], Fault> {
        let units: &[U16] = front_slice(what, self.rest, count.into())?;
        self.rest = &self.rest[size_of_val(units)..];
        Ok(units)
    }
}
