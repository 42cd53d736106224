//! Which files with several names the parent has already, and what the names of all others lead to.
//!
//! A file with several names is *kept* if the parent has it under each of them, with the same metadata and data; then none
//! of its names is in the layer. Every other one is in the layer with all its names: the first has the data, and the
//! others are hard links to it. So no hard link of a layer leads to a file that only the parent has: tools which unpack a
//! layer by itself could not resolve it. At most one file of the new image is kept for each one of the parent.

use std::collections::{HashMap, HashSet};

use super::names::{self, Names};
use crate::cim::diff::{Changes, Comparer, Pair, Walk};
use crate::cim::reader::File;
use crate::cim::{CimError, FileId, Image};

/// What becomes of a name.
pub(super) enum Plan {
    /// The parent has it.
    Keep,
    /// It is one more name of the file at this path.
    Link(Box<[u8]>),
    /// The file is written.
    Write,
}

/// The hard links of an image over its parent.
pub(super) struct Links<'a> {
    comparer: Option<Comparer<'a>>,
    /// Files of the image with several names.
    linked: HashSet<FileId>,
    /// Files of the image that the parent has under each of their names, and its file.
    kept: HashMap<FileId, FileId>,
    /// Where files with several names were written.
    written: HashMap<FileId, Box<[u8]>>,
}

impl<'a> Links<'a> {
    /// Finds the files that are kept.
    pub(super) fn find(base: Option<&'a Image>, top: &'a Image, names: Names) -> Result<Self, CimError> {
        let linked = top.count_names()?.into_keys().collect();
        let comparer = base.map(|base| Comparer::new(base, top)).transpose()?;
        let mut links = Self { comparer, linked, kept: HashMap::new(), written: HashMap::new() };
        if let Some(base) = base {
            links.find_kept(base, top, names)?;
        }
        Ok(links)
    }

    fn find_kept(&mut self, base: &'a Image, top: &'a Image, names: Names) -> Result<(), CimError> {
        let mut taken = HashMap::new();
        let mut changed = HashSet::new();
        let mut walk = Walk::new(Some(base), top, names::order);
        while let Some(pair) = walk.next()? {
            let Pair { left, right: Some(right) } = pair else { continue };
            if right.is_directory() {
                if !right.is_reparse_point() {
                    walk.enter(pair)?;
                }
                continue;
            }
            let is_linked =
                self.linked.contains(&right.id) || left.is_some_and(|left| self.is_linked(&left, &right));
            // Names that are never written lead nowhere.
            if !is_linked || changed.contains(&right.id) || !matches!(names.text(walk.path()), Ok(Some(_))) {
                continue;
            }
            if !self.is_kept(left.as_ref(), &right, &mut taken)? {
                self.kept.remove(&right.id);
                changed.insert(right.id);
            }
        }
        Ok(())
    }

    /// Returns whether a name of a file leads to the same file of the parent as those that were met before.
    fn is_kept(
        &mut self,
        left: Option<&File>,
        right: &File,
        taken: &mut HashMap<FileId, FileId>,
    ) -> Result<bool, CimError> {
        let Some(left) = left.filter(|left| !left.is_directory()) else { return Ok(false) };
        if taken.get(&left.id).is_some_and(|known| *known != right.id) {
            return Ok(false);
        }
        let is_same = match self.kept.get(&right.id) {
            Some(known) => *known == left.id,
            None => self.is_same(left, right)?,
        };
        if is_same {
            taken.insert(left.id, right.id);
            self.kept.insert(right.id, left.id);
        }
        Ok(is_same)
    }

    /// Says what becomes of a name of a file.
    pub(super) fn plan(&mut self, left: Option<&File>, right: &File) -> Result<Plan, CimError> {
        let in_base = left.map(|left| left.id);
        if self.kept.get(&right.id).is_some_and(|kept| in_base == Some(*kept)) {
            return Ok(Plan::Keep);
        }
        let is_single = !left.is_some_and(|left| self.is_linked(left, right));
        if is_single
            && let Some(left) = left
            && self.is_same(left, right)?
        {
            return Ok(Plan::Keep);
        }
        Ok(self.written.get(&right.id).map_or(Plan::Write, |path| Plan::Link(path.clone())))
    }

    /// Notes where a file was written.
    pub(super) fn wrote(&mut self, file: &File, path: &[u8]) {
        if self.linked.contains(&file.id) {
            self.written.insert(file.id, path.into());
        }
    }

    /// Returns whether two files are the same, apart from their names.
    pub(super) fn is_same(&mut self, left: &File, right: &File) -> Result<bool, CimError> {
        let Some(comparer) = &mut self.comparer else { return Ok(false) };
        Ok((comparer.compare(left, right)? - Changes::LINKS).is_empty())
    }

    fn is_linked(&self, left: &File, right: &File) -> bool {
        let left_is = self.comparer.as_ref().is_some_and(|comparer| comparer.is_linked_left(left.id));
        left_is || self.linked.contains(&right.id)
    }
}
