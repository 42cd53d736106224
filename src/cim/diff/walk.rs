//! A walk through two images at once, directory by directory.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::vec::IntoIter;

use crate::cim::error::{CimError, Fault};
use crate::cim::names::{ImagePath, NameRef, upcase};
use crate::cim::reader::{Budget, File, Image};
use crate::cim::units::FileId;

/// Which of two names comes first.
pub(crate) type Order = fn(NameRef<'_>, NameRef<'_>) -> Ordering;

/// Orders names as directories have them.
pub(super) fn disk_order(a: NameRef<'_>, b: NameRef<'_>) -> Ordering {
    a.disk_cmp(b, upcase::standard())
}

/// What two images have at one path; at least one has something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) left: Option<File>,
    pub(crate) right: Option<File>,
}

/// A name, and the file that each image has by it.
type Names<'a> = (NameRef<'a>, Option<FileId>, Option<FileId>);

/// A walk through two images at once, or through the right one alone: a directory before what it holds.
///
/// Takes memory for the names of the directories that are open.
pub(crate) struct Walk<'a> {
    left: Option<Side<'a>>,
    right: Side<'a>,
    order: Order,
    path: ImagePath,
    open: Vec<Level<'a>>,
    met: Met,
}

/// What the walk came to last.
#[derive(Clone, Copy)]
enum Met {
    /// Nothing: it has not begun.
    Nothing,
    /// A name that was not entered, and how long the path was before.
    Name(usize),
    /// A directory that was entered.
    Entered,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(left: Option<&'a Image>, right: &'a Image, order: Order) -> Self {
        let left = left.map(Side::new);
        let right = Side::new(right);
        Self { left, right, order, path: ImagePath::ROOT, open: Vec::new(), met: Met::Nothing }
    }

    /// Returns where the walk stands.
    pub(crate) fn path(&self) -> &ImagePath {
        &self.path
    }

    /// Goes on to the next name, which is below the last one if that was entered. The first one is the root.
    pub(crate) fn next(&mut self) -> Result<Option<Pair>, CimError> {
        match std::mem::replace(&mut self.met, Met::Entered) {
            Met::Nothing => {
                self.met = Met::Name(0);
                let left = self.left.as_ref().map(|side| side.image.root());
                return self.pair(left, Some(self.right.image.root())).map(Some);
            }
            Met::Name(before) => self.path.truncate(before),
            Met::Entered => {}
        }
        while let Some(level) = self.open.last_mut() {
            let Some((name, left, right)) = level.next(self.order) else {
                let before = level.before;
                self.path.truncate(before);
                self.open.pop();
                continue;
            };
            self.met = Met::Name(self.push(name, right.is_some())?);
            return self.pair(left, right).map(Some);
        }
        Ok(None)
    }

    /// Enters the directories of a pair at the path where the walk stands; what is a file has no names.
    pub(crate) fn enter(&mut self, pair: Pair) -> Result<(), CimError> {
        let Met::Name(before) = self.met else { return Ok(()) };
        let left = match &mut self.left {
            Some(side) => side.names(pair.left, self.order)?,
            None => Vec::new().into_iter(),
        };
        let right = self.right.names(pair.right, self.order)?;
        self.open.push(Level { before, left, right });
        self.met = Met::Entered;
        Ok(())
    }

    /// Returns the names that only the left image has in the directory that was entered last.
    pub(crate) fn left_alone(&self) -> Vec<NameRef<'a>> {
        let Some(level) = self.open.last() else { return Vec::new() };
        let mut level = level.clone();
        let names = std::iter::from_fn(|| level.next(self.order));
        names.filter(|(_, _, right)| right.is_none()).map(|(name, ..)| name).collect()
    }

    fn pair(&self, left: Option<FileId>, right: Option<FileId>) -> Result<Pair, CimError> {
        let left = self.left.as_ref().zip(left).map(|(side, id)| side.image.file(id)).transpose()?;
        let right = right.map(|id| self.right.image.file(id)).transpose()?;
        Ok(Pair { left, right })
    }

    /// Adds a name to the path. It was checked, so that only the path can be too long.
    fn push(&mut self, name: NameRef<'_>, in_right: bool) -> Result<usize, CimError> {
        let units = self.path.units().len().saturating_add(1).saturating_add(name.units().len());
        let side = self.left.as_ref().filter(|_| !in_right).unwrap_or(&self.right);
        let image = side.image;
        let too_long = |_| image.regions().corrupt(image.filesystem().tables, Fault::PathTooLong { units });
        self.path.push(name).map_err(too_long)
    }
}

/// A directory that the walk is in: of both images, or of one.
#[derive(Clone)]
struct Level<'a> {
    /// How long the path was before.
    before: usize,
    left: IntoIter<(NameRef<'a>, FileId)>,
    right: IntoIter<(NameRef<'a>, FileId)>,
}

impl<'a> Level<'a> {
    /// Takes the next name, from both sides where both have it.
    fn next(&mut self, order: Order) -> Option<Names<'a>> {
        let order = match (self.left.as_slice().first(), self.right.as_slice().first()) {
            (Some((left, _)), Some((right, _))) => order(*left, *right),
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

/// One of the images.
pub(crate) struct Side<'a> {
    image: &'a Image,
    entered: HashSet<FileId>,
    budget: Budget,
}

impl<'a> Side<'a> {
    pub(crate) fn new(image: &'a Image) -> Self {
        let budget = Budget::new("directories", image.regions().total_len());
        Self { image, entered: HashSet::new(), budget }
    }

    /// Enters a directory and returns its names in an order that both images share; none for a file.
    pub(crate) fn names(
        &mut self,
        file: Option<File>,
        order: Order,
    ) -> Result<IntoIter<(NameRef<'a>, FileId)>, CimError> {
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
        // Sorted already if the order is that of the image.
        names.sort_unstable_by(|(a, _), (b, _)| order(*a, *b));
        Ok(names.into_iter())
    }
}
