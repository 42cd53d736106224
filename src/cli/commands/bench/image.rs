//! The image that is unpacked: which one, what it consists of, and how it comes into the namespace of the bench.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use cimsnap::registry::{Layout, PlatformWish, SourceImage};
use serde_json::{Value, json};

use super::ctr::Ctr;
use super::error::BenchError;
use super::session::{Session, is_bench};
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

/// Where an image is already.
struct Place {
    namespace: String,
    reference: String,
    bytes: f64,
}

/// Brings an image into the namespace of a bench: the one that is named, or the largest that cimsnap does not have.
pub(super) fn bring(
    session: &Session,
    wanted: Option<&str>,
    platform: &PlatformWish,
    plain_http: bool,
    had: &HashSet<String>,
) -> Result<Subject> {
    let places = complete(&session.ctr)?;
    let Some(reference) = wanted else {
        return largest(session, places, platform, had);
    };
    match places.iter().find(|place| place.reference == reference) {
        Some(place) => copy(session, place, platform)?,
        None => fetch(&session.ctr, reference, platform, plain_http)?,
    }
    let subject = describe(&session.ctr, reference, platform, &session.documents())?;
    if has_any(&subject.source, had) {
        return Err(BenchError::Had(reference.to_owned()).into());
    }
    Ok(subject)
}

fn largest(
    session: &Session,
    mut places: Vec<Place>,
    platform: &PlatformWish,
    had: &HashSet<String>,
) -> Result<Subject> {
    places.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    for place in places {
        let there = session.ctr.within(&place.namespace);
        match describe(&there, &place.reference, platform, &session.documents()) {
            Ok(subject) if !has_any(&subject.source, had) => {
                copy(session, &place, platform)?;
                return Ok(subject);
            }
            // Of another platform, or not an image at all: there are others.
            _ => continue,
        }
    }
    Err(BenchError::NoImage.into())
}

fn has_any(source: &SourceImage, had: &HashSet<String>) -> bool {
    source.layers.iter().any(|layer| had.contains(&layer.blob.digest.to_string()))
}

/// Lists the images that containerd has all blobs of, in any namespace.
fn complete(ctr: &Ctr) -> std::result::Result<Vec<Place>, BenchError> {
    let mut places = Vec::new();
    for namespace in ctr.names(&["namespaces", "list", "--quiet"])? {
        if is_bench(&namespace) {
            continue;
        }
        // An image that cannot be checked makes the command fail, after it has told of the others.
        let listed = ctr.within(&namespace).ask(&["images", "check"]).unwrap_or_default();
        places.extend(listed.lines().filter_map(|line| place(&namespace, line)));
    }
    Ok(places)
}

/// Reads a line such as `REF TYPE DIGEST complete (2/2) 12.0 MiB/12.0 MiB true`.
fn place(namespace: &str, line: &str) -> Option<Place> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [reference, _, _, "complete", _, number, unit, ..] = fields.as_slice() else {
        return None;
    };
    let unit = match unit.chars().next()? {
        'K' | 'k' => 1e3,
        'M' => 1e6,
        'G' => 1e9,
        'T' => 1e12,
        _ => 1.0,
    };
    let bytes = number.parse::<f64>().ok()? * unit;
    Some(Place { namespace: namespace.to_owned(), reference: (*reference).to_owned(), bytes })
}

/// Has our namespace hold the blobs too. containerd keeps them once.
fn copy(session: &Session, place: &Place, platform: &PlatformWish) -> std::result::Result<(), BenchError> {
    let platform = platform.to_string();
    let from = session.ctr.within(&place.namespace);
    let export = ["images", "export", "--platform", &platform, "-", &place.reference];
    let import = ["images", "import", "--no-unpack", "--platform", &platform, "-"];
    session.ctr.pipe(&import, &from, &export)
}

fn fetch(
    ctr: &Ctr,
    reference: &str,
    platform: &PlatformWish,
    plain_http: bool,
) -> std::result::Result<(), BenchError> {
    let platform = platform.to_string();
    let mut fetch = vec!["content", "fetch", "--platform", &platform];
    fetch.extend(plain_http.then_some("--plain-http"));
    fetch.push(reference);
    ctr.ask(&fetch).map(drop)
}

/// Finds out what an image consists of, by copies of its documents.
fn describe(ctr: &Ctr, reference: &str, platform: &PlatformWish, documents: &Path) -> Result<Subject> {
    let target = target(ctr, reference)?;
    fs::create_dir_all(documents.join("blobs/sha256"))?;
    fs::write(documents.join("oci-layout"), LAYOUT)?;
    let kind = copy_document(ctr, documents, &target)?;
    fs::write(documents.join("index.json"), index(&kind, None))?;
    let source = Layout::open(documents)?.image(None, platform)?;
    let digest = source.digest.to_string();
    let path = documents.join("blobs").join(digest.replace(':', "/"));
    let manifest = parse(&digest, &fs::read(&path)?)?;
    let config = manifest["config"]["digest"].as_str().unwrap_or_default().to_owned();
    let mut descriptor = descriptor(&digest, &manifest, fs::metadata(&path)?.len());
    descriptor["platform"] = json!({ "os": source.platform.os, "architecture": source.platform.arch });
    let pointer = pointer(&index(&descriptor, Some(ROUND)))?;
    Ok(Subject { reference: reference.to_owned(), platform: platform.clone(), source, config, pointer })
}

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

fn target(ctr: &Ctr, reference: &str) -> std::result::Result<String, BenchError> {
    let listed = ctr.ask(&["images", "list", &format!("name=={reference}")])?;
    let mut fields = listed.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = fields.find_map(|fields| fields.get(2).map(|digest| (*digest).to_owned()));
    found.ok_or(BenchError::NoImage)
}

/// Copies a document and those that it leads to. What containerd does not have is of another platform.
fn copy_document(ctr: &Ctr, documents: &Path, digest: &str) -> Result<Value> {
    let text = ctr.ask(&["content", "get", digest])?;
    fs::write(documents.join("blobs").join(digest.replace(':', "/")), &text)?;
    let value = parse(digest, text.as_bytes())?;
    let listed = value["manifests"].as_array().into_iter().flatten();
    for of in listed.chain(value.get("config").filter(|_| value.get("layers").is_some())) {
        let below = of["digest"].as_str().unwrap_or_default();
        drop(copy_document(ctr, documents, below));
    }
    Ok(descriptor(digest, &value, u64::try_from(text.len())?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_images_have_a_place() {
        let line = "reg/a:1 application/x sha256:00 complete (3/3) 12.5 MiB/12.5 MiB true";
        let found = place("default", line).unwrap();
        assert_eq!((found.reference.as_str(), found.bytes), ("reg/a:1", 12.5e6));
        for line in [
            "REF TYPE DIGEST STATUS SIZE UNPACKED",
            "reg/a:1 application/x sha256:00 incomplete (2/3) 1.0 MiB/12.5 MiB true",
            "reg/a:1 application/x sha256:00 unavailable (0/?) 0.0 B/? false",
        ] {
            assert!(place("default", line).is_none(), "{line}");
        }
    }
}
