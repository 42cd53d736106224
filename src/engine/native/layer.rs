//! A layer on its way into the library.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use super::Native;
use super::data::NativeData;
use super::error::{Refusal, failed};
use super::item::{Item, OwnedMetadata};
use super::kept::Kept;
use super::lower::{self, Lower, wide};
use super::overlay::{Directory, Found, Node, Overlay, Owner, path_key};
use super::turn::Turn;
use crate::cim::{Attributes, CimError, ImageName, ImagePath, Metadata, Name, ea, security};
use crate::engine::LayerSink;
use crate::sys::cimfs::{self, CreateFlags, Stream, WideString};

type PathKey = Box<[u16]>;

/// A layer that the library writes. One that is dropped unfinished leaves nothing behind.
#[derive(Debug)]
pub struct NativeLayer {
    pub(super) image: cimfs::Image,
    pub(super) directory: PathBuf,
    name: ImageName,
    pub(super) has_parent: bool,
    pub(super) lower: Box<dyn Lower>,
    pub(super) overlay: Overlay,
    /// Symbolic links that do not say whether they lead to a directory.
    pub(super) undecided: BTreeMap<PathKey, (ImagePath, OwnedMetadata)>,
    /// Copies of files that are needed once more, as soon as the layer has brought them.
    pub(super) keep: HashMap<PathKey, Option<Kept>>,
    /// The directory that was made by the last edit, in which nothing is yet but what the parent has.
    pub(super) latest: Option<(ImagePath, OwnedMetadata)>,
    /// Directories in the place of links of the parent, below which nothing can be unless a whiteout takes them away yet.
    pub(super) in_place_of_links: BTreeMap<PathKey, ImagePath>,
    /// Directories that the layer is known to describe further on.
    pub(super) described: HashSet<PathKey>,
    pub(super) half_written: bool,
    /// Passed on after the image is closed.
    _turn: Turn,
}

impl NativeLayer {
    pub(super) fn begin(native: Native) -> Result<Self, CimError> {
        let Native { library, directory, parent, new, keep } = native;
        let turn = Turn::wait(&directory);
        let lower = lower::open(&library, &directory, parent.as_ref())?;
        let path = directory.join(new.as_str());
        let begin = || {
            let existing = parent.as_ref().map(|name| WideString::text(name.as_str())).transpose()?;
            let (at, name) = (WideString::path(&directory)?, WideString::text(new.as_str())?);
            library.create_image(&at, CreateFlags::empty(), existing.as_ref(), Some(&name))
        };
        Ok(Self {
            image: begin().map_err(failed("begin image", path.display()))?,
            directory,
            name: new,
            has_parent: parent.is_some(),
            lower,
            overlay: Overlay::new(),
            undecided: BTreeMap::new(),
            keep: keep.iter().map(|path| (path_key(path), None)).collect(),
            latest: None,
            in_place_of_links: BTreeMap::new(),
            described: HashSet::new(),
            half_written: false,
            _turn: turn,
        })
    }

    pub(super) fn write_directory(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
    ) -> Result<(), CimError> {
        make(&mut self.image, path, metadata, 0).map(drop)
    }
}

impl LayerSink for NativeLayer {
    type Output = ImageName;
    type Data<'s> = NativeData<'s>;

    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.write_directory(path, metadata)?;
        match Item::of(metadata) {
            Item::Directory => {
                self.replace_directory_of_link(path);
                let is_new = self.note_directory(path, Owner::Layer)?;
                self.latest = is_new.then(|| (path.clone(), metadata.into()));
                Ok(())
            }
            link => self.note(path, link),
        }
    }

    /// The root is always there: the library makes it.
    fn ensure_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        if path.is_root() {
            return Ok(());
        }
        match self.find(path)? {
            Some(Item::Directory) => match self.overlay.directory(path) {
                Some(Directory { owner: Owner::Layer | Owner::Needed(_), .. }) => Ok(()),
                _ => self
                    .note_directory(path, Owner::Needed(Box::new((path.clone(), metadata.into()))))
                    .map(drop),
            },
            Some(Item::Link { directory: true, .. }) => {
                if self.is_of_layer(path) {
                    return Err(Refusal::LinkOnTheWay(path.clone()).into());
                }
                self.remove(path)?;
                self.create_directory(path, metadata)?;
                self.in_place_of_links.insert(path_key(path), path.clone());
                Ok(())
            }
            _ => self.create_directory(path, metadata),
        }
    }

    fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<NativeData<'_>, CimError> {
        self.note(path, Item::of(metadata))?;
        self.note_undecided(path, metadata)?;
        let kept = match self.keep.get_mut(&path_key(path)) {
            Some(kept) => Some(kept.insert(Kept::new(&self.directory)?)),
            None => None,
        };
        let stream = make(&mut self.image, path, metadata, size)?;
        self.half_written = true;
        Ok(NativeData { stream, path: path.clone(), size, kept, half_written: &mut self.half_written })
    }

    fn create_stream(
        &mut self,
        path: &ImagePath,
        name: &Name,
        size: u64,
    ) -> Result<NativeData<'_>, CimError> {
        self.latest = None;
        let units = path.units().iter().chain(name.as_ref().units()).map(|unit| unit.get());
        let (path_len, mut units) = (path.units().len(), units.collect::<Vec<_>>());
        units.insert(path_len, u16::from(b':'));
        units.extend(":$DATA".encode_utf16());
        let stream = WideString::new(units).and_then(|name| self.image.create_stream(&name, size));
        let stream = stream.map_err(failed("make stream", format_args!("{name} of {path}")))?;
        self.half_written = true;
        Ok(NativeData { stream, path: path.clone(), size, kept: None, half_written: &mut self.half_written })
    }

    fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        let item = self.find(existing)?.unwrap_or(Item::File);
        if self.find(new)?.is_some_and(|replaced| replaced.is_directory()) {
            self.remove(new)?;
        }
        let linked = wide(new).and_then(|new| self.image.link(&new, &wide(existing)?));
        linked.map_err(failed("link", format_args!("{new} to {existing}")))?;
        // No directory has two names, so a link that has is none to a directory.
        self.undecided.remove(&path_key(existing));
        self.note(new, item)
    }

    fn delete(&mut self, path: &ImagePath) -> Result<(), CimError> {
        match self.overlay.find(path) {
            Found::Inherited if self.lower.find(path)?.is_some() => self.remove(path),
            Found::Changed(Node::Directory(_)) => match self.take_away(path)? {
                true => self.hide(path),
                false => Ok(()),
            },
            _ => {
                self.accept_in_place_of_links(path);
                Ok(())
            }
        }
    }

    fn clear_directory(&mut self, path: &ImagePath) -> Result<(), CimError> {
        match self.overlay.find(path) {
            Found::Inherited if self.lower.find(path)? == Some(Item::Directory) => {
                self.overlay.put(path, Node::Directory(Directory::of_parent()))?;
                self.hide(path)
            }
            Found::Changed(Node::Directory(_)) => self.hide(path),
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<ImageName, CimError> {
        let path = self.directory.join(self.name.as_str());
        if self.half_written {
            return Err(Refusal::HalfWritten(path).into());
        }
        if let Some(link) = self.in_place_of_links.into_values().next() {
            return Err(Refusal::LinkOnTheWay(link).into());
        }
        self.image.commit().map_err(failed("commit image", path.display()))?;
        Ok(self.name)
    }
}

/// Makes a file or directory, and opens its data.
fn make<'i>(
    image: &'i mut cimfs::Image,
    path: &ImagePath,
    metadata: &Metadata<'_>,
    size: u64,
) -> Result<Stream<'i>, CimError> {
    let mut attributes = metadata.attributes;
    attributes.set(Attributes::REPARSE_POINT, !metadata.reparse.is_empty());
    let raw = |time: crate::cim::FileTime| time.raw().cast_signed();
    // The library adds digests of executables by itself.
    let eas = ea::without(metadata.eas, ea::is_image_hash);
    let metadata = cimfs::Metadata {
        attributes: attributes.bits(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        times: [
            raw(metadata.creation_time),
            raw(metadata.last_write_time),
            raw(metadata.change_time),
            raw(metadata.last_access_time),
        ],
        // The library makes images that it cannot read of files without a descriptor.
        security: if metadata.security.is_empty() { &security::DEFAULT } else { metadata.security },
        reparse: metadata.reparse,
        eas: &eas,
    };
    wide(path).and_then(|path| image.create_file(&path, &metadata)).map_err(failed("make", path))
}
