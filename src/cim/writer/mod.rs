//! Writing an image: from scratch, over an existing one, or as a fork of one.
//!
//! A writer has the containing directory for itself, or shares a [`Lease`] of it with others. Data goes to region
//! files as it comes; the tree is kept in memory, as far as it differs from the parent's, and written at commit. Until
//! then nothing is visible, and a writer that is dropped leaves nothing behind.

mod append;
mod contents;
mod dedup;
mod draft;
mod expand;
mod follow;
mod fork;
mod hasher;
mod journal;
mod layer_set;
mod lease;
mod leaves;
mod links;
mod metadata;
mod names;
mod prune;
mod publish;
mod references;
mod region;
mod replay;
mod set;
mod stream;
mod tables;
mod tree;

use std::io;
use std::sync::Arc;

pub use contents::{Change, LayerContents, LayerEdit};
pub use fork::LayerSet;
pub use layer_set::LayerSetWriter;
pub use lease::{Lease, Site};
pub use metadata::Metadata;
pub use names::CaseRule;
pub use prune::{Pruned, prune};
pub use publish::Unsynced;

pub use stream::StreamWriter;

use dedup::InheritedObjects;
use draft::{Draft, StreamSink};
use lease::Claim;
use set::SetWriter;
use tree::Tree;

use super::error::{CimError, Conflict, InvalidInput, Unsupported};
use super::files::{self, ImageName};
use super::format::{DigestKind, Guid, ImageHeader, Major, RegionSet, RegionType, Version};
use super::io::Directory;
use super::names::{ImagePath, Name};
use super::reader::{File, Image, Regions, read_header};

/// How an image is written.
#[derive(Clone, Copy, Debug)]
pub struct WriterOptions {
    /// Whether names that differ in case only are one name or two.
    pub case: CaseRule,
    /// Whether a commit waits for the disk. Without, a power loss may take the image, but not leave half of it to
    /// be mistaken for a whole one on file systems that keep the order of renames and data.
    pub sync: bool,
    /// The id of the region set that is written; random if not given.
    pub set: Option<Guid>,
    /// How objects are laid out.
    pub layout: ObjectLayout,
}

/// How objects are laid out, where writers may choose. Readers do not care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectLayout {
    /// Whether executables are stored with their sections page-aligned, as Windows stores them by default.
    pub expand_pe: bool,
    /// How the digests of object-id files are computed.
    pub object_ids: DigestKind,
    /// Which region data goes to.
    pub placement: Placement,
}

/// Which region data goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Placement {
    /// As Windows places it: more than 1 KiB goes to the region of large data, which ends with a whole block.
    #[default]
    Windows,
    /// As early versions of this library placed it: 32 KiB and more go to the region of large data, which ends with the
    /// data. Only for writing files again that such a version wrote.
    Early,
}

impl Placement {
    const EARLY_LIMIT: u64 = 32 << 10;

    fn region(self, len: u64) -> RegionType {
        match self {
            Self::Windows => RegionType::for_data(len),
            Self::Early if len < Self::EARLY_LIMIT => RegionType::SMALL_DATA,
            Self::Early => RegionType::DATA,
        }
    }

    /// Returns what the length of a finished region is a multiple of.
    fn end_alignment(self, kind: RegionType) -> u64 {
        match self {
            Self::Windows => kind.end_alignment(),
            Self::Early => 1,
        }
    }
}

impl WriterOptions {
    /// The default as a constant.
    pub const DEFAULT: Self = Self {
        case: CaseRule::Fold,
        sync: true,
        set: None,
        layout: ObjectLayout {
            expand_pe: false,
            object_ids: DigestKind::Blake3,
            placement: Placement::Windows,
        },
    };
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// An image under construction.
#[derive(Debug)]
pub struct Writer {
    name: ImageName,
    /// The region sets that the image takes over, and their files.
    parents: Vec<RegionSet>,
    regions: Regions,
    draft: Draft<Tree>,
    /// Released after everything else is cleaned up.
    _claim: Claim,
}

impl Writer {
    /// Begins an image: from scratch where only `new` is given; in place of `existing` where only that is, or both
    /// are the same; as a fork of `existing` otherwise.
    pub fn open(
        site: impl Into<Site>,
        existing: Option<&ImageName>,
        new: Option<&ImageName>,
        options: WriterOptions,
    ) -> Result<Self, CimError> {
        let name = new.or(existing).ok_or(InvalidInput::NoImageName)?.clone();
        let lease = site.into().lease()?;
        let directory = lease.directory().clone();
        let claim = lease.claim(name.as_str())?;
        let base = match existing {
            Some(existing) => Some(Arc::new(open_base(&directory, existing)?)),
            None => None,
        };
        if existing != Some(&name) {
            claim.require_new()?;
        }
        let first = base.as_deref().map_or(Ok(0), |base| region_count(base.regions()))?;
        let inherited = base.as_deref().map(InheritedObjects::open).unwrap_or_default();
        let guid = match options.set {
            Some(guid) => guid,
            None => random_guid()?,
        };
        let set = SetWriter::new(directory, guid, first, inherited, options)?;
        let parents = base.iter().flat_map(|base| base.header().sets()).collect();
        let regions = base.as_deref().map(Image::regions).cloned().unwrap_or_default();
        let tree = Tree::new(base, first, options.case)?;
        Ok(Self { name, parents, regions, draft: Draft::new(tree, set), _claim: claim })
    }

    /// Begins an image from scratch.
    pub fn create(site: impl Into<Site>, new: &ImageName, options: WriterOptions) -> Result<Self, CimError> {
        Self::open(site, None, Some(new), options)
    }

    /// Begins a fork: an image that shares everything with its parent but what is edited.
    pub fn fork(
        site: impl Into<Site>,
        parent: &ImageName,
        new: &ImageName,
        options: WriterOptions,
    ) -> Result<Self, CimError> {
        Self::open(site, Some(parent), Some(new), options)
    }

    /// Begins a change of an image, which is replaced at commit.
    pub fn extend(
        site: impl Into<Site>,
        existing: &ImageName,
        options: WriterOptions,
    ) -> Result<Self, CimError> {
        Self::open(site, Some(existing), None, options)
    }

    /// Makes a directory. In place of a directory it takes over the children.
    pub fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.draft.create_directory(path, metadata)
    }

    /// Makes a file of `size` bytes, in place of whatever has the path. The file is there when the stream that is
    /// returned is finished; what is not written reads as zeros.
    pub fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<StreamWriter<'_>, CimError> {
        self.begin_file(path, metadata, size)?;
        Ok(StreamWriter::new(&mut self.draft))
    }

    /// Makes an alternate stream of `size` bytes, in place of one of the same name.
    pub fn create_stream(
        &mut self,
        path: &ImagePath,
        name: &Name,
        size: u64,
    ) -> Result<StreamWriter<'_>, CimError> {
        self.begin_stream(path, name, size)?;
        Ok(StreamWriter::new(&mut self.draft))
    }

    /// Opens a file's stream, to be written by [`write`](Self::write) and closed by
    /// [`finish_stream`](Self::finish_stream). For callers that cannot hold a [`StreamWriter`].
    pub fn begin_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<(), CimError> {
        self.draft.begin_file(path, metadata, size)
    }

    /// Opens an alternate stream, like [`begin_file`](Self::begin_file).
    pub fn begin_stream(&mut self, path: &ImagePath, name: &Name, size: u64) -> Result<(), CimError> {
        self.draft.begin_stream(path, name, size)
    }

    /// Appends to the open stream: all of `bytes`, or nothing where they would pass the declared size.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        self.draft.append(bytes)
    }

    /// Closes the open stream and makes the file or stream that it belongs to.
    pub fn finish_stream(&mut self) -> Result<(), CimError> {
        self.draft.finish()
    }

    /// Closes the open stream and forgets what it belongs to.
    pub fn abandon_stream(&mut self) -> Result<(), CimError> {
        self.draft.abandon()
    }

    /// Gives a file another name, in place of a file that has it.
    pub fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.link(new, existing)
    }

    /// Makes a link that leads to a file one that leads to a directory. One with several names stays as it is, because
    /// no directory has them.
    pub fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.lead_to_directory(link)
    }

    /// Deletes a name: of a file, or of a directory with all below it.
    pub fn delete(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.delete(path)
    }

    /// Deletes an alternate stream.
    pub fn delete_stream(&mut self, path: &ImagePath, name: &Name) -> Result<(), CimError> {
        self.draft.edit()?.delete_stream(path, name.as_ref())
    }

    /// Deletes everything in a directory.
    pub fn clear_directory(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.draft.edit()?.clear(path)
    }

    /// Returns whether a path exists, and if so whether it is a directory.
    pub fn kind(&mut self, path: &ImagePath) -> Result<Option<bool>, CimError> {
        self.draft.edits.kind(path)
    }

    /// Returns whether the image would have a path now, that of the open file included.
    pub fn has_path(&mut self, path: &ImagePath) -> Result<bool, CimError> {
        Ok(self.draft.edits.kind(path)?.is_some() || self.draft.is_open_file(path)?)
    }

    /// Returns whether a file would have an alternate stream now, the open one included.
    pub fn has_stream(&mut self, path: &ImagePath, name: &Name) -> Result<bool, CimError> {
        if self.draft.is_open_stream(path, name)? {
            return Ok(true);
        }
        // The streams of the file that it replaces are gone.
        if self.draft.is_open_file(path)? {
            return Ok(false);
        }
        self.draft.edits.has_stream(path, name.as_ref())
    }

    /// Finds a file or directory as the image would have it now.
    pub fn find(&self, path: &ImagePath) -> Result<Option<File>, CimError> {
        self.draft.edits.find(path)
    }

    /// Returns whether a file is none of the parent's, but came with a layer set or was written since.
    pub fn is_added(&self, file: &File) -> bool {
        self.draft.edits.is_added(file)
    }

    /// Returns the region files that the image takes over: those of the parent and of a layer set. What is written
    /// now lies in none of them.
    pub fn inherited_regions(&self) -> &Regions {
        &self.regions
    }

    /// Says what stands in the way of a commit, as long as something does.
    pub fn check_ready(&mut self) -> Result<(), CimError> {
        self.draft.require_no_stream()?;
        require_not_held(&**self.draft.set().directory(), &self.name)
    }

    /// Makes the image visible. After a failure nothing is left of it.
    pub fn commit(mut self) -> Result<ImageHeader, CimError> {
        self.check_ready()?;
        self.commit_by(publish::publish).map(|(header, ())| header)
    }

    /// Does the same, and leaves it to the caller to wait for the disk. Until that is done, a power loss may break the
    /// image in any way.
    pub fn commit_unsynced(mut self) -> Result<(ImageHeader, Unsynced), CimError> {
        self.check_ready()?;
        self.commit_by(publish::publish_unsynced)
    }

    fn commit_by<T>(&mut self, publish: Publish<T>) -> Result<(ImageHeader, T), CimError> {
        let tree = std::mem::replace(&mut self.draft.edits, Tree::new(None, 0, CaseRule::Fold)?);
        let parents = std::mem::take(&mut self.parents);
        commit_tree(tree, self.draft.set(), &self.name, parents, publish)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.draft.set().discard();
    }
}

/// A way to publish a set by its leader.
type Publish<T> = fn(&mut SetWriter, &str) -> Result<T, CimError>;

/// Writes a tree into a set and publishes both as an image.
fn commit_tree<T>(
    tree: Tree,
    set: &mut SetWriter,
    name: &ImageName,
    parents: Vec<RegionSet>,
    publish: Publish<T>,
) -> Result<(ImageHeader, T), CimError> {
    let filesystem = tree.write(set)?;
    let own = set.finish()?;
    let header = ImageHeader { version: Version::WRITTEN, parents, own, filesystem };
    let bytes = header.to_bytes().ok_or(InvalidInput::Full { what: "parents" })?;
    let directory = set.directory().clone();
    let written = set.write_part(name.as_str(), &[&bytes]);
    let published = written.and_then(|()| publish(set, name.as_str())).inspect_err(|_| {
        // The error that led here is the one to report.
        drop(directory.remove(&files::part(name.as_str())));
    })?;
    Ok((header, published))
}

fn require_not_held(directory: &dyn Directory, name: &ImageName) -> Result<(), CimError> {
    let path = || directory.path().join(name.as_str());
    match directory.is_held(name.as_str()) {
        Ok(false) => Ok(()),
        Ok(true) => Err(Conflict::Mounted(path()).into()),
        Err(error) => Err(CimError::io("lock", path(), error)),
    }
}

/// Opens an image that is to be forked or extended.
fn open_base(directory: &Arc<dyn Directory>, name: &ImageName) -> Result<Image, CimError> {
    let refuse = |version| Unsupported::Experimental { image: name.to_string(), version };
    let version = read_header(&**directory, name)?.version;
    if version.known().is_some_and(Major::is_experimental) {
        return Err(refuse(version).into());
    }
    let base = Image::open_in(directory.clone(), name)?;
    // A region file may be of a later version than the image.
    if base.is_experimental() { Err(refuse(version).into()) } else { Ok(base) }
}

fn region_count(regions: &Regions) -> Result<u16, CimError> {
    u16::try_from(regions.len()).map_err(|_| InvalidInput::Full { what: "regions" }.into())
}

fn random_guid() -> Result<Guid, CimError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| CimError::io("name", "a region set", io::Error::other(error)))?;
    Ok(Guid::from_random(bytes))
}
