//! Files of a layer that are needed once more before its end: an image cannot be read before it is whole.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cim::{CimError, Image, RegionOffset};
use crate::sys::{Map, temporary_file};

/// A copy of a file, on disk, that goes when this does.
#[derive(Debug)]
pub(super) struct Kept {
    directory: PathBuf,
    file: File,
    len: u64,
}

impl Kept {
    pub(super) fn new(directory: &Path) -> Result<Self, CimError> {
        let file =
            temporary_file(directory).map_err(|error| CimError::io("make a copy in", directory, error))?;
        Ok(Self { directory: directory.to_owned(), file, len: 0 })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        self.file.write_all(bytes).map_err(|error| self.error(error))?;
        self.len = self.len.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Says how long the file is in the end: what was not written of it is zeros.
    pub(super) fn set_len(&mut self, len: u64) -> Result<(), CimError> {
        self.file.set_len(len).map_err(|error| self.error(error))?;
        self.len = len;
        Ok(())
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Maps what was written.
    pub(super) fn contents(&self) -> Result<Contents, CimError> {
        if self.len == 0 {
            return Ok(Contents::Nothing);
        }
        Map::new(&self.file).map(Contents::Mapped).map_err(|error| self.error(error))
    }

    fn error(&self, error: io::Error) -> CimError {
        CimError::io("keep a copy in", &self.directory, error)
    }
}

/// The bytes of a file.
#[derive(Debug)]
pub enum Contents {
    /// There are none.
    Nothing,
    /// They lie in a file of their own.
    Mapped(Map),
    /// They lie in an image, in one piece.
    InImage {
        /// The image.
        image: Arc<Image>,
        /// Where they begin.
        offset: RegionOffset,
        /// How many they are.
        len: u64,
    },
}

impl AsRef<[u8]> for Contents {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Nothing => &[],
            Self::Mapped(map) => map.as_ref(),
            // Checked when this was made, and an image does not change.
            Self::InImage { image, offset, len } => {
                image.regions().object("the data of a file", *offset, *len).unwrap_or_default()
            }
        }
    }
}
