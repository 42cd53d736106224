//! A region set under construction.

use std::sync::Arc;

use zerocopy::IntoBytes;

use super::dedup::{DigestKinds, InheritedObjects, ObjectId};
use super::hasher::ObjectHasher;
use super::region::RegionWriter;
use super::{ObjectLayout, WriterOptions};
use crate::cim::error::{CimError, InvalidInput};
use crate::cim::files;
use crate::cim::format::{DigestKind, Guid, ObjectIdHeader, RegionHeader, RegionSet, RegionType};
use crate::cim::io::{Directory, OutputFile};
use crate::cim::units::RegionOffset;

#[derive(Debug)]
pub(super) struct SetWriter {
    directory: Arc<dyn Directory>,
    guid: Guid,
    /// Index of the set's first region in the image.
    first: u16,
    sync: bool,
    layout: ObjectLayout,
    /// What is computed of each object.
    kinds: DigestKinds,
    regions: Vec<RegionWriter>,
    /// Files that are written, but may not be on the disk yet.
    unsynced: Vec<Arc<dyn OutputFile>>,
    inherited: InheritedObjects,
    /// Every file made so far, by its final name.
    names: Vec<String>,
}

impl SetWriter {
    /// Begins a set whose regions are counted from `first` on. Files are made when something goes into them.
    pub(super) fn new(
        directory: Arc<dyn Directory>,
        guid: Guid,
        first: u16,
        inherited: InheritedObjects,
        options: WriterOptions,
    ) -> Result<Self, CimError> {
        require_new(&*directory, guid)?;
        Ok(Self {
            directory,
            guid,
            first,
            sync: options.sync,
            layout: options.layout,
            kinds: inherited.kinds(options.layout.object_ids),
            regions: Vec::new(),
            unsynced: Vec::new(),
            inherited,
            names: Vec::new(),
        })
    }

    pub(super) fn guid(&self) -> Guid {
        self.guid
    }

    /// Gives the set another id, before it is finished.
    pub(super) fn rename(&mut self, guid: Guid) -> Result<(), CimError> {
        require_new(&*self.directory, guid)?;
        for (name, index) in self.names.iter_mut().zip(0..) {
            let new = files::region(guid, index);
            let (from, to) = (files::part(name), files::part(&new));
            let renamed = self.directory.rename(&from, &to);
            renamed.map_err(|error| CimError::io("rename", self.directory.path().join(from), error))?;
            *name = new;
        }
        self.guid = guid;
        Ok(())
    }

    pub(super) fn directory(&self) -> &Arc<dyn Directory> {
        &self.directory
    }

    pub(super) fn syncs(&self) -> bool {
        self.sync
    }

    /// Returns how objects are laid out.
    pub(super) fn layout(&self) -> ObjectLayout {
        self.layout
    }

    /// Returns what is computed of each object.
    pub(super) fn kinds(&self) -> DigestKinds {
        self.kinds
    }

    /// Returns the region of a kind, made if need be, with its place in the set.
    pub(super) fn region(&mut self, kind: RegionType) -> Result<(u16, &mut RegionWriter), CimError> {
        let found = self.regions.iter().position(|region| region.kind() == kind);
        let at = match found {
            Some(at) => at,
            None => self.create_region(kind)?,
        };
        let index = u16::try_from(at).expect("a set has at most one region of each kind");
        Ok((index, &mut self.regions[at]))
    }

    fn create_region(&mut self, kind: RegionType) -> Result<usize, CimError> {
        let at = self.regions.len();
        let index = u16::try_from(at).expect("a set has at most one region of each kind");
        if self.first.checked_add(index).is_none() {
            return Err(InvalidInput::Full { what: "regions" }.into());
        }
        // Named first, so that a file that was made is removed whatever happens next.
        self.names.push(files::region(self.guid, index));
        let header = RegionHeader { index, kind };
        let ids = self.layout.object_ids;
        self.regions.push(RegionWriter::create(&*self.directory, self.guid, header, ids, self.sync)?);
        Ok(at)
    }

    /// Names a byte of one of the set's regions as the image counts.
    pub(super) fn offset(&self, index: u16, byte: u64) -> Result<RegionOffset, CimError> {
        let region = self.first.checked_add(index);
        let offset = region.and_then(|region| RegionOffset::new(region, byte));
        offset.ok_or_else(|| InvalidInput::Full { what: "bytes in a region" }.into())
    }

    /// Appends an object that nothing else will share.
    pub(super) fn append(&mut self, kind: RegionType, bytes: &[u8]) -> Result<RegionOffset, CimError> {
        let (index, region) = self.region(kind)?;
        let start = region.align()?;
        region.file().append(bytes)?;
        let offset = self.offset(index, start)?;
        if let Some(mut hasher) = self.lister() {
            hasher.update(bytes);
            self.remember(kind, &hasher.finish(), offset)?;
        }
        Ok(offset)
    }

    /// Begins the id of an object that is listed although nothing else will share it: Windows lists every object.
    pub(super) fn lister(&self) -> Option<ObjectHasher> {
        let lists_all = self.layout.object_ids == DigestKind::Sha512;
        lists_all.then(|| ObjectHasher::new(DigestKinds::default().with(DigestKind::Sha512)))
    }

    /// Appends an object, or finds it where it is already.
    pub(super) fn append_shared(&mut self, kind: RegionType, bytes: &[u8]) -> Result<RegionOffset, CimError> {
        let id = ObjectId::of(bytes, self.kinds);
        if let Some(found) = self.find(kind, &id, RegionType::METADATA.alignment())? {
            return Ok(found);
        }
        let (index, region) = self.region(kind)?;
        let start = region.align()?;
        region.file().append(bytes)?;
        let offset = self.offset(index, start)?;
        self.remember(kind, &id, offset)?;
        Ok(offset)
    }

    /// Looks for an object in this set, where it has the alignment of its region, and in those that the image inherits,
    /// where it must lie at a multiple of `alignment`.
    pub(super) fn find(
        &mut self,
        kind: RegionType,
        id: &ObjectId,
        alignment: u64,
    ) -> Result<Option<RegionOffset>, CimError> {
        if let Some(at) = self.regions.iter().position(|region| region.kind() == kind)
            && let Some(byte) = self.regions[at].objects().find(id)
        {
            let index = u16::try_from(at).expect("a set has at most one region of each kind");
            return self.offset(index, byte).map(Some);
        }
        Ok(self.inherited.find(kind, id, alignment))
    }

    /// Makes an object known to later searches.
    pub(super) fn remember(
        &mut self,
        kind: RegionType,
        id: &ObjectId,
        offset: RegionOffset,
    ) -> Result<(), CimError> {
        let (_, region) = self.region(kind)?;
        region.objects().insert(id, offset.byte())
    }

    /// Writes a whole file beside the regions, under its unpublished name.
    pub(super) fn write_file(&mut self, name: String, parts: &[&[u8]]) -> Result<(), CimError> {
        self.names.push(name.clone());
        self.write_part(&name, parts)
    }

    /// Writes a whole file under its unpublished name. It is on the disk before any of the set gets its final name.
    pub(super) fn write_part(&mut self, name: &str, parts: &[&[u8]]) -> Result<(), CimError> {
        let name = files::part(name);
        let path = self.directory.path().join(&name);
        let file = self.directory.create(&name).map_err(|error| CimError::io("create", &path, error))?;
        let mut offset = 0u64;
        for part in parts {
            file.write_at(part, offset).map_err(|error| CimError::io("write", &path, error))?;
            offset = offset.saturating_add(u64::try_from(part.len()).expect("a usize fits a u64"));
        }
        self.sync_with(file);
        Ok(())
    }

    /// Lets a file be on the disk before any of the set gets its final name.
    pub(super) fn sync_with(&mut self, file: Arc<dyn OutputFile>) {
        self.unsynced.push(file);
    }

    /// Finishes the regions and writes their object ids.
    pub(super) fn finish(&mut self) -> Result<RegionSet, CimError> {
        let guid = self.guid;
        for at in 0..self.regions.len() {
            let index = u16::try_from(at).expect("a set has at most one region of each kind");
            let region = &mut self.regions[at];
            region.finish(self.layout.placement)?;
            self.unsynced.push(region.file().output());
            let (kind, objects) = (region.kind(), std::mem::take(region.objects()).into_sorted());
            if objects.is_empty() {
                continue;
            }
            let count = u32::try_from(objects.len()).expect("insertion keeps the count below 2^32");
            let header = ObjectIdHeader { index, kind }.to_raw(count);
            self.write_file(files::object_ids(guid, index), &[header.as_bytes(), objects.as_bytes()])?;
        }
        let count = u16::try_from(self.regions.len()).expect("a set has at most one region of each kind");
        Ok(RegionSet { guid, count })
    }

    /// Returns the files that may not be on the disk yet.
    pub(super) fn take_unsynced(&mut self) -> Vec<Arc<dyn OutputFile>> {
        std::mem::take(&mut self.unsynced)
    }

    /// Gives all files their final names.
    pub(super) fn publish(&self) -> Result<(), CimError> {
        self.names.iter().try_for_each(|name| rename_part(&*self.directory, name))
    }

    /// Takes back what was written; for the way out of a failure, where nothing more can be done about another.
    pub(super) fn discard(&mut self) {
        self.regions.clear();
        self.unsynced.clear();
        for name in self.names.drain(..) {
            for name in [files::part(&name), name] {
                drop(self.directory.remove(&name));
            }
        }
    }

    /// Keeps what was published.
    pub(super) fn keep(&mut self) {
        self.names.clear();
    }
}

/// Fails if a set exists.
fn require_new(directory: &dyn Directory, guid: Guid) -> Result<(), CimError> {
    let first = files::region(guid, 0);
    let path = directory.path().join(&first);
    match directory.exists(&first) {
        Ok(false) => Ok(()),
        Ok(true) => Err(CimError::image_exists(path)),
        Err(error) => Err(CimError::io("look for", path, error)),
    }
}

/// Gives a file its final name.
pub(super) fn rename_part(directory: &dyn Directory, name: &str) -> Result<(), CimError> {
    directory
        .rename(&files::part(name), name)
        .map_err(|error| CimError::io("publish", directory.path().join(name), error))
}
