//! What lies below a path of an overlay.

use crate::cim::reader::File;
use crate::cim::{CimError, Image};
use crate::layer::export::names;

/// What the image below an overlay has at a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lower {
    /// Nobody said which image it is.
    Unknown,
    /// Nothing, or nothing that shows.
    Absent,
    /// A file or directory.
    There(File),
}

impl Lower {
    pub(super) fn of_root(base: Option<&Image>) -> Result<Self, CimError> {
        base.map_or(Ok(Self::Unknown), |base| base.file(base.root()).map(Self::There))
    }

    /// Returns what a directory has by a name.
    pub(super) fn child(self, base: Option<&Image>, name: &[u8]) -> Result<Self, CimError> {
        let (Self::There(directory), Some(base)) = (self, base) else { return Ok(self) };
        let found = names::find_linux(base, &directory, name)?;
        found.map_or(Ok(Self::Absent), |id| base.file(id).map(Self::There))
    }

    /// Returns what shows through a directory of the overlay at this path: a file does not.
    pub(super) fn as_directory(self) -> Self {
        match self {
            Self::There(file) if !file.is_directory() => Self::Absent,
            other => other,
        }
    }

    pub(super) fn may_be_there(self) -> bool {
        !matches!(self, Self::Absent)
    }

    pub(super) fn may_be_directory(self) -> bool {
        self.as_directory().may_be_there()
    }
}
