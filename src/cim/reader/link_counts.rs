//! How many names a file has.

use std::collections::HashMap;

use super::Image;
use crate::cim::error::{CimError, Place};
use crate::cim::files;
use crate::cim::format::{LinkCountEntry, RawLinkCountHeader};
use crate::cim::io::Bytes;
use crate::cim::units::FileId;

/// The files of an image that have more than one name.
#[derive(Debug)]
pub enum LinkCounts {
    /// As the writer left them beside the image.
    Stored(Bytes),
    /// Counted by a walk, because another writer made the image.
    Counted(HashMap<FileId, u32>),
}

impl LinkCounts {
    /// Returns the number of names of a file that has any.
    pub fn get(&self, id: FileId) -> u32 {
        match self {
            Self::Stored(_) => {
                let entries = self.stored();
                let found = entries.binary_search_by_key(&id.raw(), |entry| entry.file.get());
                found.map_or(1, |index| entries[index].links.get())
            }
            Self::Counted(counts) => counts.get(&id).copied().unwrap_or(1),
        }
    }

    /// Returns all files with more than one name, sorted.
    pub fn entries(&self) -> Vec<(FileId, u32)> {
        match self {
            Self::Stored(_) => {
                let pairs = self.stored().iter();
                pairs.filter_map(|e| Some((FileId::from_raw(e.file.get())?, e.links.get()))).collect()
            }
            Self::Counted(counts) => {
                let mut pairs: Vec<_> = counts.iter().map(|(&id, &links)| (id, links)).collect();
                pairs.sort_unstable();
                pairs
            }
        }
    }

    fn stored(&self) -> &[LinkCountEntry] {
        match self {
            Self::Stored(bytes) => RawLinkCountHeader::parse(bytes.as_slice()).unwrap_or_default(),
            Self::Counted(_) => &[],
        }
    }
}

impl Image {
    /// Returns the link counts: those beside the image, or else counted by one walk over all directories.
    pub fn link_counts(&self) -> Result<&LinkCounts, CimError> {
        if let Some(counts) = self.link_counts.get() {
            return Ok(counts);
        }
        let counts = match self.stored_link_counts()? {
            Some(bytes) => LinkCounts::Stored(bytes),
            None => LinkCounts::Counted(self.count_links()?),
        };
        Ok(self.link_counts.get_or_init(|| counts))
    }

    fn stored_link_counts(&self) -> Result<Option<Bytes>, CimError> {
        let name = files::link_counts(self.header.own.guid);
        let bytes = match self.directory.open(&name) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CimError::io("open", self.directory.path().join(name), error)),
        };
        RawLinkCountHeader::parse(bytes.as_slice())
            .map_err(|fault| CimError::corrupt(Place { file: name, offset: 0 }, fault))?;
        Ok(Some(bytes))
    }

    fn count_links(&self) -> Result<HashMap<FileId, u32>, CimError> {
        let mut counts = HashMap::new();
        self.walk(|visit| {
            *counts.entry(visit.file.id).or_insert(0u32) += 1;
            Ok::<_, CimError>(())
        })?;
        counts.retain(|_, &mut links| links > 1);
        Ok(counts)
    }
}
