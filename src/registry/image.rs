//! An image of a source: the system that it is for, and its layers from the lowest to the highest.

use std::fmt;

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};

use super::blob::{Blob, BlobKind, Bytes, Source, document};
use super::choice::{choose, is_manifest};
use super::error::{RegistryError, quoted};
use super::platform::{Platform, PlatformWish};
use super::servers::Servers;
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::layer::stream::{Expected, MediaType, StreamOptions};

/// An image of a source.
#[derive(Clone, Debug)]
pub struct SourceImage {
    /// Its manifest.
    pub manifest: Blob,
    /// Its configuration.
    pub config: Blob,
    /// What it is for.
    pub platform: Platform,
    /// The rules that its layers follow.
    pub os: LayerOs,
    /// Its layers, the lowest first. There is at least one.
    pub layers: Vec<SourceLayer>,
}

/// A layer of an image, not read yet.
#[derive(Clone)]
pub struct SourceLayer {
    /// Its blob.
    pub blob: Blob,
    /// Where else its blob is said to be. Layers that may not be passed on have such places.
    pub urls: Vec<String>,
    /// What its descriptor says of the content.
    pub media_type: MediaType,
    /// The digest of its tar.
    pub diff_id: Digest,
    /// The digest that stands for this layer over those below it.
    pub chain_id: Digest,
}

/// Without the addresses, which may hold secrets.
impl fmt::Debug for SourceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blob, media_type, diff_id, chain_id, .. } = self;
        let mut shown = f.debug_struct("SourceLayer");
        shown.field("blob", blob).field("media_type", media_type);
        shown.field("diff_id", diff_id).field("chain_id", chain_id).finish_non_exhaustive()
    }
}

impl SourceLayer {
    /// Opens the blob in a source that has the image. Servers whose bytes were wrong before are not asked again.
    pub fn open(&self, source: &dyn Source, servers: &Servers) -> Result<Bytes, RegistryError> {
        source.fetch(&self.blob, &self.urls, servers)
    }

    /// Returns how to open the layer's stream, so that it proves to be what the image says.
    pub fn stream_options(&self) -> StreamOptions {
        let expected = Expected {
            blob_digest: Some(self.blob.digest),
            blob_size: Some(self.blob.size),
            diff_id: Some(self.diff_id),
        };
        StreamOptions { media_type: Some(self.media_type.clone()), expected, ..StreamOptions::default() }
    }
}

impl SourceImage {
    /// Finds an image by its tag, where there is more than one, and by the platform that it is for.
    pub fn find(source: &dyn Source, tag: Option<&str>, wish: &PlatformWish) -> Result<Self, RegistryError> {
        Self::read(source, &choose(source, tag, wish)?)
    }

    pub(super) fn read(source: &dyn Source, manifest: &Blob) -> Result<Self, RegistryError> {
        let (document, blob, config) = documents(source, manifest)?;
        let platform = Platform::of_config(&config);
        let os = platform.os.parse().map_err(|_| RegistryError::System(quoted(&platform.os)))?;
        let rootfs = config.rootfs();
        if rootfs.typ() != "layers" {
            return Err(RegistryError::RootFs(quoted(rootfs.typ())));
        }
        let (layers, diff_ids) = (document.layers(), rootfs.diff_ids());
        if layers.len() != diff_ids.len() {
            return Err(RegistryError::Layers { layers: layers.len(), diff_ids: diff_ids.len() });
        }
        let mut chain = Vec::with_capacity(layers.len());
        let mut below = None;
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            let layer = SourceLayer::new(layer, diff_id, below, &manifest.name())?;
            below = Some(layer.chain_id);
            chain.push(layer);
        }
        if chain.is_empty() {
            return Err(RegistryError::Empty);
        }
        Ok(Self { manifest: *manifest, config: blob, platform, os, layers: chain })
    }
}

impl SourceLayer {
    fn new(
        descriptor: &Descriptor,
        diff_id: &str,
        below: Option<Digest>,
        manifest: &str,
    ) -> Result<Self, RegistryError> {
        let blob = Blob::new(BlobKind::Layer, descriptor, manifest)?;
        let media_type = descriptor.media_type().as_ref().parse();
        let media_type =
            media_type.map_err(|source| RegistryError::LayerType { name: blob.name(), source })?;
        let named =
            |source| RegistryError::BadDigest { name: format!("the configuration of {manifest}"), source };
        let diff_id: Digest = diff_id.parse().map_err(named)?;
        let chain_id = diff_id.over(below.as_ref());
        let urls = descriptor.urls().clone().unwrap_or_default();
        Ok(Self { blob, urls, media_type, diff_id, chain_id })
    }
}

/// Reads a manifest and the configuration that it names.
pub(super) fn documents(
    source: &dyn Source,
    manifest: &Blob,
) -> Result<(ImageManifest, Blob, ImageConfiguration), RegistryError> {
    let image: ImageManifest = document(source, manifest)?;
    // A document could be a manifest to one reader and an index to another; its own word settles it.
    if let Some(says) = image.media_type().as_ref().filter(|says| !is_manifest(says)) {
        let found = quoted(says.as_ref());
        return Err(RegistryError::MediaType { name: manifest.name(), found, wanted: "that of a manifest" });
    }
    let blob = Blob::new(BlobKind::Configuration, image.config(), &manifest.name())?;
    let config = document(source, &blob)?;
    Ok((image, blob, config))
}
