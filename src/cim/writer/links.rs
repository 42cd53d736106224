//! The names of hard-linked files while an image is edited.

use std::collections::BTreeMap;
use std::sync::Arc;

use zerocopy::IntoBytes;

use super::set::SetWriter;
use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::format::{LinkEntry, RawLinksHeader};
use crate::cim::reader::Image;
use crate::cim::units::FileId;

/// For each file with several names, the directories that hold them.
#[derive(Debug)]
pub(super) struct LinkEdits {
    base: Option<Arc<Image>>,
    /// Files whose names differ from the parent's. Fewer than two directories: not a hard-linked file any more.
    touched: BTreeMap<FileId, Vec<FileId>>,
}

/// What is left after a name was removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Remaining {
    /// The file has no name any more.
    Nothing,
    /// The file has names; one of them is in this directory.
    NameIn(FileId),
}

impl LinkEdits {
    pub(super) fn new(base: Option<Arc<Image>>) -> Self {
        Self { base, touched: BTreeMap::new() }
    }

    /// Adds a name in `directory` to a file, whose only name so far may be in `parent`.
    pub(super) fn add(&mut self, file: FileId, directory: FileId, parent: FileId) -> Result<(), CimError> {
        self.directories(file, parent)?.push(directory);
        Ok(())
    }

    /// Returns whether a file has no more than one name.
    pub(super) fn is_single(&self, file: FileId) -> Result<bool, CimError> {
        match self.touched.get(&file) {
            Some(directories) => Ok(directories.len() < 2),
            None => Ok(self.inherited(file)?.is_empty()),
        }
    }

    /// Removes a name in `directory`.
    pub(super) fn remove(&mut self, file: FileId, directory: FileId) -> Result<Remaining, CimError> {
        let single = match self.touched.get(&file) {
            Some(directories) => directories.is_empty(),
            None => self.inherited(file)?.is_empty(),
        };
        if single {
            return Ok(Remaining::Nothing);
        }
        let directories = self.directories(file, directory)?;
        if let Some(at) = directories.iter().position(|&other| other == directory) {
            directories.remove(at);
        }
        Ok(directories.first().map_or(Remaining::Nothing, |&first| Remaining::NameIn(first)))
    }

    /// Writes the links of the image beside its regions; nothing where no file has several names.
    pub(super) fn write(&self, set: &mut SetWriter) -> Result<(), CimError> {
        let mut entries = match &self.base {
            Some(base) => base.links()?.entries().to_vec(),
            None => Vec::new(),
        };
        let touched = |entry: &LinkEntry| {
            FileId::from_raw(entry.file.get()).is_none_or(|file| self.touched.contains_key(&file))
        };
        entries.retain(|entry| !touched(entry));
        for (file, directories) in self.touched.iter().filter(|(_, directories)| directories.len() > 1) {
            entries.extend(
                directories.iter().map(|directory| LinkEntry {
                    file: file.raw().into(),
                    directory: directory.raw().into(),
                }),
            );
        }
        entries.sort_unstable_by_key(|entry| (entry.file.get(), entry.directory.get()));
        let count = u64::try_from(entries.len()).expect("a usize fits a u64");
        let header = RawLinksHeader::new(count);
        set.write_file(files::links(set.guid()), &[header.as_bytes(), entries.as_slice().as_bytes()])
    }

    fn directories(&mut self, file: FileId, parent: FileId) -> Result<&mut Vec<FileId>, CimError> {
        if !self.touched.contains_key(&file) {
            let mut directories = self.inherited(file)?;
            if directories.is_empty() {
                directories.push(parent);
            }
            self.touched.insert(file, directories);
        }
        let directories = self.touched.entry(file).or_default();
        if directories.is_empty() {
            // The id was given back and belongs to a new file.
            directories.push(parent);
        }
        Ok(directories)
    }

    fn inherited(&self, file: FileId) -> Result<Vec<FileId>, CimError> {
        let Some(base) = &self.base else { return Ok(Vec::new()) };
        let entries = base.links()?.of(file).iter();
        Ok(entries.filter_map(|entry| FileId::from_raw(entry.directory.get())).collect())
    }
}
