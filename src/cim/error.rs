//! What can go wrong with an image.
//!
//! [`CimError`] is opaque; callers act on its [`ErrorKind`]. The reasons inside may grow without breaking anyone.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::ea::EaError;
use super::format::Version;
use super::reader::Feature;
use super::reparse::ReparseError;
use super::security::SecurityError;

/// An error of the image library.
#[derive(Debug, Error)]
#[error(transparent)]
pub struct CimError(Box<Reason>);

/// What a caller can act on. Each kind stands for one answer of the CimFS API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused or failed.
    Io,
    /// The disk is full.
    NoSpace,
    /// Access is denied, or the operation is not allowed on this kind of item.
    AccessDenied,
    /// The bytes of the image lie.
    Corrupt,
    /// The bytes may be right, but this library does not know them; or the request is for something it lacks.
    Unsupported,
    /// The caller's argument breaks a rule.
    InvalidInput,
    /// An image does not exist.
    ImageNotFound,
    /// A directory or an item in an image does not exist.
    PathNotFound,
    /// An image of that name exists.
    AlreadyExists,
    /// Somebody else holds what is needed: another writer, an open stream, a mount.
    Conflict,
    /// More was written than a stream was declared to hold.
    BeyondEnd,
}

#[derive(Debug, Error)]
enum Reason {
    #[error("cannot {action} {}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(transparent)]
    Corrupt(Corruption),
    #[error(transparent)]
    Unsupported(Unsupported),
    #[error(transparent)]
    InvalidInput(InvalidInput),
    #[error(transparent)]
    NotFound(NotFound),
    #[error(transparent)]
    Conflict(Conflict),
    #[error("image {} exists already", .0.display())]
    ImageExists(PathBuf),
    #[error("cannot make hard link {link:?} to {target:?}")]
    HardLink { link: String, target: String, source: CimError },
    #[error("{0} is a directory, which cannot have hard links")]
    LinkToDirectory(String),
    #[error("{0} is a directory, which a hard link cannot replace")]
    LinkOverDirectory(String),
    #[error("write of {wanted} bytes at offset {at} passes the declared end of the stream at {declared}")]
    BeyondEnd { declared: u64, at: u64, wanted: u64 },
    #[error(transparent)]
    Foreign(Foreign),
}

/// An error of another library that writes images.
#[derive(Debug)]
struct Foreign {
    kind: ErrorKind,
    error: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl StdError for Foreign {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}

impl CimError {
    /// Returns what a caller can act on.
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Reason::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    ErrorKind::AccessDenied
                }
                _ => ErrorKind::Io,
            },
            Reason::Corrupt(_) => ErrorKind::Corrupt,
            Reason::Unsupported(_) => ErrorKind::Unsupported,
            Reason::InvalidInput(_) => ErrorKind::InvalidInput,
            Reason::NotFound(NotFound::Image(_)) => ErrorKind::ImageNotFound,
            Reason::NotFound(_) => ErrorKind::PathNotFound,
            Reason::Conflict(_) => ErrorKind::Conflict,
            Reason::ImageExists(_) => ErrorKind::AlreadyExists,
            Reason::LinkToDirectory(_) | Reason::LinkOverDirectory(_) => ErrorKind::AccessDenied,
            Reason::HardLink { source, .. } => source.kind(),
            Reason::BeyondEnd { .. } => ErrorKind::BeyondEnd,
            Reason::Foreign(Foreign { kind, .. }) => *kind,
        }
    }

    /// Returns where and why the bytes of an image lie, if that is the error.
    pub fn corruption(&self) -> Option<&Corruption> {
        match &*self.0 {
            Reason::Corrupt(corruption) => Some(corruption),
            _ => None,
        }
    }

    /// Returns whether a hard link was not made.
    pub fn is_of_hard_link(&self) -> bool {
        matches!(&*self.0, Reason::HardLink { .. })
    }

    /// Takes the same out of the error, or hands the error back.
    pub(crate) fn into_corruption(self) -> Result<Corruption, Self> {
        match *self.0 {
            Reason::Corrupt(corruption) => Ok(corruption),
            other => Err(Self(Box::new(other))),
        }
    }

    /// Wraps a failure of the operating system: `cannot {action} {path}`.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self(Box::new(Reason::Io { action, path: path.into(), source }))
    }

    pub(crate) fn corrupt(place: Place, fault: Fault) -> Self {
        Corruption { place, fault }.into()
    }

    /// Wraps an error of another library that writes images.
    pub(crate) fn foreign(kind: ErrorKind, error: impl StdError + Send + Sync + 'static) -> Self {
        Self(Box::new(Reason::Foreign(Foreign { kind, error: Box::new(error) })))
    }

    pub(crate) fn image_exists(path: impl Into<PathBuf>) -> Self {
        Self(Box::new(Reason::ImageExists(path.into())))
    }

    /// Wraps why a hard link was not made, unless the bytes of an image lie.
    pub(crate) fn hard_link(self, link: impl ToString, target: impl ToString) -> Self {
        match self.kind() {
            ErrorKind::Corrupt => self,
            _ => Self(Box::new(Reason::HardLink {
                link: link.to_string(),
                target: target.to_string(),
                source: self,
            })),
        }
    }

    pub(crate) fn link_to_directory(path: impl ToString) -> Self {
        Self(Box::new(Reason::LinkToDirectory(path.to_string())))
    }

    pub(crate) fn link_over_directory(path: impl ToString) -> Self {
        Self(Box::new(Reason::LinkOverDirectory(path.to_string())))
    }

    pub(crate) fn beyond_end(declared: u64, at: u64, wanted: u64) -> Self {
        Self(Box::new(Reason::BeyondEnd { declared, at, wanted }))
    }
}

macro_rules! reasons {
    ($($reason:ident => $variant:ident),* $(,)?) => {
        $(impl From<$reason> for CimError {
            fn from(reason: $reason) -> Self {
                Self(Box::new(Reason::$variant(reason)))
            }
        })*
    };
}
reasons!(
    Corruption => Corrupt,
    Unsupported => Unsupported,
    InvalidInput => InvalidInput,
    NotFound => NotFound,
    Conflict => Conflict,
);

/// Where bytes lie: a file of an image and an offset in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the file in the containing directory.
    pub file: String,
    /// Byte offset in that file.
    pub offset: u64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {:#x}", self.file, self.offset)
    }
}

/// Where and why the bytes of an image lie.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {fault}")]
pub struct Corruption {
    /// Where the wrong bytes are.
    pub place: Place,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with bytes. For people to read: the reasons may grow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each message says what its fields mean")]
pub enum Fault {
    #[error("{what} needs {need} bytes, but {have} are there")]
    Short { what: &'static str, need: u64, have: u64 },
    #[error("the magic is not cimfile0")]
    Magic,
    #[error("file type is {found}, not {expected}")]
    FileType { expected: u8, found: u8 },
    #[error("header length is {found}, not {expected}")]
    HeaderLength { expected: u64, found: u64 },
    #[error("{field} is {found}, not {expected}")]
    Mismatch { field: &'static str, expected: u64, found: u64 },
    #[error("{what} points to region {region}, but the image has {count} regions")]
    NoSuchRegion { what: &'static str, region: u16, count: usize },
    #[error("{what} is null")]
    Null { what: &'static str },
    #[error("{what} lies at {offset:#x}, which is not aligned to {align}")]
    Misaligned { what: &'static str, offset: u64, align: u64 },
    #[error("{what} lies in a region of type {found}")]
    WrongRegion { what: &'static str, found: u8 },
    #[error("file id {id} is beyond the last file table")]
    NoSuchFile { id: u32 },
    #[error("file id 0 is invalid")]
    ZeroFileId,
    #[error("file {id} is linked but its record is free")]
    FreeRecord { id: u32 },
    #[error("name {index} of a link table is not valid: {reason}")]
    BadName { index: u32, reason: String },
    #[error("name {index} of a link table is out of order")]
    Unsorted { index: u32 },
    #[error("name {index} of a link table is there twice")]
    DuplicateName { index: u32 },
    #[error("unknown stream type {0}")]
    StreamType(u8),
    #[error("unknown region type {0}")]
    RegionType(u8),
    #[error("{what} does not parse: {reason}")]
    Malformed { what: &'static str, reason: String },
    #[error(
        "the filesystem object has a file table directory of {found} tables, more than file ids can number"
    )]
    TooManyTables { found: u32 },
    #[error("directory {id} is reached twice")]
    Cycle { id: u32 },
    #[error("file {id} is in no directory")]
    Orphan { id: u32 },
    #[error("object digest does not match its bytes")]
    Digest,
    #[error("file {id} has {found} names, but {stored} are stored for it")]
    Links { id: u32, stored: usize, found: usize },
    #[error("digests are not computed as this library does: none can be compared")]
    ForeignDigests,
    #[error("the file does not exist")]
    Missing,
    #[error("it cannot be read: {reason}")]
    Unreadable { reason: String },
    #[error("the image lists {found} regions, more than offsets can tell apart")]
    TooManyRegions { found: usize },
    #[error("file {id} has the parent {parent}, which holds no name of it")]
    Parent { id: u32, parent: u32 },
    #[error("{what} overlaps {other}")]
    Overlap { what: &'static str, other: &'static str },
    #[error("{what} are longer in all than the regions that hold them")]
    Excess { what: &'static str },
    #[error("{0} is not known to this version; the file cannot be read")]
    Unknown(Feature),
    #[error("a path of {units} UTF-16 units is longer than 32767")]
    PathTooLong { units: usize },
}

macro_rules! malformed {
    ($($error:ident => $what:literal),* $(,)?) => {
        $(impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Malformed { what: $what, reason: error.to_string() }
            }
        })*
    };
}
malformed!(
    EaError => "a list of extended attributes",
    ReparseError => "reparse data",
    SecurityError => "a security descriptor",
);

/// What this library does not read or do.
#[derive(Clone, Debug, Error)]
pub(crate) enum Unsupported {
    #[error("{file} has format version {version}; only versions 1, 2 and 3 can be read")]
    Version { file: String, version: Version },
    #[error(
        "{image} has format version {version}, which is supported for reading only (experimental): \
         it can be neither forked nor extended"
    )]
    Experimental { image: String, version: Version },
    #[error("{file} cannot be read: {feature} is not known to this version")]
    Feature { file: String, feature: Feature },
}

/// A rule that a caller's argument breaks.
#[derive(Clone, Debug, Error)]
pub(crate) enum InvalidInput {
    #[error("a name is empty")]
    EmptyName,
    #[error("a name of {units} UTF-16 units is longer than 255")]
    NameTooLong { units: usize },
    #[error("a path of {units} UTF-16 units is longer than 32767")]
    PathTooLong { units: usize },
    #[error("the names . and .. are not allowed in an image path")]
    DotName,
    #[error("name {name:?} holds the unit {unit:#06x}, which Windows forbids")]
    ForbiddenUnit { name: String, unit: u16 },
    #[error("a name is not valid UTF-8")]
    NotUnicode,
    #[error("the root directory cannot be {0}")]
    Root(&'static str),
    #[error("a stream of {len} bytes is longer than 2^48 - 1")]
    StreamTooLong { len: u64 },
    #[error("an image name is needed")]
    NoImageName,
    #[error("image name {0:?} is not a plain file name")]
    ImageName(String),
    #[error(transparent)]
    Security(SecurityError),
    #[error(transparent)]
    Eas(EaError),
    #[error(transparent)]
    Reparse(ReparseError),
    #[error("{path} is to be a directory, which has no data")]
    DirectoryData { path: String },
    #[error("no stream is open")]
    NoStream,
    #[error("the image holds as many {what} as the format can number")]
    Full { what: &'static str },
    #[error("{0} is not a directory")]
    NotADirectory(String),
    #[error("{0} is a link to a directory: nothing can be in it")]
    LinkOnTheWay(String),
    #[error("{0} leads through too many symbolic links")]
    TooManyLinks(String),
}

/// Something that is not there.
#[derive(Clone, Debug, Error)]
pub(crate) enum NotFound {
    #[error("image {} does not exist", .0.display())]
    Image(PathBuf),
    #[error("directory {} does not exist", .0.display())]
    Directory(PathBuf),
    #[error("{0} does not exist in the image")]
    Path(String),
    #[error("stream {stream:?} of {path} does not exist in the image")]
    Stream { path: String, stream: String },
}

/// Something that is in use.
#[derive(Clone, Debug, Error)]
pub(crate) enum Conflict {
    #[error("another writer is at work in {}", .0.display())]
    Writer(PathBuf),
    #[error("{} is being written already", .0.display())]
    Claimed(PathBuf),
    #[error("a stream of the image is open")]
    StreamOpen,
    #[error("image {} is mounted", .0.display())]
    Mounted(PathBuf),
}

/// Writes an error with all its causes, on one line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
