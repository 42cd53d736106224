//! Numbers of a structure that may end anywhere, and how they are shown.

use std::fmt;

use crate::cim::units::RegionOffset;

/// Bytes of a dump in hexadecimal that are shown.
const MAX_HEX: usize = 64;

/// A structure. Fields beyond its end are absent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// Returns `len` bytes at an offset.
    pub(super) fn bytes(self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(len)?)
    }

    /// Returns the bytes from an offset on.
    pub(super) fn rest(self, at: usize) -> &'a [u8] {
        self.0.get(at..).unwrap_or_default()
    }

    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes(at, N)?.try_into().ok()
    }

    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, at: usize) -> Option<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(super) fn offset(self, at: usize) -> Option<RegionOffset> {
        self.u64(at).map(RegionOffset::from_raw)
    }
}

/// Shows a number in decimal, `-` where the field is absent.
pub(super) fn number(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Shows a number in hexadecimal with all its digits, `-` where the field is absent.
pub(super) fn hex<T: fmt::LowerHex>(value: Option<T>) -> String {
    let width = 2 + 2 * size_of::<T>();
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:#0width$x}"))
}

/// Shows a region offset as `REGION:BYTE`, and `null` for 0.
pub(super) fn place(offset: RegionOffset) -> String {
    if offset.is_null() {
        return "null".to_owned();
    }
    format!("{}:{:#x}", offset.region(), offset.byte())
}

/// Shows a region offset, `-` where the field is absent.
pub(super) fn optional_place(offset: Option<RegionOffset>) -> String {
    offset.map_or_else(|| "-".to_owned(), place)
}

/// Shows the front of some bytes as hexadecimal digits.
pub(super) fn dump(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(MAX_HEX)];
    let mut text: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    if shown.len() < bytes.len() {
        text.push_str("...");
    }
    text
}

/// Returns a length as the format counts.
pub(super) fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
