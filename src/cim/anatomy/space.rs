//! The region files of an image, as far as they can be opened.

use std::io;

use super::headers::Header;
use crate::cim::files;
use crate::cim::format::Guid;
use crate::cim::io::{Bytes, Directory};
use crate::cim::reader::Regions;
use crate::cim::units::RegionOffset;

/// How often a byte may be looked into on average.
const READS: u64 = 8;

/// Work that costs nothing worth counting.
const FREE: u64 = 1 << 20;

/// All region files, counted as region offsets count them.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) files: Vec<RegionFile>,
    /// Whether the sets list more regions than offsets can tell apart.
    pub(super) is_cut: bool,
}

#[derive(Debug)]
pub(super) struct RegionFile {
    pub(super) guid: Guid,
    pub(super) index: u16,
    /// Whether the image brought the set along.
    pub(super) is_own: bool,
    pub(super) bytes: io::Result<Bytes>,
}

impl RegionFile {
    pub(super) fn name(&self) -> String {
        files::region(self.guid, self.index)
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.as_ref().map_or(&[], Bytes::as_slice)
    }

    /// Returns what the header says that the region holds.
    pub(super) fn kind(&self) -> Option<u8> {
        self.as_slice().get(34).copied()
    }
}

impl Space {
    /// Opens the region files that a header lists.
    pub(super) fn open(directory: &dyn Directory, header: &Header) -> Self {
        let mut files = Vec::new();
        let mut indexes = header.sets.iter().flat_map(|set| (0..set.count).map(move |index| (set, index)));
        for (set, index) in indexes.clone().take(Regions::MAX) {
            let bytes = directory.open(&files::region(set.guid, index));
            files.push(RegionFile { guid: set.guid, index, is_own: set.is_own, bytes });
        }
        Self { files, is_cut: indexes.nth(Regions::MAX).is_some() }
    }

    /// Returns how many bytes a dump may look into.
    pub(super) fn budget(&self) -> Option<u64> {
        let lens = self.files.iter().map(|file| u64::try_from(file.as_slice().len()).unwrap_or(u64::MAX));
        let total = lens.fold(0, u64::saturating_add);
        Some(total.saturating_mul(READS).saturating_add(FREE))
    }

    /// Returns the bytes from an offset to the end of its region, or why there are none.
    pub(super) fn tail(&self, offset: RegionOffset) -> Result<&[u8], String> {
        let file = self.files.get(usize::from(offset.region())).ok_or("there is no such region")?;
        if let Err(error) = &file.bytes {
            return Err(format!("its region cannot be read: {error}"));
        }
        let tail = usize::try_from(offset.byte()).ok().and_then(|at| file.as_slice().get(at..));
        tail.ok_or_else(|| format!("its region has {} bytes", file.as_slice().len()))
    }

    /// Returns the `len` bytes at an offset, or why they are not there.
    pub(super) fn object(&self, offset: RegionOffset, len: u64) -> Result<&[u8], String> {
        let tail = self.tail(offset)?;
        let object = usize::try_from(len).ok().and_then(|len| tail.get(..len));
        object.ok_or_else(|| format!("only {} bytes are there", tail.len()))
    }
}
