//! The layout of an image on disk, as OCI has it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::archive::{self, Style};
use super::blob::{self, Blob, BlobWriter, Compression};
use super::item::Item;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// A layout under construction.
pub(super) struct Layout {
    root: PathBuf,
    compression: Compression,
    layers: Vec<Blob>,
}

impl Layout {
    pub(super) fn create(root: &Path, compression: Compression) -> io::Result<Self> {
        fs::create_dir_all(root.join("blobs/sha256"))?;
        Ok(Self { root: root.to_owned(), compression, layers: Vec::new() })
    }

    /// Stores a layer.
    pub(super) fn layer(&mut self, items: &[Item], style: Style) -> io::Result<&Blob> {
        let mut blob = BlobWriter::create(&self.blobs(), self.compression)?;
        archive::write(items, style, &mut blob)?;
        let index = self.layers.len();
        self.layers.push(blob.finish()?);
        Ok(&self.layers[index])
    }

    /// Stores the documents. A platform is what both the configuration and the index say of one.
    pub(super) fn finish(self, platform: &Value) -> io::Result<()> {
        let media_type = self.compression.media_type();
        let layers: Vec<Value> =
            self.layers.iter().map(|layer| described(media_type, &layer.digest, layer.len)).collect();
        let diff_ids: Vec<String> =
            self.layers.iter().map(|layer| format!("sha256:{}", layer.diff_id)).collect();
        let mut config = platform.clone();
        config["config"] = json!({});
        config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
        let config = self.document(CONFIG, &config)?;
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        let mut listed = self.document(MANIFEST, &manifest)?;
        listed["platform"] = platform.clone();
        listed["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [listed]});
        fs::write(self.root.join("index.json"), index.to_string())?;
        fs::write(self.root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    fn document(&self, media_type: &str, document: &Value) -> io::Result<Value> {
        let bytes = document.to_string().into_bytes();
        let digest = blob::digest(&bytes);
        fs::write(self.blobs().join(&digest), &bytes)?;
        Ok(described(media_type, &digest, bytes.len() as u64))
    }
}

fn described(media_type: &str, digest: &str, len: u64) -> Value {
    json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": len})
}
