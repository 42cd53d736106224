//! Fork at commit: the journal of a layer set, replayed over a parent's tree.

use std::sync::Arc;

use super::dedup::InheritedObjects;
use super::draft::{Draft, Edits};
use super::follow::Follower;
use super::metadata::LeafRecord;
use super::set::SetWriter;
use super::tree::Tree;
use super::{CaseRule, Writer, WriterOptions, exists, lock, publish, random_guid, region_count};
use crate::cim::error::{CimError, Fault, NotFound, Place};
use crate::cim::files::{self, ImageName};
use crate::cim::format::{
    EditCursor, EditKind, Guid, ImageHeader, JournalHeader, RawLeaf, RawStream, RecordFlags, RegionSet,
    Stream,
};
use crate::cim::io::{Bytes, Directory};
use crate::cim::names::{ImagePath, Name, NameRef};
use crate::cim::reader::{Image, Regions};
use crate::cim::units::{FileTime, RegionOffset};

/// A published layer set.
#[derive(Debug)]
pub struct LayerSet {
    directory: Arc<dyn Directory>,
    name: String,
    header: JournalHeader,
    journal: Bytes,
}

impl LayerSet {
    /// Opens a layer set and checks its journal.
    pub fn open(directory: Arc<dyn Directory>, guid: Guid) -> Result<Self, CimError> {
        let name = files::journal(guid);
        let path = directory.path().join(&name);
        let journal = directory.open(&name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => NotFound::Image(path.clone()).into(),
            _ => CimError::io("open", &path, error),
        })?;
        let corrupt = |fault| CimError::corrupt(Place { file: name.clone(), offset: 0 }, fault);
        let (header, _, _) = JournalHeader::parse(journal.as_slice()).map_err(corrupt)?;
        if header.set.guid != guid {
            let reason = format!("it is of the set {}", header.set.guid);
            return Err(corrupt(Fault::Malformed { what: "the journal", reason }));
        }
        Ok(Self { directory, name, header, journal })
    }

    /// Returns the region set of the layer's leaf objects.
    pub fn set(&self) -> RegionSet {
        self.header.set
    }

    /// Makes an image: the layer over `parent`, or alone.
    pub fn commit(
        &self,
        parent: Option<&ImageName>,
        new: &ImageName,
        options: WriterOptions,
    ) -> Result<ImageHeader, CimError> {
        self.fork(parent, new, options)?.commit()
    }

    /// Begins an image that has the layer over `parent`, or alone, for more to be written to it. Names compare as they
    /// do in the layer, whatever `options` says.
    pub fn fork(
        &self,
        parent: Option<&ImageName>,
        new: &ImageName,
        options: WriterOptions,
    ) -> Result<Writer, CimError> {
        let directory = &self.directory;
        let lock = lock(&**directory)?;
        if exists(&**directory, new.as_str())? {
            return Err(CimError::image_exists(directory.path().join(new.as_str())));
        }
        publish::clear_leftovers(&**directory)?;
        let base = match parent {
            Some(parent) => Some(Arc::new(Image::open_in(directory.clone(), parent)?)),
            None => None,
        };
        let first = base.as_deref().map_or(Ok(0), |base| region_count(base.regions()))?;
        let mut parents: Vec<RegionSet> = base.iter().flat_map(|base| base.header().sets()).collect();
        parents.push(self.header.set);
        let regions = Regions::open(&**directory, parents.iter().copied())?;
        let tree = self.replay(base, first, &regions)?;
        let guid = match options.set {
            Some(guid) => guid,
            None => random_guid()?,
        };
        let own_first = first.saturating_add(self.header.set.count);
        let inherited = InheritedObjects::default();
        let set = SetWriter::new(directory.clone(), guid, own_first, inherited, options.sync)?;
        Ok(Writer { name: new.clone(), parents, regions, draft: Draft::new(tree, set), _lock: lock })
    }

    fn replay(&self, base: Option<Arc<Image>>, first: u16, regions: &Regions) -> Result<Tree, CimError> {
        let is_linux = self.header.case_distinguished;
        let case = if is_linux { CaseRule::Distinguish } else { CaseRule::Fold };
        let (_, edits, deletions) =
            JournalHeader::parse(self.journal.as_slice()).map_err(|fault| self.corrupt(0, fault))?;
        let is_rootless = base.is_none();
        let tree = Tree::new(base, first, case)?;
        let follower = is_linux.then(|| Follower::new(regions, &tree));
        let mut replay = Replay { layer: self, first, tree, is_rootless, follower };
        for section in [deletions, edits] {
            let mut cursor = EditCursor::new(section);
            let len = cursor.left();
            loop {
                let at = len - cursor.left();
                match replay.step(&mut cursor) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(Stop::Fault(fault)) => return Err(self.corrupt(at, fault)),
                    Err(Stop::Error(error)) => return Err(error),
                }
            }
        }
        Ok(replay.tree)
    }

    fn corrupt(&self, offset: u64, fault: Fault) -> CimError {
        CimError::corrupt(Place { file: self.name.clone(), offset }, fault)
    }
}

struct Replay<'a> {
    layer: &'a LayerSet,
    /// Index of the layer set's first region in the new image.
    first: u16,
    tree: Tree,
    /// Whether there is no parent and the root still has no metadata.
    is_rootless: bool,
    /// Follows links on the way of paths, in a layer of Linux.
    follower: Option<Follower<'a>>,
}

/// Why a replay stops: the journal lies, or an edit does not fit the tree.
enum Stop {
    Fault(Fault),
    Error(CimError),
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
                let leaf = self.leaf(cursor.leaf()?)?;
                let data = self.data(cursor.stream()?)?;
                self.tree.put(&path, &leaf, data)?;
            }
            EditKind::DIRECTORY => {
                let leaf = self.leaf(cursor.leaf()?)?;
                self.is_rootless &= !path.is_root();
                self.tree.put(&path, &leaf, Stream::EMPTY_DIRECTORY)?;
            }
            EditKind::MISSING_DIRECTORY => {
                let leaf = self.leaf(cursor.leaf()?)?;
                self.ensure(&path, &leaf)?;
            }
            EditKind::STREAM => {
                let name = Name::from_ref(NameRef::from_units(cursor.name()?))?;
                let data = self.data(cursor.stream()?)?;
                self.tree.put_stream(&path, name.as_ref(), data)?;
            }
            EditKind::LINK => {
                let existing = ImagePath::from_units(cursor.path()?)?;
                let existing = self.follow_parent(existing)?;
                if self.tree.kind(&path)? == Some(true) {
                    self.tree.delete(&path)?;
                }
                self.tree.link(&path, &existing)?;
            }
            // What is absent needs no deletion.
            EditKind::DELETE if self.tree.kind(&path)?.is_some() => self.tree.delete(&path)?,
            EditKind::CLEAR if self.tree.kind(&path)? == Some(true) => self.tree.clear(&path)?,
            EditKind::DELETE | EditKind::CLEAR => {}
            EditKind(other) => {
                let reason = format!("unknown edit {other}");
                return Err(Fault::Malformed { what: "the journal", reason }.into());
            }
        }
        Ok(true)
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

    fn leaf(&self, raw: RawLeaf) -> Result<LeafRecord, Fault> {
        Ok(LeafRecord {
            flags: RecordFlags::from_bits_retain(raw.flags.get()),
            times: raw.times.map(|time| FileTime::from_raw(time.get())),
            security: self.offset("a security descriptor", raw.security.get())?,
            eas: self.offset("extended attributes", raw.eas.get())?,
            ea_len: raw.ea_len.get(),
            reparse: self.offset("reparse data", raw.reparse.get())?,
            reparse_tag: raw.reparse_tag.get(),
        })
    }

    fn data(&self, raw: RawStream) -> Result<Stream, Fault> {
        let stream = Stream::try_from(raw)?;
        if stream.is_directory() {
            let reason = "data has the type of a directory".to_owned();
            return Err(Fault::Malformed { what: "the journal", reason });
        }
        Ok(Stream { offset: self.offset("stream data", stream.offset.raw())?, ..stream })
    }

    /// Counts a set-local offset as the new image does.
    fn offset(&self, what: &'static str, raw: u64) -> Result<RegionOffset, Fault> {
        let local = RegionOffset::from_raw(raw);
        let (region, count) = (local.region(), self.layer.header.set.count);
        let outside = Fault::NoSuchRegion { what, region, count: count.into() };
        if !local.is_null() && region >= count {
            return Err(outside);
        }
        local.relocate(self.first).ok_or(outside)
    }
}
