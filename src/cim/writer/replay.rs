//! Fork at commit: the journal of a layer set, replayed over a parent's tree.

use std::sync::Arc;

use super::dedup::InheritedObjects;
use super::draft::Edits;
use super::metadata::LeafRecord;
use super::set::SetWriter;
use super::tree::Tree;
use super::{CaseRule, WriterOptions, commit_tree, exists, lock, publish, random_guid, region_count};
use crate::cim::error::{CimError, Fault, NotFound, Place};
use crate::cim::files::{self, ImageName};
use crate::cim::format::{
    EditCursor, EditKind, Guid, ImageHeader, JournalHeader, RawLeaf, RawStream, RecordFlags, RegionSet,
    Stream,
};
use crate::cim::io::{Bytes, Directory};
use crate::cim::names::{ImagePath, Name, NameRef};
use crate::cim::reader::Image;
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
        let directory = &self.directory;
        let _lock = lock(&**directory)?;
        if exists(&**directory, new.as_str())? {
            return Err(CimError::image_exists(directory.path().join(new.as_str())));
        }
        publish::clear_leftovers(&**directory)?;
        let base = match parent {
            Some(parent) => Some(Arc::new(Image::open_in(directory.clone(), parent)?)),
            None => None,
        };
        let first = base.as_deref().map_or(Ok(0), |base| region_count(base.regions()))?;
        let tree = self.replay(base.clone(), first)?;
        let mut parents: Vec<RegionSet> = base.iter().flat_map(|base| base.header().sets()).collect();
        parents.push(self.header.set);
        let guid = match options.set {
            Some(guid) => guid,
            None => random_guid()?,
        };
        let own_first = first.saturating_add(self.header.set.count);
        let inherited = InheritedObjects::default();
        let mut set = SetWriter::new(directory.clone(), guid, own_first, inherited, options.sync)?;
        commit_tree(tree, &mut set, new, parents).inspect_err(|_| set.discard())
    }

    fn replay(&self, base: Option<Arc<Image>>, first: u16) -> Result<Tree, CimError> {
        let case = if self.header.case_distinguished { CaseRule::Distinguish } else { CaseRule::Fold };
        let (_, edits, deletions) =
            JournalHeader::parse(self.journal.as_slice()).map_err(|fault| self.corrupt(0, fault))?;
        let is_rootless = base.is_none();
        let mut replay = Replay { layer: self, first, tree: Tree::new(base, first, case)?, is_rootless };
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
        let path = ImagePath::from_units(cursor.path()?)?;
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
                let is_missing = match path.is_root() {
                    true => std::mem::take(&mut self.is_rootless),
                    false => self.tree.kind(&path)? != Some(true),
                };
                if is_missing {
                    self.tree.put(&path, &leaf, Stream::EMPTY_DIRECTORY)?;
                }
            }
            EditKind::STREAM => {
                let name = Name::from_ref(NameRef::from_units(cursor.name()?))?;
                let data = self.data(cursor.stream()?)?;
                self.tree.put_stream(&path, name.as_ref(), data)?;
            }
            EditKind::LINK => {
                let existing = ImagePath::from_units(cursor.path()?)?;
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
