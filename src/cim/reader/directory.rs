//! Directories and alternate streams: look up and list.

use std::cmp::Ordering;

use zerocopy::little_endian::U32;

use super::{File, Image};
use crate::cim::error::{CimError, Fault};
use crate::cim::format::{LinkTable, NameEntry, RawStream, Stream, Value};
use crate::cim::names::{ImagePath, NameRef, Upcase};
use crate::cim::units::{FileId, RegionOffset};

/// The names of a directory.
pub type Entries<'a> = LinkTable<'a, U32>;

/// The alternate streams of a file.
pub type Streams<'a> = LinkTable<'a, RawStream>;

impl Image {
    /// Follows a path from the root; `None` where a name on it does not exist.
    pub fn find(&self, path: &ImagePath) -> Result<Option<File>, CimError> {
        let mut file = self.file(self.root())?;
        for name in path.components() {
            match self.child(&file, name)? {
                Some(child) => file = self.file(child)?,
                None => return Ok(None),
            }
        }
        Ok(Some(file))
    }

    /// Looks a name up in a directory. Case does not count, but an exact match is preferred. A file has no children.
    pub fn child(&self, directory: &File, name: NameRef<'_>) -> Result<Option<FileId>, CimError> {
        let entries = self.entries(directory)?;
        match search(&entries, name, self.upcase()) {
            Ok(None) => Ok(None),
            Ok(Some(id)) => self.linked_id(directory, id).map(Some),
            Err(fault) => Err(self.regions.corrupt(directory.data.offset, fault)),
        }
    }

    /// Looks a name up in a directory where case counts.
    pub fn child_exact(&self, directory: &File, name: NameRef<'_>) -> Result<Option<FileId>, CimError> {
        let entries = self.entries(directory)?;
        match search_exact(&entries, name, self.upcase()) {
            Ok(None) => Ok(None),
            Ok(Some(id)) => self.linked_id(directory, id).map(Some),
            Err(fault) => Err(self.regions.corrupt(directory.data.offset, fault)),
        }
    }

    /// Returns the names of a directory; none for a file.
    pub fn entries(&self, directory: &File) -> Result<Entries<'_>, CimError> {
        let stream = directory.data;
        self.require_known(directory)?;
        if !stream.is_directory() || stream.len.get() == 0 {
            return Ok(Entries::EMPTY);
        }
        let bytes = self.regions.object("a directory", stream.offset, stream.len.get())?;
        Entries::parse(bytes).map_err(|fault| self.regions.corrupt(stream.offset, fault))
    }

    /// Yields the names of a directory in order, each with its file.
    pub fn list<'a>(
        &'a self,
        directory: &File,
    ) -> Result<impl Iterator<Item = Result<(NameRef<'a>, FileId), CimError>> + use<'a>, CimError> {
        let directory = *directory;
        Ok(self.entries(&directory)?.iter().map(move |entry| {
            let (name, id) = entry.map_err(|fault| self.regions.corrupt(directory.data.offset, fault))?;
            Ok((name, self.linked_id(&directory, id)?))
        }))
    }

    /// Returns the table of a file's alternate streams.
    pub fn streams(&self, file: &File) -> Result<Streams<'_>, CimError> {
        self.require_known(file)?;
        if file.streams.is_null() {
            return Ok(Streams::EMPTY);
        }
        let bytes = self.regions.tail("the table of alternate streams", file.streams)?;
        Streams::parse(bytes).map_err(|fault| self.regions.corrupt(file.streams, fault))
    }

    /// Yields a file's alternate streams in name order.
    pub fn list_streams<'a>(
        &'a self,
        file: &File,
    ) -> Result<impl Iterator<Item = Result<(NameRef<'a>, Stream), CimError>> + use<'a>, CimError> {
        let place = file.streams;
        Ok(self.streams(file)?.iter().map(move |entry| {
            let (name, raw) = entry.map_err(|fault| self.regions.corrupt(place, fault))?;
            Ok((name, self.alternate(place, raw)?))
        }))
    }

    /// Looks an alternate stream up by name.
    pub fn stream(&self, file: &File, name: NameRef<'_>) -> Result<Option<Stream>, CimError> {
        let found = search(&self.streams(file)?, name, self.upcase());
        match found.map_err(|fault| self.regions.corrupt(file.streams, fault))? {
            Some(raw) => self.alternate(file.streams, raw).map(Some),
            None => Ok(None),
        }
    }

    fn linked_id(&self, directory: &File, raw: U32) -> Result<FileId, CimError> {
        FileId::from_raw(raw.get())
            .ok_or_else(|| self.regions.corrupt(directory.data.offset, Fault::ZeroFileId))
    }

    fn alternate(&self, place: RegionOffset, raw: RawStream) -> Result<Stream, CimError> {
        let stream = Stream::from(raw);
        if stream.is_directory() {
            let fault = Fault::Malformed {
                what: "an alternate stream",
                reason: "it has the type of a directory".to_owned(),
            };
            return Err(self.regions.corrupt(place, fault));
        }
        Ok(stream)
    }
}

/// Finds a name: the exact one, else the first that differs in case only.
fn search<V: Value>(
    table: &LinkTable<'_, V>,
    name: NameRef<'_>,
    upcase: Upcase<'_>,
) -> Result<Option<V>, Fault> {
    let mut first = None;
    for entry in candidates(table, name, upcase)? {
        let (found, value) = entry?;
        if !found.folded_eq(name, upcase) {
            break;
        }
        if found == name {
            return Ok(Some(value));
        }
        first = first.or(Some(value));
    }
    Ok(first)
}

/// Finds a name where case counts.
fn search_exact<V: Value>(
    table: &LinkTable<'_, V>,
    name: NameRef<'_>,
    upcase: Upcase<'_>,
) -> Result<Option<V>, Fault> {
    for entry in candidates(table, name, upcase)? {
        let (found, value) = entry?;
        if found == name {
            return Ok(Some(value));
        }
        if !found.folded_eq(name, upcase) {
            break;
        }
    }
    Ok(None)
}

/// Yields the entries from the first on that is not below a name, found by binary search.
fn candidates<'a, V: Value>(
    table: &LinkTable<'a, V>,
    name: NameRef<'_>,
    upcase: Upcase<'_>,
) -> Result<impl Iterator<Item = Result<NameEntry<'a, V>, Fault>> + use<'a, V>, Fault> {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(entry) = table.get(middle) else { break };
        if entry?.0.folded_cmp(name, upcase) == Ordering::Less {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(table.iter_from(low))
}
