//! Visiting every file of an image.

use std::collections::HashSet;

use super::{File, Image};
use crate::cim::error::{CimError, Fault};
use crate::cim::names::{ImagePath, NameRef};
use crate::cim::units::FileId;

/// A name that a walk has come to.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The directory that holds the name.
    pub directory: &'a ImagePath,
    /// The id of that directory; the root holds itself.
    pub directory_id: FileId,
    /// The name; empty for the root itself.
    pub name: NameRef<'a>,
    /// The file of that name.
    pub file: File,
}

impl Visit<'_> {
    /// Returns the whole path.
    pub fn path(&self) -> Result<ImagePath, CimError> {
        if self.name.units().is_empty() { Ok(ImagePath::ROOT) } else { self.directory.join(self.name) }
    }
}

impl Image {
    /// Visits the root and then every name below it, a directory before what it holds, in name order.
    ///
    /// A file with several names is visited once for each. A directory that is reached twice is an error, so that
    /// the walk ends on any input.
    pub fn walk<E: From<CimError>>(
        &self,
        mut visit: impl FnMut(&Visit<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let root = self.file(self.root())?;
        let mut seen = HashSet::from([root.id]);
        visit(&Visit {
            directory: &ImagePath::ROOT,
            directory_id: root.id,
            name: NameRef::from_units(&[]),
            file: root,
        })?;
        let mut open = vec![(ImagePath::ROOT, root.id, self.list(&root)?)];
        while let Some((directory, directory_id, entries)) = open.last_mut() {
            let Some(entry) = entries.next() else {
                open.pop();
                continue;
            };
            let (name, id) = entry?;
            let file = self.file(id)?;
            visit(&Visit { directory, directory_id: *directory_id, name, file })?;
            if file.is_directory() {
                self.enter_once(&mut seen, &file)?;
                let path = directory.join(name)?;
                open.push((path, file.id, self.list(&file)?));
            }
        }
        Ok(())
    }

    fn enter_once(&self, seen: &mut HashSet<FileId>, directory: &File) -> Result<(), CimError> {
        if seen.insert(directory.id) {
            return Ok(());
        }
        let fault = Fault::Cycle { id: directory.id.raw() };
        Err(self.regions.corrupt(directory.data.offset, fault))
    }
}
