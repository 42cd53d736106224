//! The tree of an image while it is edited: only what changes is loaded from the parent, and written again.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::DefaultHashBuilder;
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::draft::Edits;
use super::expand::PeContent;
use super::links::{LinkEdits, Remaining};
use super::metadata::LeafRecord;
use super::names::{CaseRule, NameMap, NameRules};
use super::set::SetWriter;
use super::tables::FileTables;
use crate::cim::error::{CimError, Fault, InvalidInput, NotFound};
use crate::cim::format::{
    Filesystem, LinkTableLayout, NameEntry, RawFileRecord, RawStream, RegionType, Stream, StreamKind,
};
use crate::cim::names::{ImagePath, NameRef, PathRef, Upcase, upcase};
use crate::cim::reader::{File, Image};
use crate::cim::reparse::Tag;
use crate::cim::units::{FileId, RegionOffset, StreamLen};

/// A tree that is being edited.
#[derive(Debug)]
pub(super) struct Tree {
    base: Option<Arc<Image>>,
    root: FileId,
    case: CaseRule,
    hasher: DefaultHashBuilder,
    /// Recorded in every file that is added.
    base_region: u16,
    tables: FileTables,
    links: LinkEdits,
    /// Directories whose names differ from the parent's.
    directories: BTreeMap<FileId, NameMap<FileId>>,
    /// Files whose alternate streams differ from the parent's.
    streams: BTreeMap<FileId, NameMap<Stream>>,
    /// Expanded executables. Their descriptors are written at commit, because they hold offsets of the image; until then
    /// the records have null offsets.
    images: BTreeMap<FileId, PeContent>,
    /// The directory that was last resolved: most edits follow one in the same directory.
    last_directory: Option<(Vec<U16>, FileId)>,
}

/// Borrows what comparing names takes, and leaves the rest of the tree free to change.
macro_rules! rules {
    ($tree:expr) => {
        NameRules { upcase: upcase_of($tree.base.as_deref()), case: $tree.case, hasher: &$tree.hasher }
    };
}

fn upcase_of(base: Option<&Image>) -> Upcase<'_> {
    match base {
        Some(image) => image.upcase(),
        None => upcase::standard(),
    }
}

impl Tree {
    /// Begins to edit a copy of `base`, or an empty tree.
    pub(super) fn new(base: Option<Arc<Image>>, base_region: u16, case: CaseRule) -> Result<Self, CimError> {
        let mut tree = Self {
            root: base.as_deref().map_or(FileId::ROOT, Image::root),
            case,
            hasher: DefaultHashBuilder::default(),
            base_region,
            tables: FileTables::new(base.clone())?,
            links: LinkEdits::new(base.clone()),
            directories: BTreeMap::new(),
            streams: BTreeMap::new(),
            images: BTreeMap::new(),
            last_directory: None,
            base,
        };
        if tree.base.is_none() {
            tree.root = tree.tables.allocate()?;
            let empty = LeafRecord::default();
            tree.set_record(tree.root, &empty, Stream::EMPTY_DIRECTORY, tree.root)?;
        }
        Ok(tree)
    }

    /// Gives a file another name.
    pub(super) fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        let file = self.require(existing)?;
        if self.is_directory(file)? {
            return Err(CimError::link_to_directory(existing));
        }
        let (parent, name) = new.split_last().ok_or(InvalidInput::Root("a hard link"))?;
        let parent = self.require_directory(parent)?;
        if let Some(replaced) = self.child(parent, name)? {
            if self.is_directory(replaced)? {
                return Err(CimError::link_over_directory(new));
            }
            if replaced == file {
                // The name may differ in case; the link is there.
                return self.name(parent, name, file);
            }
            self.unlink(parent, name, replaced)?;
        }
        let first_parent = self.parent_of(file)?;
        self.links.add(file, parent, first_parent)?;
        self.name(parent, name, file)
    }

    /// Makes a link that leads to a file one that leads to a directory, unless it has several names.
    pub(super) fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError> {
        let id = self.require(link)?;
        if self.links.is_single(id)? {
            let record = RawFileRecord { data: Stream::EMPTY_DIRECTORY.into(), ..self.tables.get(id)? };
            self.tables.set(id, record)?;
        }
        Ok(())
    }

    /// Removes a name: of a file, or of a directory with all below it.
    pub(super) fn delete(&mut self, path: &ImagePath) -> Result<(), CimError> {
        let absent = || NotFound::Path(path.to_string());
        let (parent, name) = path.split_last().ok_or(InvalidInput::Root("deleted"))?;
        let parent = self.resolve(parent)?.ok_or_else(absent)?;
        let id = self.child(parent, name)?.ok_or_else(absent)?;
        self.unlink(parent, name, id)
    }

    /// Removes everything in a directory.
    pub(super) fn clear(&mut self, path: &ImagePath) -> Result<(), CimError> {
        let directory = self.require(path)?;
        if !self.is_directory(directory)? {
            return Err(InvalidInput::NotADirectory(path.to_string()).into());
        }
        let children: Vec<FileId> = self.names_mut(directory)?.values().collect();
        self.directories.insert(directory, NameMap::default());
        self.last_directory = None;
        for child in children {
            self.drop_link(directory, child)?;
        }
        Ok(())
    }

    /// Removes an alternate stream.
    pub(super) fn delete_stream(&mut self, path: &ImagePath, name: NameRef<'_>) -> Result<(), CimError> {
        let file = self.require(path)?;
        self.load_streams(file)?;
        let removed = self.streams.get_mut(&file).and_then(|streams| streams.remove(name, rules!(self)));
        match removed {
            Some(_) => Ok(()),
            None => Err(NotFound::Stream { path: path.to_string(), stream: name.to_string() }.into()),
        }
    }

    /// Finds a file that must exist.
    fn require(&mut self, path: &ImagePath) -> Result<FileId, CimError> {
        self.resolve(path.as_path_ref())?.ok_or_else(|| NotFound::Path(path.to_string()).into())
    }

    /// Finds a file or directory.
    pub(super) fn find(&self, path: &ImagePath) -> Result<Option<File>, CimError> {
        self.resolve(path.as_path_ref())?.map(|id| self.file(id)).transpose()
    }

    /// Finds a name in a directory.
    pub(super) fn find_child(&self, directory: FileId, name: NameRef<'_>) -> Result<Option<File>, CimError> {
        self.child(directory, name)?.map(|id| self.file(id)).transpose()
    }

    /// Returns whether there is no parent.
    pub(super) fn is_from_scratch(&self) -> bool {
        self.base.is_none()
    }

    /// Returns the root directory.
    pub(super) fn root(&self) -> FileId {
        self.root
    }

    /// Returns whether a file is none of the parent's.
    pub(super) fn is_added(&self, file: &File) -> bool {
        self.base.is_none() || file.base_region == self.base_region
    }

    /// Returns whether a path exists, and if so whether it is a directory.
    pub(super) fn kind(&mut self, path: &ImagePath) -> Result<Option<bool>, CimError> {
        match self.resolve(path.as_path_ref())? {
            Some(id) => self.is_directory(id).map(Some),
            None => Ok(None),
        }
    }

    /// Returns whether a file has an alternate stream; one that does not exist has none.
    pub(super) fn has_stream(&self, path: &ImagePath, name: NameRef<'_>) -> Result<bool, CimError> {
        let Some(id) = self.resolve(path.as_path_ref())? else { return Ok(false) };
        match (self.streams.get(&id), &self.base) {
            (Some(streams), _) => Ok(streams.get(name, rules!(self)).is_some()),
            (None, Some(base)) => Ok(base.stream(&self.file(id)?, name)?.is_some()),
            (None, None) => Ok(false),
        }
    }

    /// Returns whether two paths, which may not exist yet, are spellings of one.
    pub(super) fn is_same_place(&self, one: &ImagePath, other: &ImagePath) -> Result<bool, CimError> {
        let (Some((above, name)), Some((other_above, other_name))) = (one.split_last(), other.split_last())
        else {
            return Ok(one.is_root() && other.is_root());
        };
        if !self.is_same_name(name, other_name) {
            return Ok(false);
        }
        let above = self.resolve(above)?;
        Ok(above.is_some() && above == self.resolve(other_above)?)
    }

    /// Returns whether two names are spellings of one.
    pub(super) fn is_same_name(&self, one: NameRef<'_>, other: NameRef<'_>) -> bool {
        rules!(self).same(one, other)
    }

    /// Writes what changed; returns where the filesystem object lies.
    pub(super) fn write(mut self, set: &mut SetWriter) -> Result<RegionOffset, CimError> {
        self.links.write(set)?;
        for (id, names) in std::mem::take(&mut self.directories) {
            self.write_directory(id, &names, set)?;
        }
        for (id, streams) in std::mem::take(&mut self.streams) {
            self.write_streams(id, &streams, set)?;
        }
        for (id, image) in std::mem::take(&mut self.images) {
            self.write_image(id, &image, set)?;
        }
        let (tables, table_count) = self.tables.write(set)?;
        let upcase = match &self.base {
            Some(base) => base.filesystem().upcase,
            None => set.append_shared(RegionType::METADATA, upcase::standard().table().as_bytes())?,
        };
        let filesystem = Filesystem { upcase, tables, table_count, root: self.root };
        set.append(RegionType::METADATA, filesystem.to_raw().as_bytes())
    }

    fn write_directory(
        &mut self,
        id: FileId,
        names: &NameMap<FileId>,
        set: &mut SetWriter,
    ) -> Result<(), CimError> {
        let sorted = names.sorted(upcase_of(self.base.as_deref()));
        let value = |&(name, id): &(_, FileId)| (name, U32::new(id.raw()));
        let data = match write_table(set, || sorted.iter().map(value))? {
            Some((offset, len)) => {
                Stream { offset, len: StreamLen::new(u64::from(len))?, kind: StreamKind::LinkTable }
            }
            None => Stream::EMPTY_DIRECTORY,
        };
        let mut record = self.tables.get(id)?;
        record.data = data.into();
        self.tables.set(id, record)
    }

    /// Writes the descriptor of an executable, unless its file is gone.
    fn write_image(&mut self, id: FileId, image: &PeContent, set: &mut SetWriter) -> Result<(), CimError> {
        let record = self.tables.get(id)?;
        if record.data != image.pending_stream().into() {
            return Ok(());
        }
        let offset = set.append_shared(RegionType::METADATA, &image.to_bytes())?;
        let data = Stream { offset, ..image.pending_stream() };
        self.tables.set(id, RawFileRecord { data: data.into(), ..record })
    }

    fn write_streams(
        &mut self,
        id: FileId,
        streams: &NameMap<Stream>,
        set: &mut SetWriter,
    ) -> Result<(), CimError> {
        let sorted = streams.sorted(upcase_of(self.base.as_deref()));
        let value = |&(name, stream): &(_, Stream)| (name, RawStream::from(stream));
        let table = write_table(set, || sorted.iter().map(value))?;
        let mut record = self.tables.get(id)?;
        record.streams = U64::new(table.map_or(RegionOffset::NULL, |(offset, _)| offset).raw());
        self.tables.set(id, record)
    }

    fn set_record(
        &mut self,
        id: FileId,
        leaf: &LeafRecord,
        data: Stream,
        parent: FileId,
    ) -> Result<(), CimError> {
        let [creation, last_write, change, last_access] = leaf.times.map(|time| U64::new(time.raw()));
        let record = RawFileRecord {
            flags: U16::new(leaf.flags.bits()),
            ea_len: U16::new(leaf.ea_len),
            reparse_tag: U32::new(leaf.reparse_tag),
            creation_time: creation,
            last_write_time: last_write,
            change_time: change,
            last_access_time: last_access,
            data: data.into(),
            security: U64::new(leaf.security.raw()),
            eas: U64::new(leaf.eas.raw()),
            reparse: U64::new(leaf.reparse.raw()),
            streams: U64::ZERO,
            parent: U32::new(parent.raw()),
            base_region: U16::new(self.base_region),
            reserved: U16::ZERO,
        };
        self.tables.set(id, record)
    }

    /// Gives a directory other metadata and keeps its children.
    fn update_directory(&mut self, id: FileId, leaf: &LeafRecord, parent: FileId) -> Result<(), CimError> {
        let data = self.file(id)?.data;
        self.streams.remove(&id);
        self.set_record(id, leaf, data, parent)
    }

    fn name(&mut self, directory: FileId, name: NameRef<'_>, id: FileId) -> Result<(), CimError> {
        self.names_mut(directory)?;
        let names = self.directories.entry(directory).or_default();
        names.insert(name, id, rules!(self))
    }

    fn unlink(&mut self, directory: FileId, name: NameRef<'_>, id: FileId) -> Result<(), CimError> {
        self.names_mut(directory)?;
        self.directories.entry(directory).or_default().remove(name, rules!(self));
        self.drop_link(directory, id)
    }

    /// Takes one name away from a file; with the last one goes the file, and with a directory all below it.
    fn drop_link(&mut self, directory: FileId, id: FileId) -> Result<(), CimError> {
        let mut dropped = vec![(directory, id)];
        while let Some((directory, id)) = dropped.pop() {
            self.require_linked(id)?;
            if self.is_directory(id)? {
                dropped.extend(self.take_children(id)?.into_iter().map(|child| (id, child)));
                self.last_directory = None;
                self.tables.release(id)?;
                continue;
            }
            match self.links.remove(id, directory)? {
                Remaining::Nothing => {
                    self.streams.remove(&id);
                    self.tables.release(id)?;
                }
                Remaining::NameIn(other) => self.set_parent(id, other)?,
            }
        }
        Ok(())
    }

    /// Fails for the root and for a file that is gone already: a parent in which a directory is reached twice lies.
    fn require_linked(&self, id: FileId) -> Result<(), CimError> {
        let free = self.tables.is_free(id)?;
        match &self.base {
            Some(base) if free || id == self.root => {
                Err(base.regions().corrupt(base.filesystem().tables, Fault::Cycle { id: id.raw() }))
            }
            _ => Ok(()),
        }
    }

    /// Empties a directory that goes away, and returns what was in it.
    fn take_children(&mut self, id: FileId) -> Result<Vec<FileId>, CimError> {
        self.streams.remove(&id);
        if let Some(names) = self.directories.remove(&id) {
            return Ok(names.values().collect());
        }
        let Some(base) = &self.base else { return Ok(Vec::new()) };
        let directory = self.file(id)?;
        base.list(&directory)?.map(|entry| entry.map(|(_, child)| child)).collect()
    }

    fn set_parent(&mut self, id: FileId, parent: FileId) -> Result<(), CimError> {
        let mut record = self.tables.get(id)?;
        if record.parent.get() != parent.raw() {
            record.parent = U32::new(parent.raw());
            self.tables.set(id, record)?;
        }
        Ok(())
    }

    fn file(&self, id: FileId) -> Result<File, CimError> {
        Ok(File::new(id, &self.tables.get(id)?))
    }

    fn is_directory(&self, id: FileId) -> Result<bool, CimError> {
        Ok(self.file(id)?.is_directory())
    }

    /// Returns whether a file is a directory that is neither a symlink nor a junction.
    fn may_have_children(&self, id: FileId) -> Result<bool, CimError> {
        let file = self.file(id)?;
        let is_link = file.is_reparse_point() && Tag(file.reparse_tag).is_name_surrogate();
        Ok(file.is_directory() && !is_link)
    }

    fn parent_of(&self, id: FileId) -> Result<FileId, CimError> {
        let file = self.file(id)?;
        match (file.parent, &self.base) {
            (Some(parent), _) => Ok(parent),
            (None, Some(base)) => Ok(base.parent(&file)?.unwrap_or(self.root)),
            (None, None) => Ok(self.root),
        }
    }

    fn require_directory(&mut self, path: PathRef<'_>) -> Result<FileId, CimError> {
        if let Some((last, id)) = &self.last_directory
            && last.as_slice() == path.units()
        {
            return Ok(*id);
        }
        let found = self.resolve(path)?;
        let id = found.ok_or_else(|| NotFound::Path(path.to_string()))?;
        let file = self.file(id)?;
        if !file.is_directory() {
            return Err(NotFound::Path(path.to_string()).into());
        }
        if file.is_reparse_point() {
            return Err(InvalidInput::LinkOnTheWay(path.to_string()).into());
        }
        self.last_directory = Some((path.units().to_vec(), id));
        Ok(id)
    }

    fn resolve(&self, path: PathRef<'_>) -> Result<Option<FileId>, CimError> {
        let mut id = self.root;
        for name in path.components() {
            match self.child(id, name)? {
                Some(child) => id = child,
                None => return Ok(None),
            }
        }
        Ok(Some(id))
    }

    fn child(&self, directory: FileId, name: NameRef<'_>) -> Result<Option<FileId>, CimError> {
        if let Some(names) = self.directories.get(&directory) {
            return Ok(names.get(name, rules!(self)));
        }
        let Some(base) = &self.base else { return Ok(None) };
        let directory = self.file(directory)?;
        match self.case {
            CaseRule::Fold => base.child(&directory, name),
            CaseRule::Distinguish => base.child_exact(&directory, name),
        }
    }

    /// Loads the names of a directory, to be changed.
    fn names_mut(&mut self, id: FileId) -> Result<&mut NameMap<FileId>, CimError> {
        if !self.directories.contains_key(&id) {
            let mut names = NameMap::default();
            if let Some(base) = &self.base {
                for entry in base.list(&self.file(id)?)? {
                    let (name, child) = entry?;
                    names.push(name, child, rules!(self))?;
                }
            }
            self.directories.insert(id, names);
        }
        Ok(self.directories.entry(id).or_default())
    }

    fn load_streams(&mut self, id: FileId) -> Result<(), CimError> {
        if self.streams.contains_key(&id) {
            return Ok(());
        }
        let mut streams = NameMap::default();
        if let Some(base) = &self.base {
            for entry in base.list_streams(&self.file(id)?)? {
                let (name, stream) = entry?;
                streams.push(name, stream, rules!(self))?;
            }
        }
        self.streams.insert(id, streams);
        Ok(())
    }
}

impl Edits for Tree {
    fn check_place(&mut self, path: &ImagePath) -> Result<(), CimError> {
        match path.split_last() {
            Some((parent, _)) => self.require_directory(parent).map(drop),
            None => Ok(()),
        }
    }

    fn check_exists(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.require(path).map(drop)
    }

    /// Puts a file in place of what has the path. A directory in place of a directory keeps its children, unless one of the
    /// two is a symlink or a junction.
    fn put(&mut self, path: &ImagePath, leaf: &LeafRecord, data: Stream) -> Result<(), CimError> {
        let Some((parent, name)) = path.split_last() else {
            if !data.is_directory() {
                return Err(InvalidInput::Root("replaced by a file").into());
            }
            if leaf.is_link() {
                return Err(InvalidInput::Root("replaced by a link").into());
            }
            return self.update_directory(self.root, leaf, self.root);
        };
        let parent = self.require_directory(parent)?;
        if let Some(existing) = self.child(parent, name)? {
            if data.is_directory() && !leaf.is_link() && self.may_have_children(existing)? {
                self.update_directory(existing, leaf, parent)?;
                return self.name(parent, name, existing);
            }
            self.unlink(parent, name, existing)?;
        }
        let id = self.tables.allocate()?;
        self.set_record(id, leaf, data, parent)?;
        self.name(parent, name, id)
    }

    fn put_image(&mut self, path: &ImagePath, leaf: &LeafRecord, image: &PeContent) -> Result<(), CimError> {
        self.put(path, leaf, image.pending_stream())?;
        let file = self.require(path)?;
        self.images.insert(file, image.clone());
        Ok(())
    }

    fn put_stream(&mut self, path: &ImagePath, name: NameRef<'_>, stream: Stream) -> Result<(), CimError> {
        let file = self.require(path)?;
        self.load_streams(file)?;
        let streams = self.streams.entry(file).or_default();
        streams.insert(name, stream, rules!(self))
    }
}

/// Writes a link table; `None` for one without names.
fn write_table<'a, V, I>(
    set: &mut SetWriter,
    entries: impl Fn() -> I,
) -> Result<Option<(RegionOffset, u32)>, CimError>
where
    V: IntoBytes + zerocopy::Immutable,
    I: Iterator<Item = NameEntry<'a, V>>,
{
    let count = entries().count();
    if count == 0 {
        return Ok(None);
    }
    let units = entries().map(|(name, _)| u64::try_from(name.units().len()).unwrap_or(u64::MAX)).sum();
    let full = InvalidInput::Full { what: "names in a table" };
    let layout = LinkTableLayout::<V>::new(count, units).ok_or(full)?;
    let mut lister = set.lister();
    let (index, region) = set.region(RegionType::METADATA)?;
    let start = region.align()?;
    let mut result = Ok(());
    layout.emit(entries, |part| {
        if result.is_ok() {
            result = region.file().append(part);
        }
        lister.iter_mut().for_each(|lister| lister.update(part));
    });
    result?;
    let offset = set.offset(index, start)?;
    if let Some(lister) = lister {
        set.remember(RegionType::METADATA, &lister.finish(), offset)?;
    }
    Ok(Some((offset, layout.len())))
}
