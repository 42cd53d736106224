//! Which names of hard-linked files the parent has already, and what the others lead to.
//!
//! A file of the parent stays the file that it is if one of its names has the same metadata and data in the new image.
//! The first such name in the order of the walk is its *anchor*: it is not in the layer, and names that the file gained
//! are links to it. At most one file of the new image is made of each one of the parent. Any other file with several
//! names is written at the first one, and the others are links to that.

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
    kept: HashMap<FileId, Kept>,
    /// Where files with several names were written.
    written: HashMap<FileId, Box<[u8]>>,
}

/// A file of the parent that stays.
struct Kept {
    in_base: FileId,
    anchor: Box<[u8]>,
}

impl<'a> Links<'a> {
    /// Looks for files of the parent that stay.
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
        let mut taken = HashSet::new();
        let mut walk = Walk::new(Some(base), top, names::order);
        while let Some(pair) = walk.next()? {
            let Pair { left: Some(left), right: Some(right) } = pair else { continue };
            if left.is_directory() && right.is_directory() {
                walk.enter(pair)?;
                continue;
            }
            let is_linked = self.is_linked(&left, &right);
            if !is_linked || taken.contains(&left.id) || self.kept.contains_key(&right.id) {
                continue;
            }
            // A name that no layer has, or can have, leads nobody anywhere.
            let Ok(Some(anchor)) = names.text(walk.path()) else { continue };
            if self.is_same(&left, &right)? {
                taken.insert(left.id);
                self.kept.insert(right.id, Kept { in_base: left.id, anchor: anchor.into() });
            }
        }
        Ok(())
    }

    /// Says what becomes of a name of a file.
    pub(super) fn plan(&mut self, left: Option<&File>, right: &File) -> Result<Plan, CimError> {
        let in_base = left.map(|left| left.id);
        if self.kept.get(&right.id).is_some_and(|kept| in_base == Some(kept.in_base)) {
            return Ok(Plan::Keep);
        }
        let is_single = !left.is_some_and(|left| self.is_linked(left, right));
        if is_single
            && let Some(left) = left
            && self.is_same(left, right)?
        {
            return Ok(Plan::Keep);
        }
        let anchor = self.kept.get(&right.id).map(|kept| &kept.anchor);
        let known = anchor.or_else(|| self.written.get(&right.id));
        Ok(known.map_or(Plan::Write, |path| Plan::Link(path.clone())))
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
