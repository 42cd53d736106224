//! OCI layouts as builders make them, and as they never would.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use cimsnap::layer::digest::Digest;
use serde_json::{Value, json};

pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A layer: the tar, and how it is stored.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) diff_id: String,
    pub(crate) blob: Vec<u8>,
    pub(crate) media_type: &'static str,
}

impl Layer {
    pub(crate) fn plain(tar: &[u8]) -> Self {
        Self::new(tar, tar.to_vec(), "application/vnd.oci.image.layer.v1.tar")
    }

    pub(crate) fn gzip(tar: &[u8]) -> Self {
        Self::new(tar, gzip(tar), "application/vnd.oci.image.layer.v1.tar+gzip")
    }

    pub(crate) fn zstd(tar: &[u8]) -> Self {
        let blob = zstd::encode_all(tar, 1).unwrap();
        Self::new(tar, blob, "application/vnd.oci.image.layer.v1.tar+zstd")
    }

    pub(crate) fn docker(tar: &[u8]) -> Self {
        Self::new(tar, gzip(tar), "application/vnd.docker.image.rootfs.diff.tar.gzip")
    }

    fn new(tar: &[u8], blob: Vec<u8>, media_type: &'static str) -> Self {
        Self { diff_id: Digest::of(tar).to_string(), blob, media_type }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A layout under construction.
pub(crate) struct Oci {
    root: PathBuf,
    manifests: Vec<Value>,
}

impl Oci {
    pub(crate) fn new(root: &Path) -> Self {
        fs::create_dir_all(root.join("blobs/sha256")).unwrap();
        fs::write(root.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self { root: root.to_owned(), manifests: Vec::new() }
    }

    /// The file of a blob, by its digest.
    pub(crate) fn path(&self, digest: &Value) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.as_str().unwrap().strip_prefix("sha256:").unwrap())
    }

    /// Stores a blob and describes it.
    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = json!(Digest::of(bytes).to_string());
        fs::write(self.path(&digest), bytes).unwrap();
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    pub(crate) fn document(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// Stores an image and describes its manifest.
    pub(crate) fn image(&self, os: &str, layers: &[Layer]) -> Value {
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = json!({
            "os": os, "architecture": "amd64", "config": {"Env": null},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let stored = layers.iter().map(|layer| self.blob(layer.media_type, &layer.blob));
        let manifest = json!({
            "schemaVersion": 2, "config": self.document(CONFIG, &config),
            "layers": stored.collect::<Vec<_>>(),
        });
        let is_docker = layers.iter().any(|layer| layer.media_type.contains("docker"));
        let mut described = self.document(if is_docker { DOCKER } else { MANIFEST }, &manifest);
        described["platform"] = json!({"os": os, "architecture": "amd64"});
        described
    }

    /// Lists a manifest or an index at the top, under a tag if it has one.
    pub(crate) fn list(&mut self, tag: &str, mut descriptor: Value) {
        if !tag.is_empty() {
            descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        }
        self.manifests.push(descriptor);
        let index = json!({"schemaVersion": 2, "manifests": self.manifests});
        fs::write(self.root.join("index.json"), index.to_string()).unwrap();
    }
}
