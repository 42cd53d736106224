//! Visiting every file of an image.

use std::collections::HashSet;

use super::{Budget, File, Image};
use crate::cim::error::{CimError, Fault};
use crate::cim::format::Stream;
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
    /// A file with several names is visited once for each. A directory that is reached twice is an error, and so are
    /// directories that share their names until they are longer in all than the image, so that the walk ends on any
    /// input. A directory with a part that this library does not know is visited but not entered. The walk takes memory
    /// for one path, however deep it goes.
    pub fn walk<E: From<CimError>>(
        &self,
        mut visit: impl FnMut(&Visit<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let root = self.file(self.root())?;
        let mut seen = HashSet::from([root.id]);
        let mut path = ImagePath::ROOT;
        visit(&Visit {
            directory: &path,
            directory_id: root.id,
            name: NameRef::from_units(&[]),
            file: root,
        })?;
        let mut budget = Budget::new("directories", self.regions.total_len());
        self.spend(&mut budget, root.data)?;
        if root.unknown.is_some() {
            return Ok(());
        }
        let mut open = vec![(0, root, self.list(&root)?)];
        while let Some((before, directory, entries)) = open.last_mut() {
            let Some(entry) = entries.next() else {
                path.truncate(*before);
                open.pop();
                continue;
            };
            let (name, id) = entry?;
            let file = self.file(id)?;
            visit(&Visit { directory: &path, directory_id: directory.id, name, file })?;
            if file.is_directory() && file.unknown.is_none() {
                self.enter_once(&mut seen, &file)?;
                self.spend(&mut budget, file.data)?;
                let reason = |error: CimError| self.bad_name(directory, error);
                let before = path.push(name).map_err(reason)?;
                open.push((before, file, self.list(&file)?));
            }
        }
        Ok(())
    }

    /// Says that a directory holds a name that leads nowhere.
    pub(in crate::cim) fn bad_name(&self, directory: &File, error: CimError) -> CimError {
        let fault = Fault::Malformed { what: "a name of a directory", reason: error.to_string() };
        self.regions.corrupt(directory.data.offset, fault)
    }

    fn spend(&self, budget: &mut Budget, names: Stream) -> Result<(), CimError> {
        if !names.is_directory() {
            return Ok(());
        }
        budget.spend(names.len.get()).map_err(|fault| self.regions.corrupt(names.offset, fault))
    }

    fn enter_once(&self, seen: &mut HashSet<FileId>, directory: &File) -> Result<(), CimError> {
        if seen.insert(directory.id) {
            return Ok(());
        }
        let fault = Fault::Cycle { id: directory.id.raw() };
        Err(self.regions.corrupt(directory.data.offset, fault))
    }
}
