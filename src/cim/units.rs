//! Checked number types, so that a region offset is never taken for a file id or a length.

use std::fmt;

use super::error::{CimError, InvalidInput};

/// A place in a region set: region index in the upper 16 bits, byte offset in the lower 48. Zero is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionOffset(u64);

const OFFSET_BITS: u32 = 48;
const OFFSET_MASK: u64 = (1 << OFFSET_BITS) - 1;

impl RegionOffset {
    /// Points nowhere.
    pub const NULL: Self = Self(0);

    /// Takes the number as it lies on disk.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// Joins a region index and a byte offset in that region. `None` where the offset needs more than 48 bits.
    pub fn new(region: u16, byte: u64) -> Option<Self> {
        (byte <= OFFSET_MASK).then(|| Self((u64::from(region) << OFFSET_BITS) | byte))
    }

    /// Returns the number as it lies on disk.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Returns whether this points nowhere.
    pub const fn is_null(self) -> bool {
        self.0 == 0
    }

    /// Returns the index of the region file.
    pub fn region(self) -> u16 {
        u16::try_from(self.0 >> OFFSET_BITS).expect("16 bits are left")
    }

    /// Returns the offset in the region file.
    pub const fn byte(self) -> u64 {
        self.0 & OFFSET_MASK
    }

    /// Moves a set-local offset into an image in which the set's first region has the index `first`.
    pub fn relocate(self, first: u16) -> Option<Self> {
        if self.is_null() {
            return Some(self);
        }
        Self::new(self.region().checked_add(first)?, self.byte())
    }
}

impl fmt::Display for RegionOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_null() {
            return f.write_str("null");
        }
        write!(f, "region {} offset {:#x}", self.region(), self.byte())
    }
}

/// The number of a file in an image, from 1. Ids are dense: 1024 to a file table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(std::num::NonZeroU32);

impl FileId {
    /// Files in one file table.
    pub const PER_TABLE: u32 = 1024;

    /// The root directory of every image that this library writes.
    pub const ROOT: Self = Self(std::num::NonZeroU32::MIN);

    /// Takes the number as it lies on disk; `None` for 0, which is no file.
    pub fn from_raw(raw: u32) -> Option<Self> {
        std::num::NonZeroU32::new(raw).map(Self)
    }

    /// Returns the number as it lies on disk.
    pub const fn raw(self) -> u32 {
        self.0.get()
    }

    /// Returns the index of the file table that holds this file.
    pub fn table(self) -> usize {
        usize::try_from((self.raw() - 1) / Self::PER_TABLE).expect("a u32 fits a usize")
    }

    /// Returns the place of this file in its table.
    pub fn slot(self) -> usize {
        usize::try_from((self.raw() - 1) % Self::PER_TABLE).expect("a u32 fits a usize")
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The length of a stream in bytes: at most 48 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamLen(u64);

impl StreamLen {
    /// The longest stream.
    pub const MAX: Self = Self(OFFSET_MASK);

    /// Checks a length that comes from a caller.
    pub fn new(len: u64) -> Result<Self, CimError> {
        if len > OFFSET_MASK {
            return Err(InvalidInput::StreamTooLong { len }.into());
        }
        Ok(Self(len))
    }

    /// Returns the length in bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Takes the lower 48 bits of a number on disk.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & OFFSET_MASK)
    }
}

/// A point in time: 100 ns steps since 1601-01-01 UTC, as Windows counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(u64);

impl FileTime {
    /// 1970-01-01 UTC.
    pub const UNIX_EPOCH: Self = Self(116_444_736_000_000_000);

    const STEP_NANOS: i128 = 100;

    /// Takes the number as it lies on disk.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// Returns the number as it lies on disk.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The last time that there is, in the year 60,056.
    pub const MAX: Self = Self(u64::MAX);

    /// Converts nanoseconds since 1970, rounding down. Times before 1601 become 0, and those after [`MAX`](Self::MAX)
    /// become that.
    pub fn from_unix_nanos(nanos: i128) -> Self {
        Self::checked_from_unix_nanos(nanos).unwrap_or(if nanos < 0 { Self(0) } else { Self::MAX })
    }

    /// Converts nanoseconds since 1970, rounding down; `None` for times before 1601 and after [`MAX`](Self::MAX).
    pub fn checked_from_unix_nanos(nanos: i128) -> Option<Self> {
        let ticks = nanos.div_euclid(Self::STEP_NANOS).checked_add(i128::from(Self::UNIX_EPOCH.0))?;
        u64::try_from(ticks).ok().map(Self)
    }

    /// Converts to nanoseconds since 1970.
    pub fn unix_nanos(self) -> i128 {
        (i128::from(self.0) - i128::from(Self::UNIX_EPOCH.0)) * Self::STEP_NANOS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_offsets_keep_both_halves() {
        let place = RegionOffset::new(0xABCD, 0x1234_5678_9ABC).unwrap();
        assert_eq!((place.region(), place.byte()), (0xABCD, 0x1234_5678_9ABC));
        assert_eq!(RegionOffset::new(0, 1 << 48), None);
        assert_eq!(place.relocate(0xFFFF), None);
        assert_eq!(RegionOffset::NULL.relocate(7), Some(RegionOffset::NULL));
    }

    #[test]
    fn file_ids_count_from_one() {
        assert_eq!(FileId::from_raw(0), None);
        let id = FileId::from_raw(1025).unwrap();
        assert_eq!((id.table(), id.slot()), (1, 0));
        assert_eq!((FileId::ROOT.table(), FileId::ROOT.slot()), (0, 0));
    }

    #[test]
    fn times_convert_both_ways_and_clamp() {
        let nanos = 1_700_000_000_123_456_700;
        assert_eq!(FileTime::from_unix_nanos(nanos).unix_nanos(), nanos);
        assert_eq!(FileTime::from_unix_nanos(i128::MIN), FileTime::from_raw(0));
        assert_eq!(FileTime::from_unix_nanos(i128::MAX), FileTime::MAX);
        let (first, last) = (FileTime::from_raw(0).unix_nanos(), FileTime::MAX.unix_nanos());
        for (nanos, time) in
            [(first, Some(0)), (first - 1, None), (last + 99, Some(u64::MAX)), (last + 100, None)]
        {
            assert_eq!(FileTime::checked_from_unix_nanos(nanos).map(FileTime::raw), time, "{nanos}");
        }
    }

    #[test]
    fn times_round_down_on_both_sides_of_1970() {
        for (nanos, ticks) in
            [(0, 0), (99, 0), (100, 1), (-1, -1), (-100, -1), (-101, -2), (-1_500_000_000, -15_000_000)]
        {
            let time = FileTime::from_unix_nanos(nanos);
            assert_eq!(i128::from(time.raw()) - i128::from(FileTime::UNIX_EPOCH.raw()), ticks, "{nanos}");
        }
    }
}
