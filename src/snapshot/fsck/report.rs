//! What a check of the store has found.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::cim::Guid;
use crate::layer::digest::Digest;

/// Whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A snapshot, by key.
    Snapshot(String),
    /// An image, by chain.
    Image(Digest),
    /// A layer, by set.
    Layer(Guid),
    /// A file or directory that nobody has.
    Stray(PathBuf),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A file or directory does not exist.
    Missing(PathBuf),
    /// A file is not as long as it was.
    Size {
        /// The file.
        file: PathBuf,
        /// Its bytes, as they were.
        expected: u64,
        /// Its bytes.
        found: u64,
    },
    /// A file does not hold what it did.
    Changed(PathBuf),
    /// The image of a snapshot has no row.
    NoImage(Digest),
    /// The parent of an image has no row.
    NoParent(Digest),
    /// The layer of an image has no row.
    NoLayer(Guid),
    /// An image breaks rules of its format.
    Unsound {
        /// How many.
        errors: u64,
        /// One of them.
        first: String,
    },
    /// No row has this file, or directory.
    NoRow {
        /// Bytes of it.
        bytes: u64,
    },
    /// It is none that cimsnap makes.
    NotOurs {
        /// Bytes of it.
        bytes: u64,
    },
}

/// What can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It can be removed.
    Remove,
    /// The layer can be converted again.
    Convert,
    /// The image can be forked again.
    Fork,
    /// Nothing, other than getting the image anew.
    Pull(String),
    /// Nothing, other than removing the snapshot.
    RemoveSnapshot,
    /// Whoever has put it there should know.
    Look,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose fault it is.
    pub subject: Subject,
    /// What is wrong.
    pub fault: Fault,
    /// What can be done.
    pub remedy: Remedy,
    /// Whether that was done.
    pub repaired: bool,
}

/// What was looked at, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
    /// Snapshots that were looked at.
    pub snapshots: u64,
    /// Images that were looked at.
    pub images: u64,
    /// Layers that were looked at.
    pub layers: u64,
    /// Files that were looked at.
    pub files: u64,
    /// Bytes that were compared with the digest of their file.
    pub compared: u64,
    /// Files whose digest is not known yet.
    pub unverified: u64,
    /// Images of a format that only the native engine reads: their files were compared, their trees not looked at.
    pub unread: u64,
    /// Snapshots that still show what was there before a repair, until nobody uses them for a moment.
    pub restart: BTreeSet<String>,
}

impl Finding {
    pub(super) fn new(subject: Subject, fault: Fault, remedy: Remedy) -> Self {
        Self { subject, fault, remedy, repaired: false }
    }

    /// Returns whether something is wrong, and not only in the way.
    pub fn is_error(&self) -> bool {
        !matches!(self.fault, Fault::NoRow { .. } | Fault::NotOurs { .. })
    }
}

impl Report {
    /// Returns whether nothing is wrong, or not any more.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.repaired || !finding.is_error())
    }
}

impl Report {
    /// Returns whether a layer is still damaged.
    pub(super) fn is_damaged(&self, set: Guid) -> bool {
        self.findings.iter().any(|finding| !finding.repaired && finding.subject == Subject::Layer(set))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(key) => write!(f, "snapshot {key:?}"),
            Self::Image(chain) => write!(f, "image {chain}"),
            Self::Layer(set) => write!(f, "layer {set}"),
            Self::Stray(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{} is missing", path.display()),
            Self::Size { file, expected, found } => {
                write!(f, "{} has {found} bytes in place of {expected}", file.display())
            }
            Self::Changed(file) => write!(f, "{} is damaged", file.display()),
            Self::NoImage(chain) => write!(f, "nothing is known of its image {chain}"),
            Self::NoParent(chain) => write!(f, "nothing is known of its parent {chain}"),
            Self::NoLayer(set) => write!(f, "nothing is known of its layer {set}"),
            Self::Unsound { errors: 1, first } => write!(f, "it is not sound: {first}"),
            Self::Unsound { errors, first } => write!(f, "it is not sound ({errors} errors): {first}"),
            Self::NoRow { bytes } => write!(f, "nobody has it ({bytes} bytes)"),
            Self::NotOurs { bytes } => write!(f, "it is none of cimsnap's files ({bytes} bytes)"),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("remove it"),
            Self::Convert => f.write_str("convert the layer again"),
            Self::Fork => f.write_str("make the image again"),
            Self::Pull(why) => {
                write!(f, "remove the images that have it from containerd, and pull them again: {why}")
            }
            Self::RemoveSnapshot => f.write_str("remove the snapshot"),
            Self::Look => f.write_str("see who has put it there"),
        }
    }
}
