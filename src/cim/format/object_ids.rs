//! The object-id file of a region: digests, to find duplicates (docs/format.md, "Object-id file").

use sha2::{Digest, Sha512};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{CommonHeader, FileKind, RegionType, Version, front, front_slice, size_of_u64};
use crate::cim::error::Fault;

/// Length of a digest: the front of a longer hash.
pub const DIGEST_LEN: usize = 24;

/// How the digests of an object-id file are computed. The file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DigestKind {
    /// The front of a BLAKE3 hash: what this library looks duplicates up by.
    #[default]
    Blake3,
    /// What Windows computes: the front of a SHA-512 hash, or the object itself, followed by zeros, where that is no
    /// longer than a digest.
    Sha512,
}

impl DigestKind {
    /// Entries that are tried before a file counts as one of an unknown kind.
    const TRIED: usize = 16;

    /// Longer objects are not hashed only to find out the kind.
    const TRIED_LEN: u64 = 16 << 20;

    /// Returns the digest of an object.
    pub fn of(self, object: &[u8]) -> [u8; DIGEST_LEN] {
        let mut digest = [0; DIGEST_LEN];
        match self {
            Self::Blake3 => digest.copy_from_slice(&blake3::hash(object).as_bytes()[..DIGEST_LEN]),
            Self::Sha512 if object.len() <= DIGEST_LEN => digest[..object.len()].copy_from_slice(object),
            Self::Sha512 => digest.copy_from_slice(&Sha512::digest(object)[..DIGEST_LEN]),
        }
        digest
    }

    /// Finds out how the digests of a region's objects were computed, by its smallest objects. `None` where none of
    /// them has a digest of a known kind.
    pub fn recognize(entries: &[ObjectIdEntry], region: &[u8]) -> Option<Self> {
        let tried = entries.iter().filter(|entry| entry.len.get() <= Self::TRIED_LEN).take(Self::TRIED);
        tried.filter_map(|entry| Some((entry, entry.object(region)?))).find_map(|(entry, object)| {
            [Self::Blake3, Self::Sha512].into_iter().find(|kind| kind.of(object) == entry.digest)
        })
    }
}

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
    /// Returns the object; `None` where it does not lie in the region.
    fn object<'a>(&self, region: &'a [u8]) -> Option<&'a [u8]> {
        let tail = region.get(usize::try_from(self.offset.get()).ok()?..)?;
        tail.get(..usize::try_from(self.len.get()).ok()?)
    }

    /// Returns what entries are sorted by.
    pub fn key(&self) -> (u64, &[u8; DIGEST_LEN]) {
        (self.len.get(), &self.digest)
    }
}

/// A checked header of an object-id file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectIdHeader {
    /// Place of the region in its set as this library writes it. Windows writes 0: the file's name decides.
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
    fn digests_are_recognized_by_the_objects() {
        let region: Vec<u8> = (0..200).collect();
        for kind in [DigestKind::Blake3, DigestKind::Sha512] {
            for (offset, len) in [(40, 5), (48, 24), (80, 25), (100, 100)] {
                let object = &region[offset..offset + len];
                let entry = ObjectIdEntry {
                    len: U64::new(len as u64),
                    digest: kind.of(object),
                    offset: U64::new(offset as u64),
                };
                assert_eq!(DigestKind::recognize(&[entry], &region), Some(kind));
                let moved = ObjectIdEntry { offset: U64::new(offset as u64 + 1), ..entry };
                assert_eq!(DigestKind::recognize(&[moved], &region), None);
            }
        }
        let short = DigestKind::Sha512.of(b"itself");
        assert_eq!(short, *b"itself\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        // SHA-512 of "abc" repeated ten times, computed by another program.
        let long = DigestKind::Sha512.of(&b"abc".repeat(10));
        assert_eq!(long[..8], [0x0D, 0x74, 0x98, 0x46, 0x97, 0x00, 0x20, 0x47]);
    }

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
