//! A layer on its way into the library.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use super::Native;
use super::data::NativeData;
use super::error::{Refusal, failed};
use super::item::{Item, OwnedMetadata};
use super::kept::{Contents, Kept};
use super::lower::{self, Lower, is_absent, wide};
use super::overlay::{Directory, Found, Node, Overlay, Owner, path_key};
use super::turn::Turn;
use crate::cim::reparse::Tag;
use crate::cim::{Attributes, CimError, ImageName, ImagePath, Metadata, Name, security};
use crate::engine::LayerSink;
use crate::sys::cimfs::{self, CreateFlags, Stream, WideString};

type PathKey = Box<[u16]>;

/// A layer that the library writes. One that is dropped unfinished leaves nothing behind.
#[derive(Debug)]
pub struct NativeLayer {
    image: cimfs::Image,
    directory: PathBuf,
    name: ImageName,
    has_parent: bool,
    lower: Box<dyn Lower>,
    overlay: Overlay,
    /// Symbolic links that do not say whether they lead to a directory.
    undecided: BTreeMap<PathKey, (ImagePath, OwnedMetadata)>,
    /// Copies of files that are needed once more, as soon as the layer has brought them.
    keep: HashMap<PathKey, Option<Kept>>,
    /// The directory that was made by the last edit, in which nothing is yet but what the parent has.
    latest: Option<(ImagePath, OwnedMetadata)>,
    /// Directories in the place of links of the parent, below which nothing can be unless a whiteout takes them away yet.
    in_place_of_links: BTreeMap<PathKey, ImagePath>,
    half_written: bool,
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
            half_written: false,
            _turn: turn,
        })
    }

    /// Returns whether the layer lies over another image.
    pub fn has_parent(&self) -> bool {
        self.has_parent
    }

    /// Returns what is at a path.
    pub fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        Ok(match self.overlay.find(path) {
            Found::Changed(Node::File(item)) => Some(item.clone()),
            Found::Changed(Node::Directory(_)) => Some(Item::Directory),
            Found::Changed(Node::Gone) | Found::Hidden => None,
            Found::Inherited => self.lower.find(path)?,
        })
    }

    /// Returns whether a file is the layer's own, and not the parent's.
    pub fn is_of_layer(&self, path: &ImagePath) -> bool {
        matches!(self.overlay.find(path), Found::Changed(Node::File(_)))
    }

    /// Returns the data of a file of the parent, or of one that is kept; `None` for what is no plain file.
    pub fn contents(&self, path: &ImagePath) -> Result<Option<Contents>, CimError> {
        match self.overlay.find(path) {
            Found::Inherited => self.lower.contents(path),
            Found::Changed(Node::File(Item::File)) => match self.keep.get(&path_key(path)) {
                Some(Some(kept)) => kept.contents().map(Some),
                _ => Err(Refusal::Unreadable(path.clone()).into()),
            },
            _ => Ok(None),
        }
    }

    /// Returns the symbolic links that do not say whether they lead to a directory.
    pub fn undecided_links(&self) -> Vec<ImagePath> {
        self.undecided.values().map(|(path, _)| path.clone()).collect()
    }

    /// Makes a link that does not say where it leads one that leads to a directory.
    pub fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError> {
        let Some((path, metadata)) = self.undecided.remove(&path_key(link)) else { return Ok(()) };
        let metadata = metadata.as_metadata();
        let attributes = metadata.attributes | Attributes::DIRECTORY;
        self.create_directory(&path, &Metadata { attributes, ..metadata })
    }

    /// Notes what comes to a path.
    fn note(&mut self, path: &ImagePath, item: Item) -> Result<(), CimError> {
        let key = path_key(path);
        self.latest = None;
        self.undecided.remove(&key);
        if let Some(kept) = self.keep.get_mut(&key) {
            *kept = None;
        }
        Ok(self.overlay.put(path, Node::File(item))?)
    }

    fn note_undecided(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        if is_undecided(metadata) {
            let metadata = OwnedMetadata::from(metadata);
            self.overlay.charge(metadata.cost())?;
            self.undecided.insert(path_key(path), (path.clone(), metadata));
        }
        Ok(())
    }

    /// Notes whose a directory is; returns whether nothing was known of it before.
    fn note_directory(&mut self, path: &ImagePath, owner: Owner) -> Result<bool, CimError> {
        if let Some(directory) = self.overlay.directory(path) {
            directory.owner = owner;
            return Ok(false);
        }
        let merged = matches!(self.overlay.find(path), Found::Inherited);
        self.undecided.remove(&path_key(path));
        self.overlay.put(path, Node::Directory(Directory { owner, merged }))?;
        Ok(true)
    }

    fn write_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        make(&mut self.image, path, metadata, 0).map(drop)
    }

    /// Takes away what the parent has at a path, with all below it.
    fn remove(&mut self, path: &ImagePath) -> Result<(), CimError> {
        let deleted = wide(path).and_then(|path| self.image.delete(&path));
        match deleted {
            Err(error) if is_absent(&error) => {}
            deleted => deleted.map_err(failed("delete", path))?,
        }
        Ok(self.overlay.put(path, Node::Gone)?)
    }

    /// Takes away what the parent has in a directory, also where the layer has brought something before.
    fn hide(&mut self, directory: &ImagePath) -> Result<(), CimError> {
        let mut ahead = vec![directory.clone()];
        while let Some(path) = ahead.pop() {
            let Some(known) = self.overlay.directory(&path) else { continue };
            if !std::mem::take(&mut known.merged) {
                continue;
            }
            let Some(names) = self.lower.children(&path)? else {
                self.make_anew(&path)?;
                continue;
            };
            for name in names {
                let child = path.join(name.as_ref())?;
                // What stays is a directory that the layer wants: of what is in it, the parent's goes too.
                if self.take_away(&child)? {
                    ahead.push(child);
                }
            }
        }
        Ok(())
    }

    /// Takes a name of the parent away; returns whether the layer has a directory there, which stays.
    fn take_away(&mut self, path: &ImagePath) -> Result<bool, CimError> {
        self.in_place_of_links.remove(&path_key(path));
        // Below a directory whose names of the parent no longer show, those that were not noted are still there.
        let Some(known) = self.overlay.directory(path) else {
            if !matches!(self.overlay.find(path), Found::Changed(_)) {
                self.remove(path)?;
            }
            return Ok(false);
        };
        match std::mem::replace(&mut known.owner, Owner::Layer) {
            Owner::Layer => Ok(true),
            Owner::Parent => self.remove(path).map(|()| false),
            Owner::Needed(needed) => {
                let (path, metadata) = *needed;
                self.write_directory(&path, &metadata.as_metadata()).map(|()| true)
            }
        }
    }

    /// Empties a directory whose names cannot be listed: it goes, and comes again. That will do while the layer has
    /// brought nothing but the directory.
    fn make_anew(&mut self, path: &ImagePath) -> Result<(), CimError> {
        let latest = self.latest.take().filter(|(latest, _)| latest == path);
        let (_, metadata) = latest.ok_or_else(|| Refusal::NoListing(path.clone()))?;
        self.remove(path)?;
        self.create_directory(path, &metadata.as_metadata())
    }
}

impl LayerSink for NativeLayer {
    type Output = ImageName;
    type Data<'s> = NativeData<'s>;

    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.write_directory(path, metadata)?;
        match Item::of(metadata) {
            Item::Directory => {
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
                self.in_place_of_links.insert(path_key(path), path.clone());
                self.create_directory(path, metadata)
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
            _ => Ok(()),
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
        eas: metadata.eas,
    };
    wide(path).and_then(|path| image.create_file(&path, &metadata)).map_err(failed("make", path))
}

/// Returns whether this describes a symbolic link without attributes: it may lead to a file or to a directory.
fn is_undecided(metadata: &Metadata<'_>) -> bool {
    let is_symlink = metadata.reparse.starts_with(&Tag::SYMLINK.0.to_le_bytes());
    is_symlink && !metadata.is_directory() && metadata.attributes.record_flags().is_empty()
}
