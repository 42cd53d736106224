//! The filesystem object: where an image's tables are (docs/format.md, "Filesystem object").

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::front;
use crate::cim::error::Fault;
use crate::cim::units::{FileId, RegionOffset};

/// The filesystem object as it lies on disk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawFilesystem {
    upcase: U64,
    tables: U64,
    table_count: U32,
    root: U32,
}

const _: () = assert!(size_of::<RawFilesystem>() == 24); // 8 + 8 + 4 + 4

/// A checked filesystem object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// Where the upcase table lies.
    pub upcase: RegionOffset,
    /// Where the file table directory lies.
    pub tables: RegionOffset,
    /// Number of file tables.
    pub table_count: u32,
    /// The root directory.
    pub root: FileId,
}

impl Filesystem {
    /// More tables than this would hold ids beyond 32 bits.
    const MAX_TABLES: u32 = u32::MAX / FileId::PER_TABLE + 1;

    /// Reads the object.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let raw: &RawFilesystem = front("the filesystem object", bytes)?;
        let table_count = raw.table_count.get();
        if table_count > Self::MAX_TABLES {
            return Err(Fault::TooManyTables { found: table_count });
        }
        Ok(Self {
            upcase: RegionOffset::from_raw(raw.upcase.get()),
            tables: RegionOffset::from_raw(raw.tables.get()),
            table_count,
            root: FileId::from_raw(raw.root.get()).ok_or(Fault::ZeroFileId)?,
        })
    }

    /// Returns the bytes of the object.
    pub fn to_raw(self) -> RawFilesystem {
        RawFilesystem {
            upcase: U64::new(self.upcase.raw()),
            tables: U64::new(self.tables.raw()),
            table_count: U32::new(self.table_count),
            root: U32::new(self.root.raw()),
        }
    }
}
