//! A file record: everything about a file but its names (docs/format.md, "File record").

use bitflags::bitflags;
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::RawStream;

/// A file record as it lies on disk. Version 1 ends before `parent`; elsewhere a record whose parent is 0 is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawFileRecord {
    /// See [`RecordFlags`].
    pub flags: U16,
    /// Length of the EA buffer.
    pub ea_len: U16,
    /// Tag of the reparse data.
    pub reparse_tag: U32,

    /// When the file was created.
    pub creation_time: U64,
    /// When the data was last written.
    pub last_write_time: U64,
    /// When anything was last changed.
    pub change_time: U64,
    /// When the file was last read.
    pub last_access_time: U64,

    /// File data, or the link table of a directory.
    pub data: RawStream,

    /// Security descriptor: u16 length, then bytes.
    pub security: U64,
    /// EAs: raw bytes.
    pub eas: U64,
    /// Reparse data: u16 length, then bytes.
    pub reparse: U64,
    /// Alternate streams: a link table whose values are streams.
    pub streams: U64,

    /// Directory of the first name.
    pub parent: U32,
    /// Index of the first region that was new when the file was added.
    pub base_region: U16,
    /// Not judged.
    pub reserved: U16,
}

const _: () = assert!(size_of::<RawFileRecord>() == 96); // 2 + 2 + 4 + 4*8 + 16 + 4*8 + 4 + 2 + 2

bitflags! {
    /// The attribute bits that a file record keeps.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RecordFlags: u16 {
        /// Not to be written.
        const READ_ONLY = 1;
        /// Not shown by default.
        const HIDDEN = 2;
        /// Part of the operating system.
        const SYSTEM = 4;
        /// Changed since the last backup.
        const ARCHIVE = 8;
        /// Was sparse where it came from.
        const SPARSE = 16;
        /// Unknown bits are kept as they are.
        const _ = !0;
    }

    /// File attributes as Windows' API counts them.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Attributes: u32 {
        /// FILE_ATTRIBUTE_READONLY
        const READ_ONLY = 0x1;
        /// FILE_ATTRIBUTE_HIDDEN
        const HIDDEN = 0x2;
        /// FILE_ATTRIBUTE_SYSTEM
        const SYSTEM = 0x4;
        /// FILE_ATTRIBUTE_DIRECTORY
        const DIRECTORY = 0x10;
        /// FILE_ATTRIBUTE_ARCHIVE
        const ARCHIVE = 0x20;
        /// FILE_ATTRIBUTE_NORMAL: no other attribute is set
        const NORMAL = 0x80;
        /// FILE_ATTRIBUTE_SPARSE_FILE
        const SPARSE_FILE = 0x200;
        /// FILE_ATTRIBUTE_REPARSE_POINT
        const REPARSE_POINT = 0x400;
        /// Unknown bits are kept as they are.
        const _ = !0;
    }
}

/// The attributes that lie in a record, each with its flag there.
const PAIRS: [(Attributes, RecordFlags); 5] = [
    (Attributes::READ_ONLY, RecordFlags::READ_ONLY),
    (Attributes::HIDDEN, RecordFlags::HIDDEN),
    (Attributes::SYSTEM, RecordFlags::SYSTEM),
    (Attributes::ARCHIVE, RecordFlags::ARCHIVE),
    (Attributes::SPARSE_FILE, RecordFlags::SPARSE),
];

impl Attributes {
    /// Returns the flags that a record keeps of these attributes.
    pub fn record_flags(self) -> RecordFlags {
        let kept = PAIRS.into_iter().filter(|&(attribute, _)| self.contains(attribute));
        kept.fold(RecordFlags::empty(), |flags, (_, flag)| flags | flag)
    }
}

impl RecordFlags {
    /// The bits whose meaning is known.
    pub const KNOWN: Self = Self::from_bits_retain(0x1F);

    /// Returns the attributes that Windows shows for these flags on a file or directory.
    pub fn attributes(self, directory: bool, reparse_point: bool) -> Attributes {
        let mut shown = Attributes::empty();
        for (attribute, flag) in PAIRS {
            shown.set(attribute, self.contains(flag));
        }
        shown.set(Attributes::DIRECTORY, directory);
        shown.set(Attributes::REPARSE_POINT, reparse_point);
        if shown.is_empty() { Attributes::NORMAL } else { shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_survive_the_record() {
        let all = Attributes::READ_ONLY
            | Attributes::HIDDEN
            | Attributes::SYSTEM
            | Attributes::ARCHIVE
            | Attributes::SPARSE_FILE;
        assert_eq!(all.record_flags().bits(), 0x1F);
        assert_eq!(all.record_flags().attributes(true, true).bits(), 0x637);
        assert_eq!(RecordFlags::empty().attributes(false, false), Attributes::NORMAL);
        assert_eq!(RecordFlags::empty().attributes(true, false), Attributes::DIRECTORY);
    }
}
