//! Why a change does not become a layer.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::cim::security::SecurityError;
use crate::cim::{CimError, ImagePath};
use crate::layer::hive::HiveError;
use crate::layer::pax::PaxError;

/// Why a change does not become a layer.
#[derive(Debug, Error)]
pub enum ExportError {
    /// An image cannot be read.
    #[error(transparent)]
    Image(#[from] CimError),
    /// A scratch directory cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// What was being read.
        path: PathBuf,
        /// What came of it.
        source: io::Error,
    },
    /// A layer cannot say what is there.
    #[error("cannot export {path:?}")]
    Entry {
        /// Where it is.
        path: String,
        /// What a layer cannot say.
        source: EntryError,
    },
    /// A part of the registry cannot be read.
    #[error("cannot compare the registry hive {path} with the parent's")]
    Hive {
        /// The hive.
        path: ImagePath,
        /// What is wrong with it, with the parent's, or with the changes between them.
        source: HiveError,
    },
    /// A part of the registry differs from the parent's in what no changes can say, such as the order of values.
    #[error("no changes to the parent's registry hive {0} make this one")]
    NoDelta(ImagePath),
    /// The system knows no overlays.
    #[error("cannot read {0} as an overlay: this system has none")]
    NoOverlays(PathBuf),
    /// The layer cannot be written.
    #[error("cannot write the layer")]
    Write(#[source] io::Error),
}

/// What a layer cannot say of a file.
#[derive(Debug, Error)]
pub enum EntryError {
    /// The file cannot be read.
    #[error(transparent)]
    Image(#[from] CimError),
    /// A record cannot be written.
    #[error(transparent)]
    Pax(#[from] PaxError),
    /// The name would delete another one.
    #[error("a layer takes names that begin with .wh. for whiteouts")]
    WhiteoutName,
    /// The name in the image stands for no name of Linux, or for one that another name stands for.
    #[error("the name stands for no name of Linux")]
    Name,
    /// Windows layers hold three directories.
    #[error("the path is in none of Files, Hives and UtilityVM/Files")]
    Outside,
    /// Windows layers delete only what is below two of them.
    #[error("a Windows layer deletes nothing outside of Files and UtilityVM/Files")]
    DeletedOutside,
    /// The other name of the file lies in another directory at the top of a Windows layer.
    #[error("a hard link must stay in Files or in UtilityVM/Files, but leads to {target:?}")]
    LinkAcross {
        /// The other name.
        target: String,
    },
    /// No layer has reparse points of this kind.
    #[error("reparse points with tag {0:#010x} have no place in a layer of this system")]
    Reparse(u32),
    /// A link is more than its text.
    #[error("the link cannot be made again from its text")]
    LinkText,
    /// A reparse point has data of its own, or files in it.
    #[error("a reparse point with data or with files in it has no place in a layer")]
    ReparseData,
    /// Linux has no alternate streams.
    #[error("alternate streams have no place in a layer of Linux")]
    Streams,
    /// An extended attribute has a name, a value or flags that a record cannot have.
    #[error("extended attribute {0:?} has no place in a layer of this system")]
    Ea(String),
    /// The security descriptor is malformed.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The number of a device does not fit.
    #[error("device number {major}:{minor} does not fit a tar header")]
    Device {
        /// Which driver.
        major: u32,
        /// Which of its devices.
        minor: u32,
    },
    /// The data is shorter than the file said.
    #[error("{missing} bytes of the data are missing")]
    Truncated {
        /// How many.
        missing: u64,
    },
    /// A scratch directory changed while it was read.
    #[error("somebody changed the file while it was read")]
    Changed,
    /// An overlay has a directory's data elsewhere.
    #[error("the overlay has renamed the directory in place (redirect_dir), so that it is not all here")]
    Redirect,
    /// An overlay has a file's data elsewhere.
    #[error("the overlay has only the metadata of the file here (metacopy)")]
    Metacopy,
}

impl ExportError {
    pub(super) fn entry(path: &[u8], source: impl Into<EntryError>) -> Self {
        Self::Entry { path: String::from_utf8_lossy(path).into_owned(), source: source.into() }
    }
}
