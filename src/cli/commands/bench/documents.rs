//! What an image consists of, as containerd's store says.

use std::fs;
use std::path::{Path, PathBuf};

use cimsnap::layer::digest::Digest;
use cimsnap::registry::{Layout, PlatformWish, SourceImage};
use serde_json::{Value, json};

use super::ctr::Ctr;
use super::error::BenchError;
use crate::cli::Result;

/// The image that is unpacked.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) reference: String,
    pub(super) platform: PlatformWish,
    pub(super) source: SourceImage,
    /// The digest of the document that containerd lets snapshots hang on.
    pub(super) config: String,
    /// A layout of one document, which leads to the image in containerd's store.
    pub(super) pointer: Vec<u8>,
}

/// What an image is called while a round has it.
pub(super) const ROUND: &str = "cimsnap-bench/round:latest";

/// Finds out what an image consists of, by copies of its documents.
pub(super) fn describe(
    ctr: &Ctr,
    reference: &str,
    platform: &PlatformWish,
    documents: &Path,
) -> Result<Subject> {
    let target = target(ctr, reference)?;
    fs::create_dir_all(documents.join("blobs/sha256"))?;
    fs::write(documents.join("oci-layout"), LAYOUT)?;
    let kind = copy_document(ctr, documents, &target, NESTED)?;
    fs::write(documents.join("index.json"), index(&kind, None))?;
    let source = SourceImage::find(&Layout::open(documents)?, None, platform)?;
    let digest = source.manifest.digest.to_string();
    let path = blob(documents, &source.manifest.digest);
    let manifest = parse(&digest, &fs::read(&path)?)?;
    let config = source.config.digest.to_string();
    let mut descriptor = descriptor(&digest, &manifest, fs::metadata(&path)?.len());
    descriptor["platform"] = json!({ "os": source.platform.os, "architecture": source.platform.arch });
    let pointer = pointer(&index(&descriptor, Some(ROUND)))?;
    Ok(Subject { reference: reference.to_owned(), platform: platform.clone(), source, config, pointer })
}

/// How deep documents may lie below each other, and how many bytes one may have.
const NESTED: usize = 8;
const LARGEST: u64 = 4 << 20;

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

fn target(ctr: &Ctr, reference: &str) -> std::result::Result<String, BenchError> {
    let listed = ctr.ask(&["images", "list", &format!("name=={reference}")])?;
    let mut fields = listed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = fields.find_map(|fields| fields.get(2).map(|digest| (*digest).to_owned()));
    found.ok_or(BenchError::NoImage)
}

/// Copies a document and those that it leads to. What containerd does not have is of another platform.
fn copy_document(ctr: &Ctr, documents: &Path, digest: &str, nested: usize) -> Result<Value> {
    let text = ctr.ask(&["content", "get", digest])?;
    fs::write(blob(documents, &digest.parse()?), &text)?;
    let value = parse(digest, text.as_bytes())?;
    let listed = value["manifests"].as_array().into_iter().flatten();
    for of in listed.chain(value.get("config").filter(|_| value.get("layers").is_some())) {
        let small = of["size"].as_u64().is_some_and(|size| size <= LARGEST);
        if let (Some(below), true, 1..) = (of["digest"].as_str(), small, nested) {
            drop(copy_document(ctr, documents, below, nested - 1));
        }
    }
    Ok(descriptor(digest, &value, u64::try_from(text.len())?))
}

fn blob(documents: &Path, digest: &Digest) -> PathBuf {
    documents.join("blobs/sha256").join(digest.hex())
}

fn parse(document: &str, text: &[u8]) -> std::result::Result<Value, BenchError> {
    serde_json::from_slice(text)
        .map_err(|source| BenchError::Document { document: document.to_owned(), source })
}

fn descriptor(digest: &str, value: &Value, size: u64) -> Value {
    let usual = match value.get("manifests") {
        Some(_) => "application/vnd.oci.image.index.v1+json",
        None => "application/vnd.oci.image.manifest.v1+json",
    };
    let kind = value["mediaType"].as_str().unwrap_or(usual);
    json!({ "mediaType": kind, "digest": digest, "size": size })
}

fn index(descriptor: &Value, name: Option<&str>) -> String {
    let mut listed = descriptor.clone();
    if let Some(name) = name {
        listed["annotations"] = json!({ "io.containerd.image.name": name });
    }
    json!({ "schemaVersion": 2, "manifests": [listed] }).to_string()
}

/// Makes the tar of a layout without blobs, which containerd takes if it has them.
fn pointer(index: &str) -> std::io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, text) in [("oci-layout", LAYOUT), ("index.json", index)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(text.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        tar.append_data(&mut header, name, text.as_bytes())?;
    }
    tar.into_inner()
}
