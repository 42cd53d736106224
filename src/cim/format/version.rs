//! Format versions (docs/format.md, "Versions").

use std::fmt;

/// A format version, as every file of an image states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Selects the layout; see [`Major`].
    pub major: u32,
    /// Never compared: no file with a minor version other than 0 is known.
    pub minor: u32,
}

/// A major version whose layout this library knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Major {
    /// Windows 10: file records end before the parent's id.
    V1,
    /// Server 2022 before its first updates, and this library.
    V2,
    /// Current Windows. Experimental: file records have a tail of unknown meaning.
    V3,
}

impl Version {
    /// The version that this library writes.
    pub const WRITTEN: Self = Self { major: 2, minor: 0 };

    /// Returns the layout; `None` for one that this library does not know.
    pub fn known(self) -> Option<Major> {
        match self.major {
            1 => Some(Major::V1),
            2 => Some(Major::V2),
            3 => Some(Major::V3),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Major {
    /// Returns the size of a file record as Windows writes it in this version.
    pub const fn record_len(self) -> u16 {
        match self {
            Self::V1 => 88,
            Self::V2 => 96,
            Self::V3 => 104,
        }
    }

    /// Returns whether parts of the layout are unknown: such images can be read, but neither forked nor extended.
    pub fn is_experimental(self) -> bool {
        self == Self::V3
    }
}
