//! The system that a layer is for, and where its rules are.

use std::fmt;
use std::str::FromStr;

use super::error::NameError;
use super::place::Place;
use super::{linux, windows};
use crate::cim::{CaseRule, FileTime, Guid, ImagePath};
use crate::layer::digest::Digest;
use crate::layer::metadata::{FileMetadata, Member, MetadataError};
use crate::layer::tar::Entry;
use crate::layer::{linux as linux_layer, windows as windows_layer};

/// The system that a layer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerOs {
    /// Windows.
    Windows,
    /// Linux.
    Linux,
}

impl LayerOs {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Windows, Self::Linux];

    /// Returns the word for this system, as an image's platform has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "windows",
            Self::Linux => "linux",
        }
    }

    /// Names the layer set of a layer.
    ///
    /// A layer may mean something to both systems, as one without entries does, but not the same. The halves of a
    /// digest are as good as random, so each system takes one of them.
    pub fn set_id(self, diff_id: &Digest) -> Guid {
        let mut bytes = [0; 16];
        let (first, second) = diff_id.as_bytes().split_at(bytes.len());
        bytes.copy_from_slice(match self {
            Self::Windows => first,
            Self::Linux => second,
        });
        Guid::from_content(bytes)
    }

    /// Tells by the first entry of a layer: Windows has three directories at the top, and nothing beside them.
    pub(super) fn of_entry(first: &Entry) -> Self {
        let mut names = first.path.split(|byte| matches!(byte, b'/' | b'\\'));
        let top = names.find(|name| !matches!(*name, b"" | b"."));
        match top {
            Some(b"Files" | b"Hives" | b"UtilityVM") => Self::Windows,
            _ => Self::Linux,
        }
    }

    /// Returns how names compare.
    pub(super) fn case(self) -> CaseRule {
        match self {
            Self::Windows => CaseRule::Fold,
            Self::Linux => CaseRule::Distinguish,
        }
    }

    /// Returns what the name of an entry asks for.
    pub(super) fn place(self, name: &[u8]) -> Result<Place, NameError> {
        match self {
            Self::Windows => windows::place(name),
            Self::Linux => linux::place(name),
        }
    }

    /// Returns the path that a hard link leads to.
    pub(super) fn target(self, new: &ImagePath, link: &[u8]) -> Result<ImagePath, NameError> {
        match self {
            Self::Windows => windows::target(new, link),
            Self::Linux => linux::target(link),
        }
    }

    /// Reads what an entry says of the file that it becomes.
    pub(super) fn metadata(self, member: &Member<'_>) -> Result<FileMetadata, MetadataError> {
        match self {
            Self::Windows => windows_layer::metadata::read(member, Default::default()),
            Self::Linux => linux_layer::metadata::read(member),
        }
    }

    /// Describes a directory that no entry names.
    pub(super) fn implied_directory(self, time: FileTime) -> FileMetadata {
        match self {
            Self::Windows => windows_layer::metadata::implied_directory(time),
            Self::Linux => linux_layer::metadata::implied_directory(time),
        }
    }
}

impl fmt::Display for LayerOs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no [`LayerOs`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither windows nor linux")]
pub struct UnknownOs(String);

impl FromStr for LayerOs {
    type Err = UnknownOs;

    fn from_str(word: &str) -> Result<Self, UnknownOs> {
        let all = [Self::Windows, Self::Linux];
        all.into_iter().find(|os| os.as_str() == word).ok_or_else(|| UnknownOs(word.to_owned()))
    }
}
