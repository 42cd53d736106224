//! What a caller says of a file, and what of it lies in a record.

use crate::cim::ea;
use crate::cim::error::{CimError, InvalidInput};
use crate::cim::format::{Attributes, RecordFlags};
use crate::cim::reparse::{Reparse, Tag};
use crate::cim::security;
use crate::cim::units::{FileTime, RegionOffset};

/// Everything about a file but its name and data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metadata<'a> {
    /// Attributes; the directory bit says what is made, the reparse bit follows from `reparse`.
    pub attributes: Attributes,
    /// When the file was created.
    pub creation_time: FileTime,
    /// When the data was last written.
    pub last_write_time: FileTime,
    /// When anything was last changed.
    pub change_time: FileTime,
    /// When the file was last read.
    pub last_access_time: FileTime,
    /// Security descriptor, self-relative; empty for none.
    pub security: &'a [u8],
    /// A FILE_FULL_EA_INFORMATION list; empty for none.
    pub eas: &'a [u8],
    /// A whole REPARSE_DATA_BUFFER, tag included; empty for all but reparse points.
    pub reparse: &'a [u8],
}

/// What only the check of metadata finds out.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckedMetadata {
    pub(super) ea_len: u16,
    pub(super) reparse_tag: u32,
}

/// What a record keeps of a file's metadata, with the objects written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cim) struct LeafRecord {
    pub(in crate::cim) flags: RecordFlags,
    /// Creation, last write, change, last access.
    pub(in crate::cim) times: [FileTime; 4],
    pub(in crate::cim) security: RegionOffset,
    pub(in crate::cim) eas: RegionOffset,
    pub(in crate::cim) ea_len: u16,
    pub(in crate::cim) reparse: RegionOffset,
    pub(in crate::cim) reparse_tag: u32,
}

impl LeafRecord {
    /// Returns whether this is a symlink or a junction.
    pub(super) fn is_link(&self) -> bool {
        !self.reparse.is_null() && Tag(self.reparse_tag).is_name_surrogate()
    }
}

impl<'a> Metadata<'a> {
    /// Metadata of a directory, with all times zero.
    pub fn directory() -> Self {
        Self { attributes: Attributes::DIRECTORY, ..Self::default() }
    }

    /// The same metadata with all four times set to one.
    pub fn with_time(self, time: FileTime) -> Self {
        Self { creation_time: time, last_write_time: time, change_time: time, last_access_time: time, ..self }
    }

    /// Returns whether this describes a directory.
    pub fn is_directory(&self) -> bool {
        self.attributes.contains(Attributes::DIRECTORY)
    }

    /// Checks what is there. Nothing at all is fine too: a caller may have no security descriptor to give.
    pub(super) fn check(&self) -> Result<CheckedMetadata, CimError> {
        if !self.security.is_empty() {
            security::check(self.security).map_err(InvalidInput::Security)?;
        }
        if !self.eas.is_empty() {
            ea::check(self.eas).map_err(InvalidInput::Eas)?;
        }
        let reparse_tag = match self.reparse {
            [] => 0,
            bytes => Reparse::parse(bytes).map_err(InvalidInput::Reparse)?.tag().0,
        };
        let ea_len = u16::try_from(self.eas.len()).expect("a list that was checked has at most 65,535 bytes");
        Ok(CheckedMetadata { ea_len, reparse_tag })
    }
}
