//! What is remembered of images that were pulled: their names, manifests and configurations.
//!
//! It lies beside the images that were made of them, as an OCI layout without layers. So a second pull need not ask for
//! what has not changed, and an image is found by its name.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use oci_spec::image::{Descriptor, ImageIndex};
use serde_json::json;

use super::blob::{Blob, BlobKind, Bytes, Source, Top, bytes, descriptor};
use super::choice::TAG;
use super::error::RegistryError;
use super::image::SourceImage;
use super::layout::Layout;
use super::platform::PlatformWish;
use super::servers::Servers;
use crate::layer::digest::Digest;

/// Where it lies among the images.
const DIRECTORY: &str = "pulled";

const INDEX: &str = "index.json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Images that were pulled into a directory.
#[derive(Clone, Debug)]
pub struct Pulled {
    directory: PathBuf,
}

/// An image that was pulled.
#[derive(Clone, Debug)]
pub struct PulledImage {
    /// By what name.
    pub name: String,
    /// What its documents say.
    pub image: SourceImage,
}

impl Pulled {
    /// Names those beside images in a directory. There may be none.
    pub fn beside(images: &Path) -> Self {
        Self { directory: images.join(DIRECTORY) }
    }

    /// Lists all images.
    pub fn list(&self) -> Result<Vec<PulledImage>, RegistryError> {
        let Some(layout) = self.layout()? else { return Ok(Vec::new()) };
        let descriptors = layout.top()?.descriptors;
        descriptors.iter().map(|descriptor| Self::read(&layout, descriptor)).collect()
    }

    /// Finds an image by its name and platform.
    pub fn find(&self, name: &str, wish: &PlatformWish) -> Result<Option<SourceImage>, RegistryError> {
        let Some(layout) = self.layout()? else { return Ok(None) };
        match SourceImage::find(&layout, Some(name), wish) {
            Err(RegistryError::NoTag { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// Remembers an image, in the place of another one of the same name for the same platform.
    pub fn keep(&self, name: &str, image: &SourceImage, documents: &dyn Source) -> Result<(), RegistryError> {
        let _lock = self.lock()?;
        for blob in [&image.manifest, &image.config] {
            self.write(&self.blob(&blob.digest), &bytes(documents, blob)?)?;
        }
        let mut listed = match self.layout()? {
            Some(layout) => layout.top()?.descriptors,
            None => Vec::new(),
        };
        let named = |descriptor: &Descriptor| tag(descriptor) == name;
        let mut own = descriptor(MANIFEST_TYPE, image.manifest.digest, image.manifest.size)?;
        own.set_annotations(Some(HashMap::from([(TAG.to_owned(), name.to_owned())])));
        own.set_platform(Some(image.platform.to_descriptor()));
        listed.retain(|other| !named(other) || other.platform() != own.platform());
        listed.push(own);
        self.write_index(listed)
    }

    /// Forgets images, and documents that no other has.
    pub fn retain(&self, keep: impl Fn(&SourceImage) -> bool) -> Result<(), RegistryError> {
        if self.layout()?.is_none() {
            return Ok(());
        }
        let _lock = self.lock()?;
        let Some(layout) = self.layout()? else { return Ok(()) };
        let (mut listed, mut used) = (Vec::new(), HashSet::new());
        for descriptor in layout.top()?.descriptors {
            let PulledImage { image, .. } = Self::read(&layout, &descriptor)?;
            if keep(&image) {
                used.extend([image.manifest.digest.hex(), image.config.digest.hex()]);
                listed.push(descriptor);
            }
        }
        self.write_index(listed)?;
        let blobs = self.blobs();
        for entry in fs::read_dir(&blobs).map_err(|source| failed(&blobs, source))? {
            let path = entry.map_err(|source| failed(&blobs, source))?.path();
            let is_used =
                path.file_name().and_then(|name| name.to_str()).is_some_and(|name| used.contains(name));
            if !is_used {
                fs::remove_file(&path).map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }

    fn read(layout: &Layout, descriptor: &Descriptor) -> Result<PulledImage, RegistryError> {
        let manifest = Blob::new(BlobKind::Manifest, descriptor, INDEX)?;
        Ok(PulledImage { name: tag(descriptor).to_owned(), image: SourceImage::read(layout, &manifest)? })
    }

    fn layout(&self) -> Result<Option<Layout>, RegistryError> {
        match self.directory.join(INDEX).try_exists() {
            Ok(true) => Layout::open(&self.directory).map(Some),
            Ok(false) => Ok(None),
            Err(source) => Err(failed(&self.directory, source)),
        }
    }

    fn blobs(&self) -> PathBuf {
        self.directory.join("blobs").join("sha256")
    }

    fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    /// Keeps others from changing what is remembered.
    fn lock(&self) -> Result<File, RegistryError> {
        let (blobs, path) = (self.blobs(), self.directory.join(".lock"));
        fs::create_dir_all(&blobs).map_err(|source| failed(&blobs, source))?;
        let lock = || -> io::Result<File> {
            let file = File::options().write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| failed(&path, source))
    }

    fn write_index(&self, listed: Vec<Descriptor>) -> Result<(), RegistryError> {
        let index: ImageIndex = serde_json::from_value(json!({"schemaVersion": 2, "manifests": listed}))
            .map_err(|source| RegistryError::Malformed { name: INDEX.to_owned(), source })?;
        let text = serde_json::to_vec(&index)
            .map_err(|source| RegistryError::Malformed { name: INDEX.to_owned(), source })?;
        self.write(&self.directory.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        self.write(&self.directory.join(INDEX), &text)
    }

    /// Writes a file so that nobody ever sees a part of it. The lock is held.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
        let begun = self.directory.join("begun.part");
        let write = || -> io::Result<()> {
            let mut file = File::create(&begun)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            drop(file);
            fs::rename(&begun, path)
        };
        write().map_err(|source| RegistryError::Write { path: path.to_owned(), source })
    }
}

fn tag(descriptor: &Descriptor) -> &str {
    descriptor.annotations().as_ref().and_then(|known| known.get(TAG)).map_or("", String::as_str)
}

fn failed(path: &Path, source: io::Error) -> RegistryError {
    RegistryError::Io { path: path.to_owned(), source }
}

/// A source whose documents are taken from what is remembered, and are there when it is to be remembered.
pub struct Documents<'s> {
    source: &'s dyn Source,
    pulled: Option<Layout>,
    read: Mutex<HashMap<Digest, Vec<u8>>>,
}

impl<'s> Documents<'s> {
    /// Takes what is known of a source from what was pulled before.
    pub fn new(source: &'s dyn Source, pulled: &Pulled) -> Result<Self, RegistryError> {
        Ok(Self { source, pulled: pulled.layout()?, read: Mutex::default() })
    }

    fn document(&self, blob: &Blob) -> Result<Vec<u8>, RegistryError> {
        // What is damaged there is asked for again.
        let remembered = self.pulled.as_ref().and_then(|layout| bytes(layout, blob).ok());
        remembered.map_or_else(|| bytes(self.source, blob), Ok)
    }
}

impl Source for Documents<'_> {
    fn noun(&self) -> &'static str {
        self.source.noun()
    }

    fn top(&self) -> Result<Top, RegistryError> {
        self.source.top()
    }

    fn open(&self, blob: &Blob, urls: &[String]) -> Result<Bytes, RegistryError> {
        if blob.kind == BlobKind::Layer {
            return self.source.open(blob, urls);
        }
        let read = || self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read().get(&blob.digest).cloned();
        let document = known.map_or_else(|| self.document(blob), Ok)?;
        read().insert(blob.digest, document.clone());
        Ok(Box::new(Cursor::new(document)))
    }

    fn fetch(&self, blob: &Blob, urls: &[String], servers: &Servers) -> Result<Bytes, RegistryError> {
        match blob.kind {
            BlobKind::Layer => self.source.fetch(blob, urls, servers),
            _ => self.open(blob, urls),
        }
    }

    fn side_by_side(&self) -> usize {
        self.source.side_by_side()
    }
}
