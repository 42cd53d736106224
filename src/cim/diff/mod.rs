//! What differs between two images: a walk through both at once, directory by directory.
//!
//! Ids, offsets and regions do not count, only what a mounted image shows. Names are compared as they are spelled:
//! a name that changes its case goes and comes.

mod compare;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::HashSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use bitflags::bitflags;

use super::error::{CimError, Fault};
use super::names::{ImagePath, NameRef, upcase};
use super::reader::{Budget, File, Image};
use super::units::FileId;
use compare::Comparer;

bitflags! {
    /// What of a file differs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Changes: u16 {
        /// A file became a directory, or the reverse; nothing else is compared then.
        const KIND = 1;
        /// Attributes.
        const ATTRIBUTES = 2;
        /// One of the four times.
        const TIMES = 4;
        /// The data, or its length.
        const DATA = 8;
        /// The security descriptor.
        const SECURITY = 16;
        /// Extended attributes.
        const EAS = 32;
        /// The reparse data.
        const REPARSE = 64;
        /// Alternate streams: their names or their data.
        const STREAMS = 128;
        /// Which other names the file has.
        const LINKS = 256;
    }
}

/// One difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Only the right image has the path.
    Added {
        /// Whether it is a directory.
        directory: bool,
    },
    /// Only the left image has the path.
    Removed {
        /// Whether it is a directory.
        directory: bool,
    },
    /// Both have the path, but not the same there.
    Changed(Changes),
}

/// Hands over every difference between two images, a directory before what it holds, in name order.
///
/// Takes memory for the names of the directories that are open and for the hard links of both images.
pub fn diff<E: From<CimError>>(
    left: &Image,
    right: &Image,
    visit: impl FnMut(&ImagePath, Difference) -> Result<(), E>,
) -> Result<(), E> {
    let mut walk = Walk {
        left: Side::new(left),
        right: Side::new(right),
        comparer: Comparer::new(left, right)?,
        path: ImagePath::ROOT,
        open: Vec::new(),
        visit,
    };
    walk.pair(Some(left.file(left.root())?), Some(right.file(right.root())?), 0)?;
    while let Some(level) = walk.open.last_mut() {
        let Some((name, left, right)) = level.next() else {
            let before = level.before;
            walk.path.truncate(before);
            walk.open.pop();
            continue;
        };
        walk.step(name, left, right)?;
    }
    Ok(())
}

/// A name, and the file that each image has by it.
type Pair<'a> = (NameRef<'a>, Option<FileId>, Option<FileId>);

type Names<'a> = Peekable<IntoIter<(NameRef<'a>, FileId)>>;

/// A directory that the walk is in: of both images, or of one.
struct Level<'a> {
    /// How long the path was before.
    before: usize,
    left: Names<'a>,
    right: Names<'a>,
}

impl<'a> Level<'a> {
    /// Takes the next name, from both sides where both have it.
    fn next(&mut self) -> Option<Pair<'a>> {
        let order = match (self.left.peek(), self.right.peek()) {
            (Some((left, _)), Some((right, _))) => left.disk_cmp(*right, upcase::standard()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let left = if order.is_le() { self.left.next() } else { None };
        let right = if order.is_ge() { self.right.next() } else { None };
        let name = left.or(right)?.0;
        Some((name, left.map(|(_, id)| id), right.map(|(_, id)| id)))
    }
}

struct Walk<'a, F> {
    left: Side<'a>,
    right: Side<'a>,
    comparer: Comparer<'a>,
    path: ImagePath,
    open: Vec<Level<'a>>,
    visit: F,
}

impl<E: From<CimError>, F: FnMut(&ImagePath, Difference) -> Result<(), E>> Walk<'_, F> {
    fn step(&mut self, name: NameRef<'_>, left: Option<FileId>, right: Option<FileId>) -> Result<(), E> {
        let before = self.push(name, left.is_some())?;
        let left = left.map(|id| self.left.image.file(id)).transpose()?;
        let right = right.map(|id| self.right.image.file(id)).transpose()?;
        self.pair(left, right, before)
    }

    /// Adds a name to the path. It was checked, so that only the path can be too long.
    fn push(&mut self, name: NameRef<'_>, in_left: bool) -> Result<usize, CimError> {
        let units = self.path.units().len().saturating_add(1).saturating_add(name.units().len());
        let image = if in_left { self.left.image } else { self.right.image };
        let too_long = |_| image.regions().corrupt(image.filesystem().tables, Fault::PathTooLong { units });
        self.path.push(name).map_err(too_long)
    }

    /// Compares what is at the path, and enters it where either is a directory.
    fn pair(&mut self, left: Option<File>, right: Option<File>, before: usize) -> Result<(), E> {
        let difference = match (&left, &right) {
            (Some(left), Some(right)) => {
                let changes = self.comparer.compare(left, right)?;
                (!changes.is_empty()).then_some(Difference::Changed(changes))
            }
            (Some(file), None) => Some(Difference::Removed { directory: file.is_directory() }),
            (None, Some(file)) => Some(Difference::Added { directory: file.is_directory() }),
            (None, None) => None,
        };
        if let Some(difference) = difference {
            (self.visit)(&self.path, difference)?;
        }
        let left = self.left.names(left)?;
        let right = self.right.names(right)?;
        self.open.push(Level { before, left, right });
        Ok(())
    }
}

/// One of the images.
struct Side<'a> {
    image: &'a Image,
    entered: HashSet<FileId>,
    budget: Budget,
}

impl<'a> Side<'a> {
    fn new(image: &'a Image) -> Self {
        let budget = Budget::new("directories", image.regions().total_len());
        Self { image, entered: HashSet::new(), budget }
    }

    /// Enters a directory and returns its names in an order that both images share; none for a file.
    fn names(&mut self, file: Option<File>) -> Result<Names<'a>, CimError> {
        let mut names = Vec::new();
        if let Some(directory) = file.filter(File::is_directory) {
            let corrupt = |fault| self.image.regions().corrupt(directory.data.offset, fault);
            if !self.entered.insert(directory.id) {
                return Err(corrupt(Fault::Cycle { id: directory.id.raw() }));
            }
            self.budget.spend(directory.data.len.get()).map_err(corrupt)?;
            for entry in self.image.list(&directory)? {
                let (name, id) = entry?;
                name.check().map_err(|error| self.image.bad_name(&directory, error))?;
                names.push((name, id));
            }
        }
        // Sorted already, unless the image has an upcase table of its own.
        names.sort_unstable_by(|(a, _), (b, _)| a.disk_cmp(*b, upcase::standard()));
        Ok(names.into_iter().peekable())
    }
}
