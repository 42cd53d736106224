//! The common header, first in every file (docs/format.md, "Common header").

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Major, Version, front, len};
use crate::cim::error::Fault;

const MAGIC: [u8; 8] = *b"cimfile0";

/// What a file of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(transparent)]
pub struct FileKind(pub u8);

impl FileKind {
    /// The `.cim` file.
    pub const IMAGE: Self = Self(0);
    /// A region file.
    pub const REGION: Self = Self(1);
    /// An object-id file.
    pub const OBJECT_ID: Self = Self(2);
}

/// The common header as it lies on disk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct CommonHeader {
    /// `cimfile0`.
    magic: [u8; 8],
    /// Length of the whole header of this kind of file.
    header_len: U32,
    kind: FileKind,
    /// Written as 0 and never judged: in images of Windows this and the fields below are not zero.
    reserved1: u8,
    reserved2: U16,
    major: U32,
    minor: U32,
    reserved3: U64,
}

const _: () = assert!(size_of::<CommonHeader>() == 32); // 8 + 4 + 1 + 1 + 2 + 4 + 4 + 8

impl CommonHeader {
    /// Makes the header of a file that this library writes.
    pub fn new(kind: FileKind, header_len: u32) -> Self {
        Self {
            magic: MAGIC,
            header_len: U32::new(header_len),
            kind,
            reserved1: 0,
            reserved2: U16::ZERO,
            major: U32::new(Version::WRITTEN.major),
            minor: U32::new(Version::WRITTEN.minor),
            reserved3: U64::ZERO,
        }
    }

    /// Checks magic, kind and length. The caller judges the version; nothing else is checked of an unknown one.
    pub fn check(bytes: &[u8], kind: FileKind, header_len: u64) -> Result<Version, Fault> {
        let raw: &Self = front("the common header", bytes)?;
        if raw.magic != MAGIC {
            return Err(Fault::Magic);
        }
        if raw.kind != kind {
            return Err(Fault::FileType { expected: kind.0, found: raw.kind.0 });
        }
        let version = Version { major: raw.major.get(), minor: raw.minor.get() };
        let Some(major) = version.known() else { return Ok(version) };
        // A header of version 3 may be longer; the known fields lie in front.
        let found = u64::from(raw.header_len.get());
        let fits = if major == Major::V3 { found >= header_len } else { found == header_len };
        if !fits {
            return Err(Fault::HeaderLength { expected: header_len, found });
        }
        if len(bytes) < found {
            return Err(Fault::Short { what: "the header", need: found, have: len(bytes) });
        }
        Ok(version)
    }
}
