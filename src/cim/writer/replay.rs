//! The journal of a layer set, replayed over a parent's tree.

use super::draft::Edits;
use super::follow::Follower;
use super::metadata::LeafRecord;
use super::references::References;
use super::tree::Tree;
use crate::cim::error::{CimError, Fault, Place};
use crate::cim::format::{EditCursor, EditKind, JournalHeader, Stream};
use crate::cim::io::Bytes;
use crate::cim::names::{ImagePath, Name, NameRef};
use crate::cim::reader::Regions;

/// After so many bytes of a journal, those that were read are no longer held in memory.
const PIECE: u64 = 1 << 20;

/// Replays a journal over a tree. `first` is the index of the layer set's first region in the new image, and `regions`
/// are those of the parent and of the layer set. An error comes with the offset of its edit in the journal's section.
pub(super) fn replay(
    journal: &Bytes,
    tree: Tree,
    first: u16,
    regions: &Regions,
) -> Result<Tree, (u64, Stop)> {
    let parsed = JournalHeader::parse(journal.as_slice());
    let (header, edits, deletions) = parsed.map_err(|fault| (0, fault.into()))?;
    let follower = header.case_distinguished.then(|| Follower::new(regions, &tree));
    let is_rootless = tree.is_from_scratch();
    let references = References::new(header.set, first);
    let mut replay = Replay { references, tree, is_rootless, follower };
    for section in [deletions, edits] {
        let mut cursor = EditCursor::new(section);
        let len = cursor.left();
        let mut forgotten = 0;
        loop {
            let at = len - cursor.left();
            if at - forgotten >= PIECE {
                journal.forget();
                forgotten = at;
            }
            if !replay.step(&mut cursor).map_err(|stop| (at, stop))? {
                break;
            }
        }
    }
    Ok(replay.tree)
}

struct Replay<'a> {
    references: References,
    tree: Tree,
    /// Whether there is no parent and the root still has no metadata.
    is_rootless: bool,
    /// Follows links on the way of paths, in a layer of Linux.
    follower: Option<Follower<'a>>,
}

/// Why a replay stops: the journal lies, or an edit does not fit the tree.
pub(super) enum Stop {
    Fault(Fault),
    Error(CimError),
}

impl Stop {
    /// Says at which edit of a journal that was.
    pub(super) fn at(self, file: &str, offset: u64) -> CimError {
        match self {
            Self::Fault(fault) => CimError::corrupt(Place { file: file.to_owned(), offset }, fault),
            Self::Error(error) => error,
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<CimError> for Stop {
    fn from(error: CimError) -> Self {
        Self::Error(error)
    }
}

impl Replay<'_> {
    /// Applies the next edit; `false` at the end.
    fn step(&mut self, cursor: &mut EditCursor<'_>) -> Result<bool, Stop> {
        let Some(kind) = cursor.kind()? else { return Ok(false) };
        let written = ImagePath::from_units(cursor.path()?)?;
        let path = match kind {
            EditKind::MISSING_DIRECTORY | EditKind::CLEAR => self.follow(written)?,
            _ => self.follow_parent(written)?,
        };
        match kind {
            EditKind::FILE => {
                let leaf = self.references.leaf(cursor.leaf()?)?;
                let data = self.references.data(cursor.stream()?)?;
                self.tree.put(&path, &leaf, data)?;
            }
            EditKind::PE_IMAGE => {
                let leaf = self.references.leaf(cursor.leaf()?)?;
                let (len, image) = cursor.pe_image()?;
                self.tree.put_image(&path, &leaf, &self.references.pe_image(len, &image)?)?;
            }
            EditKind::DIRECTORY => {
                let leaf = self.references.leaf(cursor.leaf()?)?;
                self.is_rootless &= !path.is_root();
                self.tree.put(&path, &leaf, Stream::EMPTY_DIRECTORY)?;
            }
            EditKind::MISSING_DIRECTORY => {
                let leaf = self.references.leaf(cursor.leaf()?)?;
                self.ensure(&path, &leaf)?;
            }
            EditKind::STREAM => {
                let name = Name::from_ref(NameRef::from_units(cursor.name()?))?;
                let data = self.references.data(cursor.stream()?)?;
                self.tree.put_stream(&path, name.as_ref(), data)?;
            }
            EditKind::LINK => {
                let existing = ImagePath::from_units(cursor.path()?)?;
                let linked = self.link(&path, existing.clone());
                linked.map_err(|error| error.hard_link(&path, &existing))?;
            }
            // What is absent needs no deletion.
            EditKind::DELETE if self.tree.kind(&path)?.is_some() => self.tree.delete(&path)?,
            EditKind::CLEAR if self.tree.kind(&path)? == Some(true) => self.tree.clear(&path)?,
            EditKind::DELETE | EditKind::CLEAR => {}
            unknown => return Err(unknown.fault().into()),
        }
        Ok(true)
    }

    fn link(&mut self, new: &ImagePath, existing: ImagePath) -> Result<(), CimError> {
        let existing = self.follow_parent(existing)?;
        if self.tree.kind(new)? == Some(true) {
            self.tree.delete(new)?;
        }
        self.tree.link(new, &existing)
    }

    /// Makes a directory where there is none. Those above it are missing only where a link led.
    fn ensure(&mut self, path: &ImagePath, leaf: &LeafRecord) -> Result<(), CimError> {
        let Some(parent) = path.parent() else {
            return match std::mem::take(&mut self.is_rootless) {
                true => self.tree.put(path, leaf, Stream::EMPTY_DIRECTORY),
                false => Ok(()),
            };
        };
        let mut missing = vec![path.clone()];
        let mut above = Some(parent);
        while let Some(directory) = above.filter(|directory| !directory.is_root())
            && self.tree.kind(&directory)? != Some(true)
        {
            above = directory.parent();
            missing.push(directory);
        }
        while let Some(directory) = missing.pop() {
            if self.tree.kind(&directory)? != Some(true) {
                self.tree.put(&directory, leaf, Stream::EMPTY_DIRECTORY)?;
            }
        }
        Ok(())
    }

    /// Follows links on the way of a path, but not one at its end.
    fn follow_parent(&mut self, path: ImagePath) -> Result<ImagePath, CimError> {
        match &mut self.follower {
            Some(follower) => follower.parent(&self.tree, &path),
            None => Ok(path),
        }
    }

    /// Follows all links of a path.
    fn follow(&mut self, path: ImagePath) -> Result<ImagePath, CimError> {
        match &mut self.follower {
            Some(follower) => follower.whole(&self.tree, &path),
            None => Ok(path),
        }
    }
}
