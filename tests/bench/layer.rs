//! Converting the blob of a layer beside its parts done alone, and beside unpacking it.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench layer
//! ```
//!
//! The layer is made of what is below /usr/lib, up to 512 MiB. Nobody waits for the disk. `report` makes a table of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

mod support;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use cimsnap::cim::io::DiskDirectory;
use cimsnap::cim::{Guid, ImageName, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::import::{ImportOptions, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use sha2::{Digest, Sha256};
use support::{each_piece, files, median, processor_time};

const LIMIT: u64 = 512 << 20;
const RUNS: usize = 7;

/// Bytes at the front of the blob that are no deflate stream: a gzip header without a name.
const GZIP_HEADER: usize = 10;

/// A name, and what is timed.
type Case = (&'static str, fn(&Layer));

const CASES: [Case; 7] = [
    ("convert", Layer::convert),
    ("inflate", Layer::inflate),
    ("hash and write", Layer::hash_and_write),
    ("hash and write, two threads", Layer::hash_and_write_beside),
    ("tar -xz", |layer| layer.run("tar -xzf \"$1\" -C \"$2\"")),
    ("tar2sqfs, lz4", |layer| layer.run("gzip -dc \"$1\" | tar2sqfs --quiet --compressor lz4 \"$2/image\"")),
    ("gzip -dc", |layer| layer.run("gzip -dc \"$1\" > /dev/null")),
];

fn main() {
    let root = support::scratch("layer-bench");
    let layer = Layer::make(&root);
    let mut figures = vec![(Vec::new(), Vec::new()); CASES.len()];
    // The first round warms the caches.
    for round in 0..=RUNS {
        for ((_, run), (times, work)) in CASES.iter().zip(&mut figures) {
            layer.clear();
            let (start, worked) = (Instant::now(), processor_time());
            run(&layer);
            if round > 0 {
                times.push(start.elapsed().as_secs_f64());
                work.push(processor_time() - worked);
            }
        }
    }
    let mut results = serde_json::Map::new();
    for ((name, _), (times, work)) in CASES.iter().zip(figures) {
        results.insert((*name).to_owned(), median(times).into());
        results.insert(format!("{name}: processor"), median(work).into());
    }
    results.insert("tar bytes".to_owned(), layer.tar_len.into());
    results.insert("blob bytes".to_owned(), fs::metadata(&layer.blob).unwrap().len().into());
    println!("{results:#?}");
    fs::remove_dir_all(&root).unwrap();
    support::keep("layer", &results);
}

/// A layer to convert, and a directory to do it in.
struct Layer {
    blob: PathBuf,
    tar: PathBuf,
    tar_len: u64,
    scratch: PathBuf,
}

impl Layer {
    fn make(root: &Path) -> Self {
        let (blob, tar, scratch) = (root.join("layer.tar.gz"), root.join("layer.tar"), root.join("scratch"));
        support::write_tar(&tar, &files(Path::new(support::SOURCE), LIMIT));
        support::compress(&tar, &blob);
        Self { tar_len: fs::metadata(&tar).unwrap().len(), blob, tar, scratch }
    }

    fn clear(&self) {
        drop(fs::remove_dir_all(&self.scratch));
        fs::create_dir_all(&self.scratch).unwrap();
    }

    /// From the blob to an image.
    fn convert(&self) {
        let directory: Arc<dyn cimsnap::cim::io::Directory> = Arc::new(DiskDirectory::new(&self.scratch));
        let stream = LayerStream::open(File::open(&self.blob).unwrap(), StreamOptions::default()).unwrap();
        let guid = Guid::from_content([7; 16]);
        let engine = Portable::new(directory.clone(), guid, false);
        import(stream, engine, &ImportOptions { os: Some(LayerOs::Linux), ..ImportOptions::default() })
            .unwrap();
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let set = LayerSet::open(directory, guid).unwrap();
        set.commit(None, &ImageName::new("layer.cim").unwrap(), options).unwrap();
    }

    fn inflate(&self) {
        let mut inflater = flate2::Decompress::new(false);
        let mut output = vec![0; 256 << 10];
        let (mut skip, mut finished) = (GZIP_HEADER, false);
        each_piece(&self.blob, |piece| {
            let mut rest = &piece[std::mem::take(&mut skip)..];
            while !finished {
                let before = (inflater.total_in(), inflater.total_out());
                let status = inflater.decompress(rest, &mut output, flate2::FlushDecompress::None).unwrap();
                rest = &rest[usize::try_from(inflater.total_in() - before.0).unwrap()..];
                finished = status == flate2::Status::StreamEnd;
                if inflater.total_out() - before.1 < u64::try_from(output.len()).unwrap() {
                    break;
                }
            }
        });
        assert!(finished);
    }

    fn hash_and_write(&self) {
        let (mut tar, mut data) = (Sha256::new(), blake3::Hasher::new());
        let mut out = File::create(self.scratch.join("out")).unwrap();
        each_piece(&self.tar, |piece| {
            tar.update(piece);
            data.update(piece);
            out.write_all(piece).unwrap();
        });
        let mut blob = Sha256::new();
        each_piece(&self.blob, |piece| blob.update(piece));
        std::hint::black_box((tar.finalize(), data.finalize(), blob.finalize()));
    }

    /// The same with SHA-256 on a thread of its own.
    fn hash_and_write_beside(&self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut tar, mut blob) = (Sha256::new(), Sha256::new());
                each_piece(&self.tar, |piece| tar.update(piece));
                each_piece(&self.blob, |piece| blob.update(piece));
                std::hint::black_box((tar.finalize(), blob.finalize()));
            });
            let mut data = blake3::Hasher::new();
            let mut out = File::create(self.scratch.join("out")).unwrap();
            each_piece(&self.tar, |piece| {
                data.update(piece);
                out.write_all(piece).unwrap();
            });
            std::hint::black_box(data.finalize());
        });
    }

    /// Runs a command of the shell, whose first argument is the blob and the second a directory.
    fn run(&self, command: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-c", command, "sh"]).arg(&self.blob).arg(&self.scratch);
        let status = shell.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.unwrap().success(), "{command}");
    }
}
