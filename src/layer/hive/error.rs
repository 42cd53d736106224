//! What can go wrong with a hive.
//!
//! [`HiveError`] is opaque; callers act on its [`HiveErrorKind`]. The reasons inside may grow without breaking anyone.

use std::io;

use thiserror::Error;

use super::format::BASE_BLOCK_LEN;

/// An error of reading, merging or writing a hive.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct HiveError(Box<Reason>);

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HiveErrorKind {
    /// The output could not be written.
    Io,
    /// The bytes of the file lie.
    Corrupt,
    /// The file was not shut down cleanly; its logs may repair it.
    Dirty,
    /// The bytes may be right, but this library does not know them.
    Unsupported,
    /// The caller's argument breaks a rule, or the tree does not fit a hive.
    InvalidInput,
}

#[derive(Debug, Error)]
enum Reason {
    #[error("cannot write the hive")]
    Io(#[source] io::Error),
    #[error("hive at {offset:#x}: {fault}")]
    Corrupt { offset: u64, fault: Fault },
    #[error("the hive is dirty: {0}")]
    Dirty(Dirt),
    #[error(transparent)]
    Unsupported(Unsupported),
    #[error(transparent)]
    Invalid(Invalid),
}

/// What is wrong at an offset.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Fault {
    #[error("{what} needs {need} bytes, but {have} are there")]
    Short { what: &'static str, need: u64, have: u64 },
    #[error("the magic of {0} is wrong")]
    Magic(&'static str),
    #[error("{field} is {found:#x}, not {expected:#x}")]
    Mismatch { field: &'static str, expected: u32, found: u32 },
    #[error("{field} is {found:#x}, which no valid file has")]
    BadValue { field: &'static str, found: u32 },
    #[error("no allocated cell starts here, or it is used twice")]
    NotAFreeToUseCell,
    #[error("keys are nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    #[error("two {0} of one key have the same name")]
    DuplicateName(&'static str),
    #[error("{what} has a name of {units} units")]
    NameLength { what: &'static str, units: usize },
    #[error("a 16-bit name has an odd length of {0} bytes")]
    OddName(u16),
    #[error("a key name holds a backslash")]
    Backslash,
}

/// Why a file is dirty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Dirt {
    #[error("its checksum is {found:#010x}, not {expected:#010x}")]
    Checksum { expected: u32, found: u32 },
    #[error("its sequence numbers are {primary} and {secondary}")]
    Sequence { primary: u32, secondary: u32 },
    #[error("the logs hold nothing that repairs it")]
    NoUsableLog,
}

/// What this library does not read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Unsupported {
    #[error("hive format {major}.{minor} is not supported")]
    Version { major: u32, minor: u32 },
    #[error("the file is not a primary hive but of type {file_type}, format {file_format}")]
    FileType { file_type: u32, file_format: u32 },
    #[error("a log of the old format cannot be replayed")]
    OldLog,
}

/// A rule that an argument breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Invalid {
    #[error("the base hive uses layered keys, so it is itself a delta")]
    LayeredBase,
    #[error("a key name of {units} units is not 1 to {max} units long")]
    KeyName { units: usize, max: usize },
    #[error("a key name holds a backslash")]
    Backslash,
    #[error("a value name of {units} units is longer than {max}")]
    ValueName { units: usize, max: usize },
    #[error("a value is a tombstone but has data")]
    TombstoneData,
    #[error("key {0} exists already")]
    KeyExists(String),
    #[error("keys are nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    #[error("key {0} has no security descriptor")]
    NoSecurity(String),
    #[error("{what} of {len} bytes does not fit a hive")]
    TooLong { what: &'static str, len: usize },
    #[error("the hive would grow past 2 GiB")]
    TooLarge,
    #[error("the source changed while it was written")]
    SourceChanged,
}

impl HiveError {
    /// Returns what a caller can act on.
    pub fn kind(&self) -> HiveErrorKind {
        match &*self.0 {
            Reason::Io(_) => HiveErrorKind::Io,
            Reason::Corrupt { .. } => HiveErrorKind::Corrupt,
            Reason::Dirty(_) => HiveErrorKind::Dirty,
            Reason::Unsupported(_) => HiveErrorKind::Unsupported,
            Reason::Invalid(_) => HiveErrorKind::InvalidInput,
        }
    }

    /// Reports wrong bytes at an offset of the file.
    pub(super) fn in_file(offset: usize, fault: Fault) -> Self {
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        Self(Box::new(Reason::Corrupt { offset, fault }))
    }

    /// Reports wrong bytes in the cell at an offset.
    pub(super) fn in_cell(cell: u32, fault: Fault) -> Self {
        let offset = usize::try_from(cell).unwrap_or(usize::MAX).saturating_add(BASE_BLOCK_LEN);
        Self::in_file(offset, fault)
    }
}

macro_rules! reasons {
    ($($reason:ty => $variant:ident),* $(,)?) => {
        $(impl From<$reason> for HiveError {
            fn from(reason: $reason) -> Self {
                Self(Box::new(Reason::$variant(reason)))
            }
        })*
    };
}
reasons!(io::Error => Io, Dirt => Dirty, Unsupported => Unsupported, Invalid => Invalid);
