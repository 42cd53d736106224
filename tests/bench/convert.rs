//! Converting an image of seven layers with the command: how long, how busy the processor, how much memory and disk.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench convert
//!   CIMSNAP_BENCH_LAYOUT=./layout CIMSNAP_BENCH_PLATFORM=linux/amd64 cargo bench --bench convert
//! ```
//!
//! Without an OCI layout it makes one of what is below /usr/lib. `report` makes a table of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

mod support;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{digest, median, processor_time};

const LIMIT: u64 = 1200 << 20;
const RUNS: usize = 5;

/// What each layer has of the bytes, in thousandths, as it is in images: the lowest one has most.
const SHARES: [u64; 7] = [745, 130, 74, 24, 15, 8, 4];

fn main() {
    let root = support::scratch("convert-bench");
    let layout = match std::env::var_os("CIMSNAP_BENCH_LAYOUT") {
        Some(layout) => PathBuf::from(layout),
        None => make_layout(&root.join("layout")),
    };
    let layers = Layers::read(&layout);
    let to = root.join("images");
    let mut runs = Vec::new();
    // The first round warms the caches.
    for round in 0..=RUNS {
        drop(fs::remove_dir_all(&to));
        let run = Run::measure(&layout, &to);
        if round > 0 {
            runs.push(run);
        }
    }
    let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let results = json!({
        "tar bytes": layers.tar,
        "blob bytes": layers.blobs,
        "unique bytes": layers.unique,
        "disk bytes": allocated(&to),
        "seconds": of(|run| run.seconds),
        "processor": of(|run| run.processor),
        "busy": of(|run| run.processor / run.seconds / cores()),
        "peak": of(|run| run.peak),
    });
    println!("{results:#}");
    fs::remove_dir_all(&root).unwrap();
    support::keep("convert", &results);
}

fn cores() -> f64 {
    f64::from(u32::try_from(available_parallelism().unwrap().get()).unwrap())
}

/// One conversion.
struct Run {
    seconds: f64,
    processor: f64,
    /// Most resident memory, in bytes.
    peak: f64,
}

impl Run {
    fn measure(layout: &Path, to: &Path) -> Self {
        let (start, worked) = (Instant::now(), processor_time());
        let mut convert = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        convert.args(["--quiet", "image", "convert", "--no-sync"]).arg(format!("oci:{}", layout.display()));
        convert.arg("--to").arg(to).args(["--platform", &platform()]);
        let peak = watch(convert.stdout(Stdio::null()).spawn().unwrap());
        Self { seconds: start.elapsed().as_secs_f64(), processor: processor_time() - worked, peak }
    }
}

fn platform() -> String {
    std::env::var("CIMSNAP_BENCH_PLATFORM").unwrap_or_else(|_| "linux/amd64".to_owned())
}

/// Waits for a process and returns the peak of its resident memory, which the kernel tells while it runs.
fn watch(mut child: Child) -> f64 {
    let mut peak = 0.0;
    let status = format!("/proc/{}/status", child.id());
    loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            peak = line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0;
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        sleep(Duration::from_millis(2));
    }
}

/// Returns the bytes that files take on the disk.
fn allocated(directory: &Path) -> u64 {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512).sum()
}

/// What the layers of a layout hold.
#[derive(Default)]
struct Layers {
    tar: u64,
    blobs: u64,
    /// Bytes of files, each content once.
    unique: u64,
}

impl Layers {
    fn read(layout: &Path) -> Self {
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
        for entry in archive.entries().unwrap() {
            let mut content = Vec::new();
            entry.unwrap().read_to_end(&mut content).unwrap();
            if seen.insert(blake3::hash(&content)) {
                self.unique += u64::try_from(content.len()).unwrap();
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
fn make_layout(layout: &Path) -> PathBuf {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let files = support::files(Path::new(support::SOURCE), LIMIT);
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
        support::write_tar(&tar, of_layer);
        support::compress(&tar, &gzip);
        diff_ids.push(format!("sha256:{}", digest(&tar)));
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
    let digest = digest(file);
    let size = fs::metadata(file).unwrap().len();
    fs::rename(file, blobs.join(&digest)).unwrap();
    json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": size })
}
