//! What `docker save` writes: a tar with a `manifest.json` that names the configuration and the layers of each image.
//!
//! Where they lie in it has changed over the years: layers as `ID/layer.tar`, some of them links to others, later all as
//! blobs of an OCI layout. Plain layers have their diff id for a digest, blobs of a layout are named by theirs, and of
//! what others compress it is computed. From then on an archive is a source like others.

mod members;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use oci_spec::image::{Descriptor, ImageConfiguration};
use serde::Deserialize;
use serde_json::{Value, json};

use super::blob::{Blob, Bytes, MAX_DOCUMENT, Source, Top, descriptor, parse};
use super::choice::TAG;
use super::error::RegistryError;
use crate::layer::digest::{Digest, Hasher};
use members::{Member, Members};

pub use members::ArchiveError;

const MANIFEST: &str = "manifest.json";
const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// Leaves it to the content how a layer is compressed.
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// Begins the names of blobs in a layout.
const BLOBS: &str = "blobs/sha256/";

/// An archive of images.
pub struct Archive {
    path: PathBuf,
    top: Vec<Descriptor>,
    blobs: HashMap<Digest, Held>,
}

/// Where a blob is.
enum Held {
    Member(Member),
    Made(Vec<u8>),
}

/// What the archive says of an image.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Archive {
    /// Reads through an archive once, to find what is where.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let path = path.into();
        let members = Members::read(&path)?;
        let mut archive = Self { path, top: Vec::new(), blobs: HashMap::new() };
        let listed = archive.small(&members, MANIFEST)?;
        let saved: Vec<Saved> = parse(MANIFEST, &listed)?;
        for image in &saved {
            archive.add(&members, image)?;
        }
        Ok(archive)
    }

    fn add(&mut self, members: &Members, image: &Saved) -> Result<(), RegistryError> {
        let bytes = self.small(members, &image.config)?;
        let config: ImageConfiguration = parse(&image.config, &bytes)?;
        let config_digest = Digest::of(&bytes);
        let config_size = bytes.len();
        self.blobs.insert(config_digest, Held::Made(bytes));
        let mut diff_ids = config.rootfs().diff_ids().iter();
        let mut layers = Vec::new();
        for name in &image.layers {
            layers.push(self.layer(members, name, diff_ids.next().map(String::as_str))?);
        }
        let config = described(CONFIG_TYPE, config_digest, config_size);
        let manifest =
            json!({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": layers});
        self.list(manifest.to_string().into_bytes(), image.repo_tags.as_deref().unwrap_or_default())
    }

    /// Lists a manifest under each of its tags.
    fn list(&mut self, manifest: Vec<u8>, tags: &[String]) -> Result<(), RegistryError> {
        let digest = Digest::of(&manifest);
        let plain = descriptor(MANIFEST_TYPE, digest, u64::try_from(manifest.len()).unwrap_or(u64::MAX))?;
        if tags.is_empty() {
            self.top.push(plain.clone());
        }
        for tag in tags {
            let mut tagged = plain.clone();
            tagged.set_annotations(Some(HashMap::from([(TAG.to_owned(), tag.clone())])));
            self.top.push(tagged);
        }
        self.blobs.insert(digest, Held::Made(manifest));
        Ok(())
    }

    /// Describes a layer.
    fn layer(
        &mut self,
        members: &Members,
        name: &str,
        diff_id: Option<&str>,
    ) -> Result<Value, RegistryError> {
        let (resolved, member) = members.find(&self.path, name)?;
        let named = resolved.strip_prefix(BLOBS).and_then(|hex| format!("sha256:{hex}").parse().ok());
        let digest = match (named, diff_id.and_then(|diff_id| diff_id.parse().ok())) {
            (Some(digest), _) => digest,
            (None, Some(diff_id)) if !self.is_compressed(member)? => diff_id,
            (None, _) => self.digest(member)?,
        };
        self.blobs.insert(digest, Held::Member(member));
        Ok(described(LAYER_TYPE, digest, member.size))
    }

    fn is_compressed(&self, member: Member) -> Result<bool, RegistryError> {
        let mut start = Vec::new();
        let read = self.bytes(member)?.take(4).read_to_end(&mut start);
        read.map_err(|source| self.failed(source))?;
        Ok(start.starts_with(&[0x1f, 0x8b]) || start == [0x28, 0xb5, 0x2f, 0xfd])
    }

    fn digest(&self, member: Member) -> Result<Digest, RegistryError> {
        let mut hasher = Hasher::default();
        let mut bytes = self.bytes(member)?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match bytes.read(&mut buffer).map_err(|source| self.failed(source))? {
                0 => return Ok(hasher.finish().digest),
                len => hasher.update(buffer.get(..len).unwrap_or_default()),
            }
        }
    }

    /// Reads a document.
    fn small(&self, members: &Members, name: &str) -> Result<Vec<u8>, RegistryError> {
        let (_, member) = members.find(&self.path, name)?;
        if member.size > MAX_DOCUMENT {
            let (name, size) = (name.to_owned(), member.size);
            return Err(RegistryError::TooLarge { name, size, limit: MAX_DOCUMENT });
        }
        let mut bytes = Vec::new();
        self.bytes(member)?.read_to_end(&mut bytes).map_err(|source| self.failed(source))?;
        Ok(bytes)
    }

    fn bytes(&self, member: Member) -> Result<Bytes, RegistryError> {
        let open = || -> io::Result<Bytes> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(member.at))?;
            Ok(Box::new(file.take(member.size)))
        };
        open().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> RegistryError {
        RegistryError::Io { path: self.path.clone(), source }
    }
}

fn described(media_type: &str, digest: Digest, size: impl Into<Value>) -> Value {
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": size.into()})
}

impl Source for Archive {
    fn noun(&self) -> &'static str {
        "archive"
    }

    fn top(&self) -> Result<Top, RegistryError> {
        Ok(Top { name: MANIFEST.to_owned(), descriptors: self.top.clone() })
    }

    fn open(&self, blob: &Blob, _: &[String]) -> Result<Bytes, RegistryError> {
        let missing = || RegistryError::Missing { noun: self.noun(), kind: blob.kind, digest: blob.digest };
        match self.blobs.get(&blob.digest).ok_or_else(missing)? {
            Held::Member(member) => self.bytes(*member),
            Held::Made(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
        }
    }
}
