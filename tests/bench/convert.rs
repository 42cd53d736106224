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

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use serde_json::json;
use support::layout::{self, Layers};
use support::{median, processor_time};

const RUNS: usize = 5;

fn main() {
    let root = support::scratch("convert-bench");
    let layout = layout::given_or_made(&root.join("layout"));
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
        "unique bytes in a layer": layers.unique_in_layer,
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
