//! The header of a region file (docs/format.md, "Region file").

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{CommonHeader, FileKind, Major, Version, front, size_of_u64};
use crate::cim::error::Fault;

/// The longest data that goes to the region of small data. Windows was seen to put 890 bytes there, but not 1046.
pub const SMALL_DATA_LIMIT: u64 = 1024;

/// What a region holds.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
    Unaligned,
)]
#[repr(transparent)]
pub struct RegionType(pub u8);

impl RegionType {
    /// Tables, directories, security descriptors, EAs, reparse data, PE descriptors, the upcase table.
    pub const METADATA: Self = Self(0);
    /// Data of large files.
    pub const DATA: Self = Self(1);
    /// Data of small files.
    pub const SMALL_DATA: Self = Self(2);

    /// Returns whether this library knows the type.
    pub fn is_known(self) -> bool {
        self <= Self::SMALL_DATA
    }

    /// Returns the alignment of objects.
    pub fn alignment(self) -> u64 {
        if self == Self::DATA { 4096 } else { 8 }
    }

    /// Returns what the length of a finished region file is a multiple of.
    pub fn end_alignment(self) -> u64 {
        if self == Self::DATA { 4096 } else { 1 }
    }

    /// Returns the kind of region that data of this length goes to.
    pub fn for_data(len: u64) -> Self {
        if len <= SMALL_DATA_LIMIT { Self::SMALL_DATA } else { Self::DATA }
    }
}

/// The header of a region file as it lies on disk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawRegionHeader {
    common: CommonHeader,
    index: U16,
    kind: RegionType,
    reserved1: u8,
    reserved2: U32,
}

const _: () = assert!(size_of::<RawRegionHeader>() == 40); // 32 + 2 + 1 + 1 + 4

/// A checked header of a region file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionHeader {
    /// Place of the region in its set as this library writes it. Windows writes 0: the file's name decides.
    pub index: u16,
    /// What the region holds: one of the known types, but for files of version 3.
    pub kind: RegionType,
}

impl RegionHeader {
    /// Length of the header.
    pub const LEN: u64 = size_of_u64::<RawRegionHeader>();

    /// Reads the front of a region file.
    pub fn parse(bytes: &[u8]) -> Result<(Version, Self), Fault> {
        let version = CommonHeader::check(bytes, FileKind::REGION, Self::LEN)?;
        let raw: &RawRegionHeader = front("the region header", bytes)?;
        if !raw.kind.is_known() && version.known() != Some(Major::V3) {
            return Err(Fault::RegionType(raw.kind.0));
        }
        Ok((version, Self { index: raw.index.get(), kind: raw.kind }))
    }

    /// Returns the bytes of the header.
    pub fn to_raw(self) -> RawRegionHeader {
        RawRegionHeader {
            common: CommonHeader::new(FileKind::REGION, 40),
            index: U16::new(self.index),
            kind: self.kind,
            reserved1: 0,
            reserved2: U32::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_back() {
        let header = RegionHeader { index: 7, kind: RegionType::SMALL_DATA };
        assert_eq!(RegionHeader::parse(header.to_raw().as_bytes()), Ok((Version::WRITTEN, header)));
        let unknown = RegionHeader { index: 0, kind: RegionType(9) };
        assert_eq!(RegionHeader::parse(unknown.to_raw().as_bytes()), Err(Fault::RegionType(9)));
    }
}
