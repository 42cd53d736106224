//! What a descriptor says of a blob, and where blobs come from.

use std::fmt;
use std::io::Read;

use oci_spec::image::Descriptor;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::error::RegistryError;
use super::servers::Servers;
use crate::layer::digest::Digest;

/// Most bytes of a document, as registries have it.
pub(super) const MAX_DOCUMENT: u64 = 4 << 20;

/// What a descriptor says of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// What it is.
    pub kind: BlobKind,
    /// Its digest, which is its name too.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
}

/// What a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlobKind {
    /// Lists manifests.
    Index,
    /// Names the configuration and the layers of an image.
    Manifest,
    /// Says what an image is for, and the diff ids of its layers.
    Configuration,
    /// A layer.
    Layer,
}

impl fmt::Display for BlobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Index => "index",
            Self::Manifest => "manifest",
            Self::Configuration => "configuration",
            Self::Layer => "layer",
        })
    }
}

impl Blob {
    /// Takes a descriptor that stands in the document `of`.
    pub(super) fn new(kind: BlobKind, descriptor: &Descriptor, of: &str) -> Result<Self, RegistryError> {
        let digest = descriptor.digest().as_ref().parse();
        let digest = digest.map_err(|source| RegistryError::BadDigest { name: of.to_owned(), source })?;
        Ok(Self { kind, digest, size: descriptor.size() })
    }

    /// Names the blob in messages.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.kind, self.digest)
    }
}

/// Bytes of a blob, as they come.
pub type Bytes = Box<dyn Read + Send>;

/// Where images come from.
pub trait Source: Send + Sync {
    /// Returns what messages call it: a layout, an archive.
    fn noun(&self) -> &'static str;

    /// Lists the manifests, and the indexes of such, that all others are found from.
    fn top(&self) -> Result<Top, RegistryError>;

    /// Opens a blob. Whether it is what its descriptor says shows when it is read. `urls` is where else it is said to be.
    fn open(&self, blob: &Blob, urls: &[String]) -> Result<Bytes, RegistryError>;

    /// Opens a blob that several servers may have, and notes which of them send it.
    fn fetch(&self, blob: &Blob, urls: &[String], _servers: &Servers) -> Result<Bytes, RegistryError> {
        self.open(blob, urls)
    }

    /// Returns how many layers are best read at once, even where there are fewer cores.
    fn side_by_side(&self) -> usize {
        1
    }
}

/// The descriptors that a source begins with.
#[derive(Debug)]
pub struct Top {
    /// What messages call the document that has them.
    pub name: String,
    /// The descriptors.
    pub descriptors: Vec<Descriptor>,
}

/// Reads the bytes of a document, and proves them.
pub(super) fn bytes(source: &dyn Source, blob: &Blob) -> Result<Vec<u8>, RegistryError> {
    let (name, size) = (blob.name(), blob.size);
    if size > MAX_DOCUMENT {
        return Err(RegistryError::TooLarge { name, size, limit: MAX_DOCUMENT });
    }
    let mut bytes = Vec::new();
    let read = source.open(blob, &[])?.take(size).read_to_end(&mut bytes);
    read.map_err(|source| RegistryError::Read { name: name.clone(), source })?;
    let found = Digest::of(&bytes);
    if found != blob.digest {
        return Err(RegistryError::Digest { name, found });
    }
    Ok(bytes)
}

/// Reads a document.
pub(super) fn document<T: DeserializeOwned>(source: &dyn Source, blob: &Blob) -> Result<T, RegistryError> {
    parse(&blob.name(), &bytes(source, blob)?)
}

pub(super) fn parse<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, RegistryError> {
    serde_json::from_slice(bytes).map_err(|source| RegistryError::Malformed { name: name.to_owned(), source })
}

/// Describes a blob.
pub(super) fn descriptor(media_type: &str, digest: Digest, size: u64) -> Result<Descriptor, RegistryError> {
    let described = json!({"mediaType": media_type, "digest": digest.to_string(), "size": size});
    let malformed = |source| RegistryError::Malformed { name: format!("the descriptor of {digest}"), source };
    serde_json::from_value(described).map_err(malformed)
}
