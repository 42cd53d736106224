//! Containers on an image that runs: unpacking it, the first container, a walk through its files, and reading them all,
//! with cimsnap and with snapshotters of containerd itself. `cimsnap bench` does the measuring, as on any machine.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench containers
//! ```

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::pullbench::{built, pullbench};

const ROUNDS: &str = "5";

/// About how much the files of the image take, in MiB: `native` copies all of it for each layer, and each container.
const SIZE: &str = "256";

fn main() {
    let root = support::scratch("c");
    let layout = root.join("layout");
    make(&layout);
    let told = pullbench(&root, &["-against", "overlayfs,erofs,native", "-rounds", ROUNDS], &layout);
    let told: Value = serde_json::from_str(&told).unwrap();
    println!("{told:#}");
    std::fs::remove_dir_all(&root).unwrap();
    support::keep("containers", &told);
}

fn make(layout: &Path) {
    let made = Command::new(built("sample")).args(["-size", SIZE]).arg(layout).status().unwrap();
    assert!(made.success(), "{made}");
}
