//! A layer without its parent: leaf objects and a journal of edits; replayed over a parent, they make a fork.
//!
//! What a layer holds does not depend on its parent; only the tree does. So all layers of an image can be converted
//! at the same time, each into a *layer set*, and a layer that many images share is converted once. The fork is made
//! at commit: the journal is replayed over the parent's tree, and what changed there becomes the image's own set.
//!
//! The deletions of a layer act on the parent's tree alone, wherever in the layer they stood: they are replayed
//! before all other edits.

use super::dedup::InheritedObjects;
use super::draft::{Draft, Edits};
use super::expand::PeContent;
use super::journal::JournalWriter;
use super::lease::Claim;
use super::metadata::{LeafRecord, Metadata};
use super::publish::Unsynced;
use super::set::SetWriter;
use super::stream::StreamWriter;
use super::{CaseRule, Site, WriterOptions, publish, random_guid};
use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::format::{EditKind, Guid, RegionSet, Stream};
use crate::cim::names::{ImagePath, Name, NameRef};

/// A layer set under construction. One that is dropped leaves nothing behind.
#[derive(Debug)]
pub struct LayerSetWriter {
    draft: Draft<JournalWriter>,
    options: WriterOptions,
    /// The journal, which leads to the set. Released after everything else is cleaned up.
    claim: Claim,
}

impl LayerSetWriter {
    /// Begins a layer set. The same id and the same edits give the same bytes.
    pub fn create(site: impl Into<Site>, guid: Guid, options: WriterOptions) -> Result<Self, CimError> {
        let lease = site.into().lease()?;
        let claim = lease.claim_new(&files::journal(guid))?;
        let inherited = InheritedObjects::default();
        let set = SetWriter::new(lease.directory().clone(), guid, 0, inherited, options)?;
        let journal = JournalWriter::create(&**lease.directory(), claim.leader(), options.sync)?;
        Ok(Self { draft: Draft::new(journal, set), options, claim })
    }

    /// Begins a layer set whose id is not known before its end: [`finish_as`](Self::finish_as) gives it one.
    pub fn unnamed(site: impl Into<Site>, options: WriterOptions) -> Result<Self, CimError> {
        Self::create(site, random_guid()?, options)
    }

    /// Makes a directory. In place of a directory it takes over the children.
    pub fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.draft.create_directory(path, metadata)
    }

    /// Makes a directory, unless the path is one already. The root is one if there is a parent.
    pub fn ensure_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        let leaf = self.draft.directory_leaf(path, metadata)?;
        self.draft.edits.directory(EditKind::MISSING_DIRECTORY, path, &leaf)
    }

    /// Makes a file of `size` bytes, in place of whatever has the path.
    pub fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<StreamWriter<'_>, CimError> {
        self.draft.begin_file(path, metadata, size)?;
        Ok(StreamWriter::new(&mut self.draft))
    }

    /// Makes an alternate stream of `size` bytes.
    pub fn create_stream(
        &mut self,
        path: &ImagePath,
        name: &Name,
        size: u64,
    ) -> Result<StreamWriter<'_>, CimError> {
        self.draft.begin_stream(path, name, size)?;
        Ok(StreamWriter::new(&mut self.draft))
    }

    /// Gives a file another name, in place of whatever has it. Whether `existing` exists shows at replay.
    pub fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.link(new, existing)
    }

    /// Deletes a name of the parent's tree, with all below it.
    pub fn delete(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.deletion(EditKind::DELETE, path);
        Ok(())
    }

    /// Deletes everything that the parent's tree has in a directory.
    pub fn clear_directory(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.deletion(EditKind::CLEAR, path);
        Ok(())
    }

    /// Publishes the layer set.
    pub fn finish(mut self) -> Result<RegionSet, CimError> {
        let set = self.write_rest()?;
        publish::publish(self.draft.set(), self.claim.leader())?;
        Ok(set)
    }

    /// Publishes the layer set under another id than it was begun with. The bytes are those that it would have if it
    /// had been begun with this one.
    pub fn finish_as(mut self, guid: Guid) -> Result<RegionSet, CimError> {
        self.rename(guid)?;
        self.finish()
    }

    /// Does the same, and leaves it to the caller to wait for the disk. Until that is done, a power loss may break the
    /// layer set in any way.
    pub fn finish_unsynced_as(mut self, guid: Guid) -> Result<(RegionSet, Unsynced), CimError> {
        self.rename(guid)?;
        let set = self.write_rest()?;
        let unsynced = publish::publish_unsynced(self.draft.set(), self.claim.leader())?;
        Ok((set, unsynced))
    }

    fn write_rest(&mut self) -> Result<RegionSet, CimError> {
        self.draft.require_no_stream()?;
        let set = self.draft.set().finish()?;
        let distinguish = self.options.case == CaseRule::Distinguish;
        let journal = self.draft.edits.finish(set, distinguish)?;
        self.draft.set().sync_with(journal);
        Ok(set)
    }

    fn rename(&mut self, guid: Guid) -> Result<(), CimError> {
        let claim = self.claim.lease().claim_new(&files::journal(guid))?;
        // The journal goes first: whatever gets its final name from then on can be found by it after a crash.
        publish::rename_leader(self.draft.set(), self.claim.leader(), claim.leader())?;
        self.claim = claim;
        self.draft.set().rename(guid)
    }
}

impl Drop for LayerSetWriter {
    fn drop(&mut self) {
        let set = self.draft.set();
        set.discard();
        // Gone if the layer set was published. Nothing more can be done about a failure here.
        drop(set.directory().remove(&files::part(self.claim.leader())));
    }
}

impl Edits for JournalWriter {
    /// Whether the parent directory exists shows at replay.
    fn check_place(&mut self, _path: &ImagePath) -> Result<(), CimError> {
        Ok(())
    }

    /// Whether the file exists shows at replay.
    fn check_exists(&mut self, _path: &ImagePath) -> Result<(), CimError> {
        Ok(())
    }

    fn put(&mut self, path: &ImagePath, leaf: &LeafRecord, data: Stream) -> Result<(), CimError> {
        if data.is_directory() {
            self.directory(EditKind::DIRECTORY, path, leaf)
        } else {
            self.file(path, leaf, data)
        }
    }

    fn put_image(&mut self, path: &ImagePath, leaf: &LeafRecord, image: &PeContent) -> Result<(), CimError> {
        self.pe_image(path, leaf, image)
    }

    fn put_stream(&mut self, path: &ImagePath, name: NameRef<'_>, data: Stream) -> Result<(), CimError> {
        self.stream(path, name, data)
    }
}
