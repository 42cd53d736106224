//! The region files of an image, counted as region offsets count them.

use zerocopy::FromBytes;
use zerocopy::little_endian::U16;

use super::{Feature, size};
use crate::cim::error::{CimError, Fault, InvalidInput, Place, Unsupported};
use crate::cim::files;
use crate::cim::format::{Major, RegionHeader, RegionSet, RegionType};
use crate::cim::io::{Bytes, Directory};
use crate::cim::units::RegionOffset;

/// A mapped region file.
#[derive(Clone, Debug)]
pub struct Region {
    name: String,
    major: Major,
    kind: RegionType,
    bytes: Bytes,
}

impl Region {
    /// Opens region file `index` of a set.
    pub fn open(directory: &dyn Directory, set: RegionSet, index: u16) -> Result<Self, CimError> {
        let name = files::region(set.guid, index);
        let path = directory.path().join(&name);
        let bytes = directory.open(&name).map_err(|error| CimError::io("open", path, error))?;
        let corrupt = |fault| CimError::corrupt(Place { file: name.clone(), offset: 0 }, fault);
        let (version, header) = RegionHeader::parse(bytes.as_slice()).map_err(corrupt)?;
        let major = super::require_known(&name, version)?;
        // The name says which region this is: files of Windows all have index 0 in their headers.
        Ok(Self { name, major, kind: header.kind, bytes })
    }

    /// Returns the name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the format version of the file.
    pub fn major(&self) -> Major {
        self.major
    }

    /// Returns what the region holds.
    pub fn kind(&self) -> RegionType {
        self.kind
    }

    /// Returns the whole file.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }
}

/// All region files of an image: the parents' sets in their order, then the own set.
#[derive(Clone, Debug, Default)]
pub struct Regions {
    regions: Vec<Region>,
    is_experimental: bool,
}

impl Regions {
    /// Most regions that an offset can tell apart.
    pub const MAX: usize = 65_536;

    /// Opens the region files of all sets.
    pub fn open(directory: &dyn Directory, sets: impl Iterator<Item = RegionSet>) -> Result<Self, CimError> {
        let mut regions = Self::default();
        for set in sets {
            regions.add(directory, set)?;
        }
        Ok(regions)
    }

    /// Opens the region files of another set behind them.
    pub fn add(&mut self, directory: &dyn Directory, set: RegionSet) -> Result<(), CimError> {
        for index in 0..set.count {
            if self.regions.len() == Self::MAX {
                return Err(InvalidInput::Full { what: "regions" }.into());
            }
            let region = Region::open(directory, set, index)?;
            self.is_experimental |= region.major().is_experimental();
            self.regions.push(region);
        }
        Ok(())
    }

    /// Returns whether a region file has a version that is known in part.
    pub fn is_experimental(&self) -> bool {
        self.is_experimental
    }

    /// Yields the regions in order.
    pub fn iter(&self) -> impl Iterator<Item = &Region> {
        self.regions.iter()
    }

    /// Returns a region by its index.
    pub fn get(&self, index: u16) -> Option<&Region> {
        self.regions.get(usize::from(index))
    }

    /// Returns the number of regions.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Returns the length of all region files together.
    pub fn total_len(&self) -> u64 {
        let lens = self.regions.iter().map(|region| region.bytes().len());
        lens.fold(0, |sum, len| sum.saturating_add(u64::try_from(len).expect("a usize fits a u64")))
    }

    /// Returns whether there are no regions.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// Returns the region that an offset points into.
    pub fn region(&self, what: &'static str, offset: RegionOffset) -> Result<&Region, CimError> {
        let (region, count) = (offset.region(), self.regions.len());
        let missing = || self.corrupt(offset, Fault::NoSuchRegion { what, region, count });
        self.get(region).ok_or_else(missing)
    }

    /// Returns the bytes from an offset to the end of its region.
    pub fn tail(&self, what: &'static str, offset: RegionOffset) -> Result<&[u8], CimError> {
        if offset.byte() < RegionHeader::LEN {
            return Err(self.corrupt(offset, Fault::Null { what }));
        }
        let region = self.region(what, offset)?;
        if !region.kind().is_known() {
            let (file, feature) = (region.name.clone(), Feature::Region(region.kind().0));
            return Err(Unsupported::Feature { file, feature }.into());
        }
        let bytes = region.bytes();
        let tail = usize::try_from(offset.byte()).ok().and_then(|at| bytes.get(at..));
        tail.ok_or_else(|| self.corrupt(offset, Fault::Short { what, need: 1, have: 0 }))
    }

    /// Returns the `len` bytes at an offset. An object of no bytes may lie nowhere.
    pub fn object(&self, what: &'static str, offset: RegionOffset, len: u64) -> Result<&[u8], CimError> {
        if len == 0 {
            return Ok(&[]);
        }
        let tail = self.tail(what, offset)?;
        let object = usize::try_from(len).ok().and_then(|len| tail.get(..len));
        object.ok_or_else(|| {
            let have = u64::try_from(tail.len()).expect("a usize fits a u64");
            self.corrupt(offset, Fault::Short { what, need: len, have })
        })
    }

    /// Returns the bytes of an object that begins with its length; `None` where there is none.
    pub fn counted(&self, what: &'static str, offset: RegionOffset) -> Result<Option<&[u8]>, CimError> {
        if offset.is_null() {
            return Ok(None);
        }
        let len = self.object(what, offset, size::<U16>())?;
        let len = U16::read_from_bytes(len).expect("the object has the size that was asked for");
        let whole = self.object(what, offset, size::<U16>() + u64::from(len.get()))?;
        Ok(whole.get(size_of::<U16>()..))
    }

    /// Says that the bytes at an offset lie.
    pub fn corrupt(&self, offset: RegionOffset, fault: Fault) -> CimError {
        CimError::corrupt(self.place(offset), fault)
    }

    /// Names the file and offset for messages.
    pub fn place(&self, offset: RegionOffset) -> Place {
        let region = self.get(offset.region());
        let file = region.map_or_else(|| format!("region {}", offset.region()), |region| region.name.clone());
        Place { file, offset: offset.byte() }
    }
}
