//! The bytes of a hive file: magics, flags, and the structs of base block, bins, cells and log entries.
//!
//! All integers are little-endian. Cell offsets count from the end of the base block; [`NIL`] points nowhere.
//! Nothing here reads, checks or allocates.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// A cell offset that points nowhere.
pub(super) const NIL: u32 = 0xFFFF_FFFF;

/// Length of the base block, and so the file offset of the first bin.
pub(super) const BASE_BLOCK_LEN: usize = 4096;

/// Bins are multiples of this.
pub(super) const BIN_UNIT: u32 = 4096;

/// Cells are multiples of this, their size field included.
pub(super) const CELL_UNIT: u32 = 8;

/// Bytes of the size field that starts each cell.
pub(super) const CELL_SIZE_LEN: u32 = 4;

/// Where the first cell of a bin starts.
pub(super) const BIN_HEADER_LEN: u32 = 32;

/// Value data beyond this length is split into segments of this length (from minor version 4).
pub(super) const SEGMENT_LEN: usize = 16_344;

/// The first minor version that splits long value data.
pub(super) const BIG_DATA_MINOR: u32 = 4;

/// Bytes left free after each segment. A full segment has them anyway, since cells are multiples of eight; some
/// readers take them for granted and would lose the end of a last segment that fills its cell.
pub(super) const SEGMENT_SLACK: [u8; 4] = [0; 4];

/// Set in a data length: the data sits in the field of the data cell.
pub(super) const INLINE_DATA: u32 = 0x8000_0000;

/// The most children of one leaf; more are split under an index.
pub(super) const LEAF_MAX: usize = 507;

pub(super) const BASE_MAGIC: [u8; 4] = *b"regf";
pub(super) const BIN_MAGIC: [u8; 4] = *b"hbin";
pub(super) const KEY_MAGIC: [u8; 2] = *b"nk";
pub(super) const VALUE_MAGIC: [u8; 2] = *b"vk";
pub(super) const SECURITY_MAGIC: [u8; 2] = *b"sk";
pub(super) const BIG_DATA_MAGIC: [u8; 2] = *b"db";
pub(super) const PLAIN_LEAF: [u8; 2] = *b"li";
pub(super) const HINT_LEAF: [u8; 2] = *b"lf";
pub(super) const HASH_LEAF: [u8; 2] = *b"lh";
pub(super) const INDEX: [u8; 2] = *b"ri";
pub(super) const LOG_ENTRY_MAGIC: [u8; 4] = *b"HvLE";

/// File types of the base block.
pub(super) const TYPE_PRIMARY: u32 = 0;
pub(super) const TYPE_LOG: u32 = 6;

/// Base block flag: the hive uses layered keys.
pub(super) const HIVE_LAYERED: u32 = 0x2;

/// Key flags that only this module needs; those that outlive a file are in `KeyFlags`.
pub(super) const KEY_ROOT: u16 = 0x0004;
pub(super) const KEY_NO_DELETE: u16 = 0x0008;
pub(super) const KEY_LATIN_NAME: u16 = 0x0020;
pub(super) const KEY_PREDEFINED: u16 = 0x0040;

/// Value flags.
pub(super) const VALUE_LATIN_NAME: u16 = 0x0001;
pub(super) const VALUE_TOMBSTONE: u16 = 0x0002;

/// The used part of the base block; the rest of its 4,096 bytes is zero.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct BaseBlock {
    /// `regf`.
    pub(super) magic: [u8; 4],
    /// Raised before a write; unlike `secondary_sequence`, the hive is dirty.
    pub(super) primary_sequence: U32,
    /// Raised after a write.
    pub(super) secondary_sequence: U32,
    pub(super) last_written: U64,
    /// 1.
    pub(super) major: U32,
    /// 3 to 6.
    pub(super) minor: U32,
    pub(super) file_type: U32,
    /// 1.
    pub(super) file_format: U32,
    pub(super) root_cell: U32,
    /// Length of all bins.
    pub(super) bins_len: U32,
    /// 1.
    pub(super) clustering: U32,
    /// Tail of the file name, UTF-16.
    pub(super) file_name: [u8; 64],

    pub(super) rm_id: [u8; 16],
    pub(super) log_id: [u8; 16],
    pub(super) flags: U32,
    pub(super) tm_id: [u8; 16],
    pub(super) rm_magic: [u8; 4],
    pub(super) last_reorganized: U64,
    /// Name and version of the offline registry library, where that wrote the file.
    pub(super) offline_mark: [u8; 8],
    pub(super) reserved: [u8; 324],
    pub(super) checksum: U32,
}
// 12 u32 and u64 fields up to the name: 48; name 64; ids 32; flags 4; id 16; magic 4; time 8; mark 8; 324; 4.
const _: () = assert!(size_of::<BaseBlock>() == 48 + 64 + 32 + 4 + 16 + 4 + 8 + 8 + 324 + 4);
const _: () = assert!(size_of::<BaseBlock>() == 512);

impl BaseBlock {
    /// Folds everything before the checksum; 0 and 0xFFFFFFFF never occur as results.
    pub(super) fn computed_checksum(&self) -> u32 {
        let (words, _) = <[U32]>::ref_from_prefix(self.as_bytes()).unwrap_or((&[], &[]));
        let covered = words.split_last().map_or(words, |(_, covered)| covered);
        match covered.iter().fold(0, |sum, word| sum ^ word.get()) {
            0 => 1,
            0xFFFF_FFFF => 0xFFFF_FFFE,
            sum => sum,
        }
    }
}

/// Starts each bin.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct BinHeader {
    /// `hbin`.
    pub(super) magic: [u8; 4],
    /// Offset of this bin, counted as cell offsets are.
    pub(super) offset: U32,
    pub(super) size: U32,
    pub(super) reserved: [u8; 8],
    pub(super) last_written: U64,
    pub(super) spare: U32,
}
const _: () = assert!(size_of::<BinHeader>() == 4 + 4 + 4 + 8 + 8 + 4);

/// A key; the name follows.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct KeyNode {
    /// `nk`.
    pub(super) magic: [u8; 2],
    pub(super) flags: U16,
    pub(super) last_written: U64,
    pub(super) access_bits: u8,
    /// How the key combines with the key below it.
    pub(super) layer: u8,
    pub(super) spare: U16,

    /// Meaningless in the root.
    pub(super) parent: U32,
    pub(super) subkey_count: U32,
    /// Meaningless on disk, like `volatile_list`.
    pub(super) volatile_count: U32,
    pub(super) subkey_list: U32,

    pub(super) volatile_list: U32,
    /// A handle, not a count, where the key is predefined.
    pub(super) value_count: U32,
    pub(super) value_list: U32,
    pub(super) security: U32,

    pub(super) class: U32,
    /// In bytes as UTF-16, like the other name lengths here.
    pub(super) longest_subkey_name: U16,
    /// Virtualisation control in the low nibble, user flags in the high one.
    pub(super) user_flags: u8,
    pub(super) debug: u8,
    pub(super) longest_subkey_class: U32,
    pub(super) longest_value_name: U32,

    pub(super) largest_value_data: U32,
    pub(super) work: U32,
    pub(super) name_len: U16,
    pub(super) class_len: U16,
}
const _: () = assert!(size_of::<KeyNode>() == 16 + 16 + 16 + 16 + 12);

/// A value; the name follows.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ValueNode {
    /// `vk`.
    pub(super) magic: [u8; 2],
    pub(super) name_len: U16,
    pub(super) data_len: U32,
    /// A cell offset, or up to four bytes of data.
    pub(super) data: [u8; 4],
    pub(super) kind: U32,
    pub(super) flags: U16,
    pub(super) spare: U16,
}
const _: () = assert!(size_of::<ValueNode>() == 2 + 2 + 4 + 4 + 4 + 2 + 2);

/// A security descriptor shared by keys; the descriptor follows.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct SecurityNode {
    /// `sk`.
    pub(super) magic: [u8; 2],
    pub(super) reserved: U16,
    pub(super) next: U32,
    pub(super) previous: U32,
    /// Keys that point here.
    pub(super) references: U32,
    pub(super) len: U32,
}
const _: () = assert!(size_of::<SecurityNode>() == 2 + 2 + 4 + 4 + 4 + 4);

/// Starts a list of subkeys, or of such lists.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ListHeader {
    pub(super) magic: [u8; 2],
    pub(super) count: U16,
}
const _: () = assert!(size_of::<ListHeader>() == 2 + 2);

/// A child in a leaf with hints or hashes.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct HashedChild {
    pub(super) cell: U32,
    pub(super) hash: U32,
}
const _: () = assert!(size_of::<HashedChild>() == 4 + 4);

/// Value data in segments.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct BigData {
    /// `db`.
    pub(super) magic: [u8; 2],
    pub(super) count: U16,
    /// Cell of an array of segment cells.
    pub(super) list: U32,
}
const _: () = assert!(size_of::<BigData>() == 2 + 2 + 4);

/// An entry of a log file; [`PageRef`]s and then the pages follow.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct LogEntry {
    /// `HvLE`.
    pub(super) magic: [u8; 4],
    /// A multiple of 512.
    pub(super) size: U32,
    pub(super) flags: U32,
    pub(super) sequence: U32,
    /// Length of all bins once the entry is applied.
    pub(super) bins_len: U32,
    pub(super) page_count: U32,
    /// Over everything after this struct.
    pub(super) body_hash: U64,
    /// Over the fields above it.
    pub(super) header_hash: U64,
}
const _: () = assert!(size_of::<LogEntry>() == 6 * 4 + 2 * 8);

/// Where a page of a log entry belongs.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct PageRef {
    pub(super) offset: U32,
    pub(super) size: U32,
}
const _: () = assert!(size_of::<PageRef>() == 4 + 4);
