//! Pulling an image with containerd, through cimsnap and through what containerd has itself.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench pull
//!   CIMSNAP_BENCH_LAYOUT=./layout cargo bench --bench pull
//! ```
//!
//! The blobs are in containerd's content store already: what is timed is a look at the registry, and unpacking. The
//! variants take turns. `-par` means that containerd unpacks up to four layers at once, `-seq` that it does not, which is
//! what it does if nobody says; `-igzip`, that it has that program inflate. After each pull come some of what is there
//! already, and of the same with one more layer. `report` makes tables and a plot of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

mod support;

use std::path::Path;

use serde_json::{Map, Value, json};
use support::layout::{self, Layers};
use support::median;
use support::pullbench::pullbench;

const ROUNDS: usize = 5;

const VARIANTS: [&str; 6] =
    ["overlayfs-seq", "overlayfs-par", "erofs-par", "erofs-igzip-par", "cimsnap-seq", "cimsnap-par"];

/// What is told of every pull.
const FIGURES: [&str; 6] = ["wall_s", "cpu_s", "peak_rss_mib", "disk_mb", "nothing_s", "one_file_s"];

fn main() {
    // Sockets lie below it, whose paths have to be short.
    let root = support::scratch("p");
    let layout = layout::given_or_made(&root.join("layout"));
    let layers = Layers::read(&layout);
    let pulls = pull(&root, &layout);
    let mut results = Map::new();
    for variant in VARIANTS {
        let of = |figure: &str| {
            let rounds = pulls.iter().filter(|pull| pull["variant"] == variant);
            median(rounds.map(|pull| pull[figure].as_f64().unwrap()).collect())
        };
        let figures: Map<String, Value> =
            FIGURES.iter().map(|&figure| (figure.to_owned(), json!(of(figure)))).collect();
        results.insert(variant.to_owned(), figures.into());
    }
    results.insert("tar bytes".to_owned(), layers.tar.into());
    results.insert("blob bytes".to_owned(), layers.blobs.into());
    println!("{:#}", Value::from(results.clone()));
    std::fs::remove_dir_all(&root).unwrap();
    support::keep("pull", &results);
}

/// Pulls the image of a layout, and returns what is told of each pull.
fn pull(root: &Path, layout: &Path) -> Vec<Value> {
    let told = pullbench(root, &["-rounds", &ROUNDS.to_string(), "-variants", &VARIANTS.join(",")], layout);
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
