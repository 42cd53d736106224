//! The directory of a layout: its blobs and documents, each compared with its descriptor.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci_spec::image::{Descriptor, ImageIndex, OciLayout};
use serde::de::DeserializeOwned;

use super::choice;
use super::error::{RegistryError, quoted};
use super::image::SourceImage;
use super::platform::PlatformWish;
use crate::layer::digest::Digest;

/// Most bytes of a document, as registries have it.
const MAX_DOCUMENT: u64 = 4 << 20;

/// An OCI layout.
#[derive(Clone, Debug)]
pub struct Layout {
    directory: PathBuf,
}

/// What a descriptor says of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is: a manifest, a layer.
    pub what: &'static str,
    /// Its digest, which is its name too.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
}

impl Blob {
    /// Takes a descriptor that stands in the document `of`.
    pub(super) fn new(what: &'static str, descriptor: &Descriptor, of: &str) -> Result<Self, RegistryError> {
        let digest = descriptor.digest().as_ref().parse();
        let digest = digest.map_err(|source| RegistryError::BadDigest { name: of.to_owned(), source })?;
        Ok(Self { what, digest, size: descriptor.size() })
    }

    /// Names the blob in messages.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.what, self.digest)
    }
}

impl Layout {
    /// Opens a layout, and checks that it is one.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let layout = Self { directory: directory.into() };
        let path = layout.directory.join("oci-layout");
        let bytes = match limited(&path) {
            Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(RegistryError::NotALayout(layout.directory));
            }
            other => other?,
        };
        let marker: OciLayout = parse(&path.display().to_string(), &bytes)?;
        let version = marker.image_layout_version();
        if version.split('.').next() != Some("1") {
            let version = quoted(version);
            return Err(RegistryError::Version { path: layout.directory, version });
        }
        Ok(layout)
    }

    /// Finds an image by its tag, where there is more than one, and by the platform that it is for.
    pub fn image(&self, tag: Option<&str>, wish: &PlatformWish) -> Result<SourceImage, RegistryError> {
        SourceImage::read(self, &choice::choose(self, tag, wish)?)
    }

    /// Opens a blob of the size that its descriptor says. Whether it has the digest shows when it is read.
    pub fn open_blob(&self, blob: &Blob) -> Result<File, RegistryError> {
        // The digits of a digest are a plain file name.
        let path = self.directory.join("blobs").join("sha256").join(blob.digest.hex());
        let (file, size) = match open(&path) {
            Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(RegistryError::Missing { what: blob.what, digest: blob.digest });
            }
            other => other?,
        };
        if size != blob.size {
            return Err(RegistryError::Size { name: blob.name(), expected: blob.size, found: size });
        }
        Ok(file)
    }

    /// Reads the document that all others are found from.
    pub(super) fn index(&self) -> Result<ImageIndex, RegistryError> {
        let path = self.directory.join("index.json");
        parse(&path.display().to_string(), &limited(&path)?)
    }

    /// Reads a document.
    pub(super) fn document<T: DeserializeOwned>(&self, blob: &Blob) -> Result<T, RegistryError> {
        let (name, size) = (blob.name(), blob.size);
        if size > MAX_DOCUMENT {
            return Err(RegistryError::TooLarge { name, size, limit: MAX_DOCUMENT });
        }
        let mut bytes = Vec::new();
        let read = self.open_blob(blob)?.take(size).read_to_end(&mut bytes);
        read.map_err(|source| RegistryError::Io { path: self.directory.clone(), source })?;
        let found = Digest::of(&bytes);
        if found != blob.digest {
            return Err(RegistryError::Digest { name, found });
        }
        parse(&name, &bytes)
    }
}

/// Opens a file, and nothing but a file: opening a pipe would wait for somebody to write to it.
fn open(path: &Path) -> Result<(File, u64), RegistryError> {
    let failed = |source| RegistryError::Io { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(RegistryError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok((file, size))
}

/// Reads a document that no descriptor names.
fn limited(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let (file, size) = open(path)?;
    if size > MAX_DOCUMENT {
        let name = path.display().to_string();
        return Err(RegistryError::TooLarge { name, size, limit: MAX_DOCUMENT });
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_DOCUMENT).read_to_end(&mut bytes);
    read.map_err(|source| RegistryError::Io { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|source| RegistryError::Malformed { name: name.to_owned(), source })
}
