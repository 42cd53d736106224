//! The `.cim` file: which region sets an image has and where its file system begins (docs/format.md, "Image file").

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{CommonHeader, FileKind, Guid, RawGuid, Version, front, front_slice, size_of_u64};
use crate::cim::error::Fault;
use crate::cim::units::RegionOffset;

/// A region set as it lies on disk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawRegionSet {
    guid: RawGuid,
    count: U16,
    reserved1: U16,
    reserved2: U32,
}

const _: () = assert!(size_of::<RawRegionSet>() == 24); // 16 + 2 + 2 + 4

/// A group of region files: `region_{guid}_0` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionSet {
    /// Names the files.
    pub guid: Guid,
    /// Number of region files.
    pub count: u16,
}

impl From<RawRegionSet> for RegionSet {
    fn from(raw: RawRegionSet) -> Self {
        Self { guid: raw.guid.into(), count: raw.count.get() }
    }
}

impl From<RegionSet> for RawRegionSet {
    fn from(set: RegionSet) -> Self {
        Self { guid: set.guid.into(), count: U16::new(set.count), reserved1: U16::ZERO, reserved2: U32::ZERO }
    }
}

/// The fixed part of the `.cim` file as it lies on disk; the parents' region sets follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawImageHeader {
    common: CommonHeader,
    own: RawRegionSet,
    filesystem: U64,
    reserved1: U32,
    reserved2: U16,
    parent_count: U16,
}

const _: () = assert!(size_of::<RawImageHeader>() == 72); // 32 + 24 + 8 + 4 + 2 + 2

/// A checked `.cim` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// The version of the image.
    pub version: Version,
    /// The region sets that the image inherits, in the order in which regions are counted.
    pub parents: Vec<RegionSet>,
    /// The region set that was written with this image; its regions are counted last.
    pub own: RegionSet,
    /// Where the filesystem object lies.
    pub filesystem: RegionOffset,
}

impl ImageHeader {
    /// Reads a whole `.cim` file. The header has the same layout in all known versions.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let version = CommonHeader::check(bytes, FileKind::IMAGE, size_of_u64::<RawImageHeader>())?;
        let raw: &RawImageHeader = front("the image header", bytes)?;
        let tail = &bytes[size_of::<RawImageHeader>()..];
        let parents: &[RawRegionSet] =
            front_slice("the list of parents", tail, u64::from(raw.parent_count.get()))?;
        Ok(Self {
            version,
            parents: parents.iter().map(|&set| set.into()).collect(),
            own: raw.own.into(),
            filesystem: RegionOffset::from_raw(raw.filesystem.get()),
        })
    }

    /// Returns the bytes of the `.cim` file, in the version that this library writes. `None` where the parents are
    /// more than a u16 counts.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let raw = RawImageHeader {
            common: CommonHeader::new(FileKind::IMAGE, 72),
            own: self.own.into(),
            filesystem: U64::new(self.filesystem.raw()),
            reserved1: U32::ZERO,
            reserved2: U16::ZERO,
            parent_count: U16::new(u16::try_from(self.parents.len()).ok()?),
        };
        let mut bytes = raw.as_bytes().to_vec();
        for &set in &self.parents {
            bytes.extend_from_slice(RawRegionSet::from(set).as_bytes());
        }
        Some(bytes)
    }

    /// Yields all region sets in the order in which their regions are counted.
    pub fn sets(&self) -> impl Iterator<Item = RegionSet> + '_ {
        self.parents.iter().copied().chain([self.own])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> ImageHeader {
        let set = |byte, count| RegionSet { guid: Guid::from_random([byte; 16]), count };
        ImageHeader {
            version: Version::WRITTEN,
            parents: vec![set(1, 3), set(2, 1)],
            own: set(3, 2),
            filesystem: RegionOffset::new(4, 0x1000).unwrap(),
        }
    }

    #[test]
    fn bytes_read_back() {
        let bytes = header().to_bytes().unwrap();
        assert_eq!(bytes.len(), 72 + 2 * 24);
        assert_eq!(ImageHeader::parse(&bytes), Ok(header()));
    }

    #[test]
    fn every_cut_is_an_error() {
        let bytes = header().to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(ImageHeader::parse(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn headers_of_all_known_versions_are_read() {
        for major in 1..=3 {
            let mut bytes = header().to_bytes().unwrap();
            bytes[16] = major;
            let version = ImageHeader::parse(&bytes).unwrap().version;
            assert_eq!((version.major, version.known().is_some()), (major.into(), true));
        }
    }

    #[test]
    fn reserved_fields_are_not_judged() {
        let mut bytes = header().to_bytes().unwrap();
        for at in [13, 14, 24, 31, 50, 52, 64, 68, 90, 92] {
            bytes[at] = 7;
        }
        assert_eq!(ImageHeader::parse(&bytes), Ok(header()));
    }
}
