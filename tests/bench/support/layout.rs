//! OCI layouts to convert and to pull.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// Most bytes of files of the layers together.
const LIMIT: u64 = 1200 << 20;

/// What each layer has of the bytes, in thousandths, as it is in images: the lowest one has most.
const SHARES: [u64; 7] = [745, 130, 74, 24, 15, 8, 4];

/// Returns the layout that the environment names, or makes one.
pub(crate) fn given_or_made(at: &Path) -> PathBuf {
    match std::env::var_os("CIMSNAP_BENCH_LAYOUT") {
        Some(layout) => PathBuf::from(layout),
        None => make(at),
    }
}

/// What the layers of a layout hold.
#[derive(Default)]
pub(crate) struct Layers {
    pub(crate) tar: u64,
    pub(crate) blobs: u64,
    /// Bytes of files, each content once.
    pub(crate) unique: u64,
    /// Bytes of files, each content once a layer.
    pub(crate) unique_in_layer: u64,
}

impl Layers {
    pub(crate) fn read(layout: &Path) -> Self {
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            layout.join("blobs").join(digest.replace(':', "/"))
        };
        let json = |path: PathBuf| serde_json::from_slice::<Value>(&fs::read(path).unwrap()).unwrap();
        let manifest = json(blob(&json(layout.join("index.json"))["manifests"][0]));
        let (mut layers, mut seen) = (Self::default(), HashSet::new());
        for layer in manifest["layers"].as_array().unwrap() {
            layers.blobs += layer["size"].as_u64().unwrap();
            layers.add(&blob(layer), &mut seen);
        }
        layers
    }

    fn add(&mut self, blob: &Path, seen: &mut HashSet<blake3::Hash>) {
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(File::open(blob).unwrap()));
        let mut seen_here = HashSet::new();
        for entry in archive.entries().unwrap() {
            let mut content = Vec::new();
            entry.unwrap().read_to_end(&mut content).unwrap();
            let (hash, len) = (blake3::hash(&content), u64::try_from(content.len()).unwrap());
            if seen_here.insert(hash) {
                self.unique_in_layer += len;
            }
            if seen.insert(hash) {
                self.unique += len;
            }
        }
        self.tar += tar_len(blob);
    }
}

/// Returns the length of the tar in a blob.
fn tar_len(blob: &Path) -> u64 {
    let mut decoder = flate2::read::MultiGzDecoder::new(File::open(blob).unwrap());
    std::io::copy(&mut decoder, &mut std::io::sink()).unwrap()
}

/// Makes an OCI layout of seven layers.
fn make(layout: &Path) -> PathBuf {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let files = super::files(Path::new(super::SOURCE), LIMIT);
    let total: u64 = files.iter().map(|(_, len)| len).sum();
    let (mut layers, mut diff_ids, mut rest) = (Vec::new(), Vec::new(), &files[..]);
    for (number, share) in SHARES.iter().enumerate() {
        let mut left = total / 1000 * share;
        let last = number + 1 == SHARES.len();
        let fits = |(_, len): &&(PathBuf, u64)| {
            let fits = left > 0 || last;
            left = left.saturating_sub(*len);
            fits
        };
        let (of_layer, others) = rest.split_at(rest.iter().take_while(fits).count());
        rest = others;
        let (tar, gzip) = (layout.join("tar"), layout.join("gzip"));
        super::write_tar(&tar, of_layer);
        super::compress(&tar, &gzip);
        diff_ids.push(format!("sha256:{}", super::digest(&tar)));
        layers.push(store(&blobs, &gzip, "application/vnd.oci.image.layer.v1.tar+gzip"));
        fs::remove_file(tar).unwrap();
    }
    let write = |value: Value, kind: &str| {
        let path = layout.join("document");
        File::create(&path).unwrap().write_all(value.to_string().as_bytes()).unwrap();
        store(&blobs, &path, kind)
    };
    let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
    let config = json!({ "architecture": "amd64", "os": "linux", "rootfs": rootfs });
    let config = write(config, "application/vnd.oci.image.config.v1+json");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
    let mut manifest = write(manifest, kind);
    manifest["platform"] = json!({ "architecture": "amd64", "os": "linux" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    layout.to_owned()
}

/// Moves a file to the blobs and returns its descriptor.
fn store(blobs: &Path, file: &Path, kind: &str) -> Value {
    let digest = super::digest(file);
    let size = fs::metadata(file).unwrap().len();
    fs::rename(file, blobs.join(&digest)).unwrap();
    json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": size })
}
