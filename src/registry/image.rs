//! An image of a layout: the system that it is for, and its layers from the lowest to the highest.

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};

use super::choice::is_manifest;
use super::error::{RegistryError, quoted};
use super::layout::{Blob, Layout};
use super::platform::Platform;
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::layer::stream::{Expected, MediaType, StreamOptions};

/// An image of a layout.
#[derive(Clone, Debug)]
pub struct SourceImage {
    /// The digest of its manifest.
    pub digest: Digest,
    /// What it is for.
    pub platform: Platform,
    /// The rules that its layers follow.
    pub os: LayerOs,
    /// Its layers, the lowest first. There is at least one.
    pub layers: Vec<SourceLayer>,
}

/// A layer of an image, not read yet.
#[derive(Clone, Debug)]
pub struct SourceLayer {
    /// Its blob.
    pub blob: Blob,
    /// What its descriptor says of the content.
    pub media_type: MediaType,
    /// The digest of its tar.
    pub diff_id: Digest,
    /// The digest that stands for this layer over those below it.
    pub chain_id: Digest,
}

impl SourceLayer {
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
    pub(super) fn read(layout: &Layout, manifest: &Blob) -> Result<Self, RegistryError> {
        let (document, config) = documents(layout, manifest)?;
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
        Ok(Self { digest: manifest.digest, platform, os, layers: chain })
    }
}

impl SourceLayer {
    fn new(
        descriptor: &Descriptor,
        diff_id: &str,
        below: Option<Digest>,
        manifest: &str,
    ) -> Result<Self, RegistryError> {
        let blob = Blob::new("layer", descriptor, manifest)?;
        let media_type = descriptor.media_type().as_ref().parse();
        let media_type =
            media_type.map_err(|source| RegistryError::LayerType { name: blob.name(), source })?;
        let named =
            |source| RegistryError::BadDigest { name: format!("the configuration of {manifest}"), source };
        let diff_id: Digest = diff_id.parse().map_err(named)?;
        let chain_id = diff_id.over(below.as_ref());
        Ok(Self { blob, media_type, diff_id, chain_id })
    }
}

/// Reads a manifest and the configuration that it names.
pub(super) fn documents(
    layout: &Layout,
    manifest: &Blob,
) -> Result<(ImageManifest, ImageConfiguration), RegistryError> {
    let document: ImageManifest = layout.document(manifest)?;
    // A document could be a manifest to one reader and an index to another; its own word settles it.
    if let Some(says) = document.media_type().as_ref().filter(|says| !is_manifest(says)) {
        let found = quoted(says.as_ref());
        return Err(RegistryError::MediaType { name: manifest.name(), found, wanted: "that of a manifest" });
    }
    let config = Blob::new("configuration", document.config(), &manifest.name())?;
    let config = layout.document(&config)?;
    Ok((document, config))
}
