//! How many names a file has, and where; in which directory the first one is.

use std::collections::HashMap;

use super::{File, Image};
use crate::cim::error::{CimError, Place};
use crate::cim::files;
use crate::cim::format::{LinkEntry, RawLinksHeader};
use crate::cim::io::Bytes;
use crate::cim::units::FileId;

/// The names of the files of an image that have more than one.
#[derive(Debug)]
pub enum Links {
    /// As the writer left them beside the image.
    Stored(Bytes),
    /// Found by a walk, because another writer made the image. Sorted as they would be stored.
    Counted(Vec<LinkEntry>),
}

impl Links {
    /// Returns the number of names of a file that has any.
    pub fn count(&self, id: FileId) -> u32 {
        u32::try_from(self.of(id).len().max(1)).unwrap_or(u32::MAX)
    }

    /// Returns the names of a file that has more than one; none for other files.
    pub fn of(&self, id: FileId) -> &[LinkEntry] {
        let entries = self.entries();
        let start = entries.partition_point(|entry| entry.file.get() < id.raw());
        let len = entries[start..].iter().take_while(|entry| entry.file.get() == id.raw()).count();
        &entries[start..start + len]
    }

    /// Returns all names of all files that have more than one, sorted by file and directory.
    pub fn entries(&self) -> &[LinkEntry] {
        match self {
            Self::Stored(bytes) => RawLinksHeader::parse(bytes.as_slice()).unwrap_or_default(),
            Self::Counted(entries) => entries,
        }
    }
}

impl Image {
    /// Returns the links: those beside the image, or else found by one walk over all directories.
    pub fn links(&self) -> Result<&Links, CimError> {
        if let Some(links) = self.links.get() {
            return Ok(links);
        }
        let links = match self.stored_links()? {
            Some(bytes) => Links::Stored(bytes),
            None => Links::Counted(self.find_links()?),
        };
        Ok(self.links.get_or_init(|| links))
    }

    /// Returns the directory that holds a file's first name. Where records do not state it, as in version 1, one walk
    /// over all directories finds those of all files. A file without a name has no directory.
    pub fn parent(&self, file: &File) -> Result<Option<FileId>, CimError> {
        if file.parent.is_some() || file.id == self.root() {
            return Ok(file.parent.or(Some(self.root())));
        }
        Ok(self.found_parents()?.get(&file.id).copied())
    }

    /// Returns the directory of each file's first name, found by a walk.
    pub(in crate::cim) fn found_parents(&self) -> Result<&HashMap<FileId, FileId>, CimError> {
        if let Some(parents) = self.parents.get() {
            return Ok(parents);
        }
        let mut parents = HashMap::new();
        self.walk(|visit| {
            parents.entry(visit.file.id).or_insert(visit.directory_id);
            Ok::<_, CimError>(())
        })?;
        Ok(self.parents.get_or_init(|| parents))
    }

    /// Counts the names of the files that have more than one. What lies beside the image is not believed.
    pub(crate) fn count_names(&self) -> Result<HashMap<FileId, u32>, CimError> {
        let mut counts = HashMap::new();
        self.walk(|visit| {
            let count: &mut u32 = counts.entry(visit.file.id).or_default();
            *count = count.saturating_add(1);
            Ok::<_, CimError>(())
        })?;
        counts.retain(|_, &mut count| count > 1);
        counts.shrink_to_fit();
        Ok(counts)
    }

    fn stored_links(&self) -> Result<Option<Bytes>, CimError> {
        let name = files::links(self.header.own.guid);
        let bytes = match self.directory.open(&name) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CimError::io("open", self.directory.path().join(name), error)),
        };
        RawLinksHeader::parse(bytes.as_slice())
            .map_err(|fault| CimError::corrupt(Place { file: name, offset: 0 }, fault))?;
        Ok(Some(bytes))
    }

    fn find_links(&self) -> Result<Vec<LinkEntry>, CimError> {
        let mut names: HashMap<FileId, Vec<FileId>> = HashMap::new();
        self.walk(|visit| {
            if !visit.file.is_directory() {
                names.entry(visit.file.id).or_default().push(visit.directory_id);
            }
            Ok::<_, CimError>(())
        })?;
        names.retain(|_, directories| directories.len() > 1);
        let mut pairs: Vec<_> = names.iter().flat_map(|(&id, of)| of.iter().map(move |&d| (id, d))).collect();
        pairs.sort_unstable();
        let entry = |(file, directory): (FileId, FileId)| LinkEntry {
            file: file.raw().into(),
            directory: directory.raw().into(),
        };
        Ok(pairs.into_iter().map(entry).collect())
    }
}
