//! What can be at a path.

use crate::cim::{Attributes, FileTime, Metadata};

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A reparse point.
    Link {
        /// Whether it stands for a directory.
        directory: bool,
        /// Its whole buffer; empty where nobody can tell.
        reparse: Box<[u8]>,
    },
}

impl Item {
    /// Returns whether this is a directory, or stands for one.
    pub fn is_directory(&self) -> bool {
        matches!(self, Self::Directory | Self::Link { directory: true, .. })
    }

    /// Returns what metadata makes of a path.
    pub(super) fn of(metadata: &Metadata<'_>) -> Self {
        match (metadata.reparse, metadata.is_directory()) {
            ([], true) => Self::Directory,
            ([], false) => Self::File,
            (reparse, directory) => Self::Link { directory, reparse: reparse.into() },
        }
    }
}

/// Metadata that outlives the call that brought it.
#[derive(Clone, Debug)]
pub(super) struct OwnedMetadata {
    attributes: Attributes,
    times: [FileTime; 4],
    security: Box<[u8]>,
    eas: Box<[u8]>,
    reparse: Box<[u8]>,
}

impl OwnedMetadata {
    pub(super) fn as_metadata(&self) -> Metadata<'_> {
        let [creation_time, last_write_time, change_time, last_access_time] = self.times;
        Metadata {
            attributes: self.attributes,
            creation_time,
            last_write_time,
            change_time,
            last_access_time,
            security: &self.security,
            eas: &self.eas,
            reparse: &self.reparse,
        }
    }

    /// Returns the memory that this takes.
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.security.len() + self.eas.len() + self.reparse.len()
    }
}

impl From<&Metadata<'_>> for OwnedMetadata {
    fn from(from: &Metadata<'_>) -> Self {
        Self {
            attributes: from.attributes,
            times: [from.creation_time, from.last_write_time, from.change_time, from.last_access_time],
            security: from.security.into(),
            eas: from.eas.into(),
            reparse: from.reparse.into(),
        }
    }
}
