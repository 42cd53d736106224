//! The links of an image: which files have more than one name, and where (docs/format.md, "Links").
//!
//! Our own addition, written beside the regions and never needed to read an image: with it, deleting one name of a
//! file tells at once whether the file has others, and a mount shows link counts without a walk.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{front, front_slice};
use crate::cim::error::Fault;

const MAGIC: [u8; 8] = *b"cimlinks";
const VERSION: u32 = 1;

/// The header of a file of links as it lies on disk; the entries follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawLinksHeader {
    magic: [u8; 8],
    version: U32,
    reserved: U32,
    count: U64,
}

const _: () = assert!(size_of::<RawLinksHeader>() == 24); // 8 + 4 + 4 + 8

/// One name of a file that has several. Entries are sorted by file, then by directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct LinkEntry {
    /// The file id.
    pub file: U32,
    /// The directory that holds the name.
    pub directory: U32,
}

const _: () = assert!(size_of::<LinkEntry>() == 8); // 4 + 4

impl RawLinksHeader {
    /// Returns the header of a file with `count` entries.
    pub fn new(count: u64) -> Self {
        Self { magic: MAGIC, version: U32::new(VERSION), reserved: U32::ZERO, count: U64::new(count) }
    }

    /// Reads a file of links. Whether it is sorted is left to a full check of the image.
    pub fn parse(bytes: &[u8]) -> Result<&[LinkEntry], Fault> {
        let raw: &Self = front("the header of the links", bytes)?;
        if raw.magic != MAGIC || raw.version.get() != VERSION {
            let reason = "its magic or version is unknown".to_owned();
            return Err(Fault::Malformed { what: "the file of links", reason });
        }
        front_slice("the links", &bytes[size_of::<Self>()..], raw.count.get())
    }
}
