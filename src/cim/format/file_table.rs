//! An entry of the file table directory: where 1024 file records are (docs/format.md, "File table directory").

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{Major, RawFileRecord, size_of_u64};
use crate::cim::error::Fault;
use crate::cim::units::{FileId, RegionOffset};

/// An entry of the file table directory as it lies on disk.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RawFileTable {
    offset: U64,
    count: U16,
    entry_size: U16,
    reserved: U32,
}

const _: () = assert!(size_of::<RawFileTable>() == 16); // 8 + 2 + 2 + 4

/// Where the parent's id ends in a record.
const PARENT_END: usize = 92;

/// Where a file table lies and how its records are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileTable {
    /// Where the first record lies.
    pub offset: RegionOffset,
    /// Number of records; at most 1024.
    pub count: u16,
    /// Bytes from one record to the next; not zero.
    pub entry_size: u16,
}

impl FileTable {
    /// Names a table of records as this library writes them.
    pub fn new(offset: RegionOffset, count: u16) -> Self {
        Self { offset, count, entry_size: Major::V2.record_len() }
    }

    /// Returns the length of the table in bytes.
    pub fn len(self) -> u64 {
        u64::from(self.count) * u64::from(self.entry_size)
    }

    /// Returns whether the table has no records.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// Returns whether the records have a parent's id, in a table of this version. Version 1 has none.
    pub fn has_parents(self, major: Major) -> bool {
        major >= Major::V2 && usize::from(self.entry_size) >= PARENT_END
    }

    /// Reads record `slot` out of the bytes of a table of this version: a shorter record is extended with zeros; what a
    /// longer one has behind the known fields is returned beside it.
    pub fn record(self, table: &[u8], slot: usize, major: Major) -> Option<(RawFileRecord, &[u8])> {
        let entry_size = usize::from(self.entry_size);
        let start = slot.checked_mul(entry_size)?;
        let entry = table.get(start..start.checked_add(entry_size)?)?;
        let mut record = RawFileRecord::new_zeroed();
        let known_len = usize::from(major.record_len()).min(size_of::<RawFileRecord>());
        let (known, tail) = entry.split_at(entry_size.min(known_len));
        record.as_mut_bytes()[..known.len()].copy_from_slice(known);
        Some((record, tail))
    }

    /// Returns the entry as it lies on disk.
    pub fn to_raw(self) -> RawFileTable {
        RawFileTable {
            offset: U64::new(self.offset.raw()),
            count: U16::new(self.count),
            entry_size: U16::new(self.entry_size),
            reserved: U32::ZERO,
        }
    }
}

impl TryFrom<RawFileTable> for FileTable {
    type Error = Fault;

    fn try_from(raw: RawFileTable) -> Result<Self, Fault> {
        let count = raw.count.get();
        if u32::from(count) > FileId::PER_TABLE {
            return Err(Fault::Mismatch {
                field: "a file table's count",
                expected: 1024,
                found: count.into(),
            });
        }
        if raw.entry_size.get() == 0 && count != 0 {
            let expected = size_of_u64::<RawFileRecord>();
            return Err(Fault::Mismatch { field: "a file table's entry size", expected, found: 0 });
        }
        let offset = RegionOffset::from_raw(raw.offset.get());
        Ok(Self { offset, count, entry_size: raw.entry_size.get() })
    }
}
