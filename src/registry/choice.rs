//! From the top of a source to the manifest of one image: by its tag and its platform.

use std::collections::HashSet;

use oci_spec::image::{Descriptor, ImageIndex, MediaType};

use super::blob::{Blob, BlobKind, Source, Top, document};
use super::error::{RegistryError, quoted};
use super::image::documents;
use super::platform::{Platform, PlatformWish};
use crate::layer::digest::Digest;

pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The annotation that names an image in a layout.
pub(super) const TAG: &str = "org.opencontainers.image.ref.name";

/// How many indexes there may be around one. Builders make one or two.
const MAX_DEPTH: usize = 8;

/// Most tags that a message lists.
const LISTED: usize = 20;

/// Whether a document of this type is a manifest.
pub(super) fn is_manifest(media_type: &MediaType) -> bool {
    matches!(media_type, MediaType::ImageManifest) || media_type.as_ref() == DOCKER_MANIFEST
}

pub(super) fn is_index(media_type: &MediaType) -> bool {
    matches!(media_type, MediaType::ImageIndex) || media_type.as_ref() == DOCKER_LIST
}

/// Chooses a manifest.
pub(super) fn choose(
    source: &dyn Source,
    tag: Option<&str>,
    wish: &PlatformWish,
) -> Result<Blob, RegistryError> {
    let Top { name, descriptors } = source.top()?;
    let mut walk = Walk { source, seen: HashSet::new(), found: Vec::new() };
    walk.index(tagged(source.noun(), &descriptors, tag)?, &name, 0)?;
    wish.choose(walk.found)
}

/// Returns the descriptors that have a tag. Without one to look for, there must be no choice.
fn tagged<'d>(
    noun: &'static str,
    all: &'d [Descriptor],
    tag: Option<&str>,
) -> Result<Vec<&'d Descriptor>, RegistryError> {
    let of = |descriptor: &'d Descriptor| descriptor.annotations().as_ref()?.get(TAG).map(String::as_str);
    let Some(tag) = tag else {
        let images: HashSet<&str> =
            all.iter().filter(|d| of(d).is_some()).map(|d| d.digest().as_ref()).collect();
        return match images.len() {
            0 | 1 => Ok(all.iter().collect()),
            _ => Err(RegistryError::ManyImages { noun, has: listed(all.iter().filter_map(of)) }),
        };
    };
    let found: Vec<_> = all.iter().filter(|descriptor| of(descriptor) == Some(tag)).collect();
    if found.is_empty() {
        let has = listed(all.iter().filter_map(of));
        return Err(RegistryError::NoTag { noun, tag: tag.to_owned(), has });
    }
    Ok(found)
}

fn listed<'t>(tags: impl Iterator<Item = &'t str>) -> Vec<String> {
    tags.take(LISTED).map(quoted).collect()
}

/// Gathers the manifests that indexes lead to.
struct Walk<'s> {
    source: &'s dyn Source,
    /// Documents that were visited. Each is visited once, however many ways lead to it.
    seen: HashSet<Digest>,
    found: Vec<(Platform, Blob)>,
}

impl Walk<'_> {
    fn index(&mut self, entries: Vec<&Descriptor>, name: &str, depth: usize) -> Result<(), RegistryError> {
        for entry in entries {
            let media_type = entry.media_type();
            if is_index(media_type) {
                self.nested(&Blob::new(BlobKind::Index, entry, name)?, depth)?;
            } else if is_manifest(media_type) {
                self.manifest(Blob::new(BlobKind::Manifest, entry, name)?, entry)?;
            }
            // The specification has readers skip what they do not know.
        }
        Ok(())
    }

    fn nested(&mut self, blob: &Blob, depth: usize) -> Result<(), RegistryError> {
        if depth == MAX_DEPTH {
            return Err(RegistryError::TooDeep { name: blob.name(), limit: MAX_DEPTH });
        }
        if !self.seen.insert(blob.digest) {
            return Ok(());
        }
        let index: ImageIndex = document(self.source, blob)?;
        if let Some(says) = index.media_type().as_ref().filter(|says| !is_index(says)) {
            let found = quoted(says.as_ref());
            return Err(RegistryError::MediaType { name: blob.name(), found, wanted: "that of an index" });
        }
        self.index(index.manifests().iter().collect(), &blob.name(), depth.saturating_add(1))
    }

    /// Notes a manifest with what it is for, which its configuration knows if its descriptor does not.
    fn manifest(&mut self, blob: Blob, descriptor: &Descriptor) -> Result<(), RegistryError> {
        if !self.seen.insert(blob.digest) {
            return Ok(());
        }
        let platform = match descriptor.platform() {
            Some(platform) => Platform::of_descriptor(platform),
            None => Platform::of_config(&documents(self.source, &blob)?.2),
        };
        // Builders put their attestations beside images, for a platform of this name.
        if platform.os != "unknown" {
            self.found.push((platform, blob));
        }
        Ok(())
    }
}
