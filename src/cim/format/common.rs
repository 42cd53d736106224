//! The common header, first in every file (docs/format.md, "Common header").

use std::fmt;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{front, len};
use crate::cim::error::Fault;

const MAGIC: [u8; 8] = *b"cimfile0";

/// The major version that current Windows writes; only its headers are read.
pub const MAJOR_CURRENT_WINDOWS: u32 = 3;

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
    /// Zero.
    reserved1: u8,
    /// Zero.
    reserved2: U16,
    major: U32,
    minor: U32,
    /// Zero.
    reserved3: U64,
}

const _: () = assert!(size_of::<CommonHeader>() == 32); // 8 + 4 + 1 + 1 + 2 + 4 + 4 + 8

/// A format version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Changes what readers must know.
    pub major: u32,
    /// Changes what readers may ignore.
    pub minor: u32,
}

impl Version {
    /// The version that this library writes and reads whole.
    pub const WRITTEN: Self = Self { major: 2, minor: 0 };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

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

    /// Checks everything but the version, which the caller judges: of an unknown one, nothing else is checked.
    pub fn check(bytes: &[u8], kind: FileKind, header_len: u64) -> Result<Version, Fault> {
        let raw: &Self = front("the common header", bytes)?;
        if raw.magic != MAGIC {
            return Err(Fault::Magic);
        }
        if raw.kind != kind {
            return Err(Fault::FileType { expected: kind.0, found: raw.kind.0 });
        }
        let version = Version { major: raw.major.get(), minor: raw.minor.get() };
        if version.major != Version::WRITTEN.major && version.major != MAJOR_CURRENT_WINDOWS {
            return Ok(version);
        }
        // A later version may have a longer header; what is known lies in front.
        let found = u64::from(raw.header_len.get());
        let fits =
            if version.major == Version::WRITTEN.major { found == header_len } else { found >= header_len };
        if !fits {
            return Err(Fault::HeaderLength { expected: header_len, found });
        }
        if len(bytes) < found {
            return Err(Fault::Short { what: "the header", need: found, have: len(bytes) });
        }
        Ok(version)
    }
}
