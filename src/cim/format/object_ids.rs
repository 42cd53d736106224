//! The object-id file of a region: digests, to find duplicates (docs/format.md, "Object-id file").

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{CommonHeader, FileKind, RegionType, Version, front, front_slice, size_of_u64};
use crate::cim::error::Fault;

/// Length of a digest: the front of a BLAKE3 hash.
pub const DIGEST_LEN: usize = 24;

/// The header of an object-id file as it lies on disk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawObjectIdHeader {
    common: CommonHeader,
    index: U16,
    kind: RegionType,
    reserved1: u8,
    reserved2: U32,
    table: U32,
    count: U32,
}

const _: () = assert!(size_of::<RawObjectIdHeader>() == 48); // 32 + 2 + 1 + 1 + 4 + 4 + 4

/// One object of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ObjectIdEntry {
    /// Length of the object.
    pub len: U64,
    /// Digest of the object.
    pub digest: [u8; DIGEST_LEN],
    /// Byte offset in the region file.
    pub offset: U64,
}

const _: () = assert!(size_of::<ObjectIdEntry>() == 40); // 8 + 24 + 8

impl ObjectIdEntry {
    /// Returns what entries are sorted by.
    pub fn key(&self) -> (u64, &[u8; DIGEST_LEN]) {
        (self.len.get(), &self.digest)
    }
}

/// A checked header of an object-id file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectIdHeader {
    /// Place of the region in its set.
    pub index: u16,
    /// What the region holds.
    pub kind: RegionType,
}

impl ObjectIdHeader {
    /// Reads an object-id file.
    pub fn parse(bytes: &[u8]) -> Result<(Version, Self, &[ObjectIdEntry]), Fault> {
        let version = CommonHeader::check(bytes, FileKind::OBJECT_ID, size_of_u64::<RawObjectIdHeader>())?;
        let raw: &RawObjectIdHeader = front("the object-id header", bytes)?;
        let at = u64::from(raw.table.get());
        let tail = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        let entries = front_slice("the object-id table", tail, u64::from(raw.count.get()))?;
        Ok((version, Self { index: raw.index.get(), kind: raw.kind }, entries))
    }

    /// Returns the bytes of the header of a file with `count` entries.
    pub fn to_raw(self, count: u32) -> RawObjectIdHeader {
        RawObjectIdHeader {
            common: CommonHeader::new(FileKind::OBJECT_ID, 48),
            index: U16::new(self.index),
            kind: self.kind,
            reserved1: 0,
            reserved2: U32::ZERO,
            table: U32::new(48),
            count: U32::new(count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_read_back_and_cuts_fail() {
        let header = ObjectIdHeader { index: 1, kind: RegionType::DATA };
        let entry = ObjectIdEntry { len: U64::new(5), digest: [7; DIGEST_LEN], offset: U64::new(4096) };
        let mut bytes = header.to_raw(2).as_bytes().to_vec();
        bytes.extend_from_slice([entry, entry].as_bytes());
        let (_, read, entries) = ObjectIdHeader::parse(&bytes).unwrap();
        assert_eq!((read, entries), (header, &[entry, entry][..]));
        for end in 0..bytes.len() {
            assert!(ObjectIdHeader::parse(&bytes[..end]).is_err(), "{end}");
        }
    }
}
