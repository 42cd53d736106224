//! A PE image object: an executable whose sections lie page-aligned (docs/format.md, "PE image object").

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{front, front_slice, size_of_u64};
use crate::cim::error::Fault;
use crate::cim::units::{RegionOffset, StreamLen};

/// The fixed part of a PE image object as it lies on disk; the mappings follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawPeImage {
    /// Where the expanded data lies.
    pub data: U64,
    /// Length of the expanded data.
    pub data_len: U64,
    /// Length of the loaded image.
    pub image_len: U32,
    /// Number of mappings.
    pub mapping_count: U16,
    /// Bit 0: the image is valid.
    pub flags: U16,
}

const _: () = assert!(size_of::<RawPeImage>() == 24); // 8 + 8 + 4 + 2 + 2

/// From a file offset on, data lies this much further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct RawPeMapping {
    /// First file offset of the mapping.
    pub file_offset: U32,
    /// How much further than its file offset the data lies.
    pub delta: U32,
}

const _: () = assert!(size_of::<RawPeMapping>() == 8); // 4 + 4

/// A checked PE image object.
#[derive(Clone, Copy, Debug)]
pub struct PeImage<'a> {
    /// Where the expanded data lies.
    pub data: RegionOffset,
    /// Length of the expanded data.
    pub data_len: u64,
    /// Length of the loaded image.
    pub image_len: u32,
    /// Bit 0: the image is valid.
    pub flags: u16,
    /// Where the data lies, sorted by file offset.
    pub mappings: &'a [RawPeMapping],
}

/// A piece of a PE image that lies in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeRun {
    /// Where the run lies, from the start of the expanded data.
    pub at: u64,
    /// Its length.
    pub len: u64,
}

impl<'a> PeImage<'a> {
    /// Reads an object. Mappings must be sorted.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let raw: &RawPeImage = front("the PE image object", bytes)?;
        let tail = &bytes[size_of::<RawPeImage>()..];
        let mappings: &[RawPeMapping] =
            front_slice("the mappings of a PE image", tail, u64::from(raw.mapping_count.get()))?;
        if !mappings.is_sorted_by_key(|mapping| mapping.file_offset.get()) {
            let reason = "its mappings are not sorted".to_owned();
            return Err(Fault::Malformed { what: "the PE image object", reason });
        }
        Ok(Self {
            data: RegionOffset::from_raw(raw.data.get()),
            data_len: raw.data_len.get(),
            image_len: raw.image_len.get(),
            flags: raw.flags.get(),
            mappings,
        })
    }

    /// Returns the length of the object in bytes.
    pub fn bytes_len(&self) -> usize {
        size_of::<RawPeImage>() + size_of_val(self.mappings)
    }

    /// Returns the length of the object with `count` mappings.
    pub fn object_len(count: u16) -> u64 {
        size_of_u64::<RawPeImage>() + u64::from(count) * size_of_u64::<RawPeMapping>()
    }

    /// Returns the highest file offset that has a mapping.
    pub fn last_mapping(&self) -> Option<u64> {
        self.mappings.last().map(|mapping| u64::from(mapping.file_offset.get()))
    }

    /// Checks that every byte of a file of `len` bytes lies in the expanded data.
    pub fn check(&self, len: StreamLen) -> Result<(), Fault> {
        let (need, have) = (self.reach(len), self.data_len);
        if need > have { Err(Fault::Short { what: "the data of a PE image", need, have }) } else { Ok(()) }
    }

    /// Returns how far from the start of the expanded data the runs of a file of `len` bytes reach.
    pub fn reach(&self, len: StreamLen) -> u64 {
        let starts = self.mappings.iter().map(|mapping| u64::from(mapping.file_offset.get()));
        let runs = [0].into_iter().chain(starts).filter_map(|start| self.run(start, len));
        runs.map(|run| run.at + run.len).max().unwrap_or(0)
    }

    /// Returns the run that holds the byte at `offset` of a file of `len` bytes, from there on. `None` at the end of
    /// the file.
    pub fn run(&self, offset: u64, len: StreamLen) -> Option<PeRun> {
        let left = len.get().checked_sub(offset).filter(|&left| left > 0)?;
        let next = self.mappings.partition_point(|mapping| u64::from(mapping.file_offset.get()) <= offset);
        let delta = next.checked_sub(1).map_or(0, |last| u64::from(self.mappings[last].delta.get()));
        let to_next = self.mappings.get(next).map(|mapping| u64::from(mapping.file_offset.get()) - offset);
        Some(PeRun { at: offset + delta, len: to_next.map_or(left, |run| run.min(left)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_follow_the_last_mapping_not_above() {
        let mapping =
            |file_offset, delta| RawPeMapping { file_offset: U32::new(file_offset), delta: U32::new(delta) };
        let mappings = [mapping(0x400, 0xC00), mapping(0x600, 0x1A00)];
        let (data, data_len, image_len, flags) = (RegionOffset::NULL, 0x2100, 0x3000, 1);
        let image = PeImage { data, data_len, image_len, flags, mappings: &mappings };
        let (len, run) = (StreamLen::from_bits(0x700), |at, len| Some(PeRun { at, len }));
        assert_eq!(image.run(0, len), run(0, 0x400));
        assert_eq!(image.run(0x3FF, len), run(0x3FF, 1));
        assert_eq!(image.run(0x400, len), run(0x1000, 0x200));
        assert_eq!(image.run(0x6FF, len), run(0x20FF, 1));
        assert_eq!(image.run(0x700, len), None);
        assert_eq!(image.reach(len), 0x2100);
    }
}
