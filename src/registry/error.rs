//! Why an image cannot be had.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::archive::ArchiveError;
use super::blob::BlobKind;
use super::platform::PlatformWish;
use super::remote::RemoteError;
use crate::escape::Escaped;
use crate::layer::digest::{Digest, DigestError};
use crate::layer::stream::StreamError;

/// Why an image cannot be had. What a source says of itself is quoted in part: it may be of any length.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The directory is no layout.
    #[error("{} is no OCI layout: it has no file oci-layout", .0.display())]
    NotALayout(PathBuf),
    /// The layout is of a version that is not known.
    #[error("{} is an OCI layout of version {version:?}; only version 1 is known", .path.display())]
    Version {
        /// The layout.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// The operating system refused or failed.
    #[error("cannot read {}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is remembered cannot be written.
    #[error("cannot write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A document cannot be read to its end.
    #[error("cannot read {name}")]
    Read {
        /// The document.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A registry does not give what was asked of it.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// An archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A blob is not there.
    #[error("the {noun} has no {kind} {digest}")]
    Missing {
        /// What lacks it.
        noun: &'static str,
        /// What the blob is.
        kind: BlobKind,
        /// Its digest.
        digest: Digest,
    },
    /// Something else than a file has the place of one.
    #[error("{} is no file", .0.display())]
    NotAFile(PathBuf),
    /// A document is larger than any honest one.
    #[error("{name} has {size} bytes, and may have {limit}")]
    TooLarge {
        /// The document.
        name: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A blob has another size than its descriptor says.
    #[error("{name} has {found} bytes, not {expected}")]
    Size {
        /// The blob.
        name: String,
        /// The size that the descriptor says.
        expected: u64,
        /// The size of the file.
        found: u64,
    },
    /// A blob has another digest than its name says.
    #[error("{name} has the digest {found}")]
    Digest {
        /// The blob.
        name: String,
        /// The digest of the bytes.
        found: Digest,
    },
    /// A document does not parse.
    #[error("{name} cannot be understood")]
    Malformed {
        /// The document.
        name: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A digest is not one that names a blob.
    #[error("{name} has a digest that names nothing")]
    BadDigest {
        /// The document that has it.
        name: String,
        /// Why.
        source: DigestError,
    },
    /// A document or a blob is of a kind that is not known.
    #[error("{name} is of the media type {found:?}, which is not {wanted}")]
    MediaType {
        /// The document or blob.
        name: String,
        /// Its media type.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A layer is of a kind that is not known.
    #[error("{name} cannot be a layer")]
    LayerType {
        /// The blob.
        name: String,
        /// Why.
        source: StreamError,
    },
    /// Nothing has the tag.
    #[error("the {noun} has no image {tag:?}, {}", had(.has))]
    NoTag {
        /// What lacks it.
        noun: &'static str,
        /// The tag.
        tag: String,
        /// The tags that there are.
        has: Vec<String>,
    },
    /// There is more than one image, and none was chosen.
    #[error("the {noun} has more than one image: {}", listed(.has))]
    ManyImages {
        /// What has them.
        noun: &'static str,
        /// Their tags.
        has: Vec<String>,
    },
    /// There is nothing for the platform.
    #[error("the image is not for {wish}, {}", had(.has))]
    NoPlatform {
        /// The platform that is wanted.
        wish: Box<PlatformWish>,
        /// The platforms that there are.
        has: Vec<String>,
    },
    /// The image is for a system whose layers are not known.
    #[error("the image is for {0:?}, which is neither windows nor linux")]
    System(String),
    /// The image has another number of layers than its configuration says.
    #[error("the image has {layers} layers, and its configuration diff ids of {diff_ids}")]
    Layers {
        /// Layers of the manifest.
        layers: usize,
        /// Diff ids of the configuration.
        diff_ids: usize,
    },
    /// An image without layers.
    #[error("the image has no layers")]
    Empty,
    /// The root file system is not made of layers.
    #[error("the root file system of the image is of type {0:?}, not of layers")]
    RootFs(String),
    /// Indexes within indexes, and so on.
    #[error("{name} is an index within {limit} others")]
    TooDeep {
        /// The index.
        name: String,
        /// How many there may be around it.
        limit: usize,
    },
}

/// Longest text that is quoted of a document.
const QUOTED: usize = 128;

/// Quotes the start of a text of a document.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(QUOTED).collect()
}

fn had(has: &[String]) -> String {
    match has {
        [] => "and has none that has a name".to_owned(),
        has => format!("but {}", listed(has)),
    }
}

fn listed(has: &[String]) -> String {
    has.iter().map(|text| Escaped(text).to_string()).collect::<Vec<_>>().join(", ")
}
