//! Why a layer is not imported.

use thiserror::Error;

use crate::cim::{CimError, ErrorKind};
use crate::layer::metadata::MetadataError;
use crate::layer::stream::StreamError;
use crate::layer::tar::TarError;

/// Why a layer is not imported.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The blob is not what it should be.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The tar stream is malformed.
    #[error(transparent)]
    Tar(TarError),
    /// An entry cannot become what it is to become.
    #[error("cannot import {path:?}")]
    Entry {
        /// The entry, as the layer names it.
        path: String,
        /// What is wrong with it.
        source: EntryError,
    },
    /// Hard links of a layer lead to each other, and to no file.
    #[error("hard link {link:?} to {target:?} leads back to itself")]
    LinkCycle {
        /// One of the hard links.
        link: String,
        /// The target of that hard link.
        target: String,
    },
    /// The layer is larger than it may be.
    #[error("the layer has more than {limit} {what}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// The layer cannot be written.
    #[error(transparent)]
    Write(#[from] CimError),
}

/// What is wrong with an entry.
#[derive(Debug, Error)]
pub enum EntryError {
    /// Its name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The path that a hard link leads to breaks a rule.
    #[error("the hard link leads to {target:?}")]
    Target {
        /// Where it leads.
        target: String,
        /// What is wrong there.
        source: NameError,
    },
    /// Its metadata cannot be in an image.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] CimError),
}

/// A rule that the name of an entry breaks.
#[derive(Debug, Error)]
pub enum NameError {
    /// It is no path of an image.
    #[error(transparent)]
    Path(#[from] CimError),
    /// It holds a NUL.
    #[error("the name holds a NUL")]
    Nul,
    /// It is longer than any file system of Linux lets a name be.
    #[error("a name of {len} bytes is longer than 255, the limit of Linux")]
    TooLong {
        /// Length in bytes.
        len: usize,
    },
    /// A whiteout of nothing, or of what is no name.
    #[error("the whiteout names nothing that could be deleted")]
    EmptyWhiteout,
    /// A name that only a whiteout has stands in the middle of a path.
    #[error("a whiteout is no directory")]
    WhiteoutDirectory,
    /// A path of a Windows layer leads upwards.
    #[error("the path leads upwards")]
    Upwards,
    /// A path of a Windows layer is in none of its directories.
    #[error("the path is in none of Files, Hives and UtilityVM/Files")]
    Outside,
    /// A whiteout of what every Windows layer has.
    #[error("a whiteout must be below Files or UtilityVM/Files")]
    WhiteoutOfRoot,
    /// A stream that does not follow the file that it belongs to.
    #[error("an alternate stream must follow its file")]
    LoneStream,
    /// A stream of another type than data, or the unnamed one.
    #[error("the alternate stream is of no type that a layer can hold")]
    StreamType,
    /// A hard link from one tree of a Windows layer to the other.
    #[error("a hard link must stay in Files or in UtilityVM/Files")]
    LinkAcross,
}

impl ImportError {
    pub(super) fn entry(path: &[u8], source: impl Into<EntryError>) -> Self {
        Self::Entry { path: shown(path), source: source.into() }
    }
}

/// Returns a name for a message. It may be of any length and hold anything.
pub(super) fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 512;
    String::from_utf8_lossy(name.get(..LONGEST).unwrap_or(name)).into_owned()
}

impl ImportError {
    /// Returns whether the content of the layer is at fault, rather than its stream or the disk that the layer is written to.
    pub(super) fn is_of_content(&self) -> bool {
        let is_of_disk = |error: &CimError| {
            matches!(error.kind(), ErrorKind::Io | ErrorKind::NoSpace | ErrorKind::AccessDenied)
        };
        match self {
            Self::Stream(_) | Self::Tar(TarError::Read(_)) => false,
            Self::Write(error) | Self::Entry { source: EntryError::Write(error), .. } => !is_of_disk(error),
            Self::Tar(_) | Self::Entry { .. } | Self::LinkCycle { .. } | Self::TooMuch { .. } => true,
        }
    }
}

impl From<TarError> for ImportError {
    /// An error of the stream below is the stream's own.
    fn from(error: TarError) -> Self {
        match &error {
            TarError::Read(io) => StreamError::from_io(io).cloned().map_or(Self::Tar(error), Self::Stream),
            _ => Self::Tar(error),
        }
    }
}
