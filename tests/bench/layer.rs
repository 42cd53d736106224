//! Converting the blob of a layer beside its parts done alone, and beside unpacking it.
//!
//! ```text
//!   CIMSNAP_BENCH_DIR=/tmp/bench cargo bench --bench layer
//! ```
//!
//! The layer is made of what is below /usr/lib, up to 512 MiB. Nobody waits for the disk. `report` makes a table of it.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
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

const SOURCE: &str = "/usr/lib";
const LIMIT: u64 = 512 << 20;
const RUNS: usize = 7;

fn main() {
    let root = std::env::var_os("CIMSNAP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let root = root.join("layer-bench");
    drop(fs::remove_dir_all(&root));
    fs::create_dir_all(&root).unwrap();
    let layer = Layer::make(&root);
    let cases: [Case; 5] = [
        ("convert", Layer::convert),
        ("inflate", Layer::inflate),
        ("hash and write", Layer::hash_and_write),
        ("hash and write, two threads", Layer::hash_and_write_beside),
        ("tar -xz", Layer::unpack),
    ];
    let mut times = vec![Vec::new(); cases.len()];
    // The first round warms the caches.
    for round in 0..=RUNS {
        for ((_, run), times) in cases.iter().zip(&mut times) {
            layer.clear();
            let start = Instant::now();
            run(&layer);
            if round > 0 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
    }
    let mut results = serde_json::Map::new();
    for ((name, _), mut times) in cases.iter().zip(times) {
        times.sort_by(f64::total_cmp);
        results.insert((*name).to_owned(), times[times.len() / 2].into());
    }
    results.insert("tar bytes".to_owned(), layer.tar_len.into());
    results.insert("blob bytes".to_owned(), fs::metadata(&layer.blob).unwrap().len().into());
    println!("{results:?}");
    fs::remove_dir_all(&root).unwrap();
    let results_directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&results_directory).unwrap();
    fs::write(results_directory.join("layer.json"), serde_json::to_vec(&results).unwrap()).unwrap();
}

/// A name, and what is timed.
type Case = (&'static str, fn(&Layer));

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
        let mut builder = tar::Builder::new(BufWriter::new(File::create(&tar).unwrap()));
        builder.follow_symlinks(false);
        let mut left = LIMIT;
        add(&mut builder, Path::new(SOURCE), &mut left);
        builder.into_inner().unwrap().flush().unwrap();
        let mut encoder =
            flate2::write::GzEncoder::new(File::create(&blob).unwrap(), flate2::Compression::new(6));
        std::io::copy(&mut File::open(&tar).unwrap(), &mut encoder).unwrap();
        encoder.finish().unwrap();
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
        let mut decoder = flate2::bufread::MultiGzDecoder::new(std::io::BufReader::with_capacity(
            256 << 10,
            File::open(&self.blob).unwrap(),
        ));
        let mut buffer = vec![0; 256 << 10];
        while decoder.read(&mut buffer).unwrap() > 0 {}
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

    fn unpack(&self) {
        let status = Command::new("tar")
            .arg("-xzf")
            .arg(&self.blob)
            .arg("-C")
            .arg(&self.scratch)
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
    }
}

fn each_piece(path: &Path, mut visit: impl FnMut(&[u8])) {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return,
            len => visit(&buffer[..len]),
        }
    }
}

/// Adds a directory, in the order of names, until there is enough.
fn add(builder: &mut tar::Builder<impl Write>, directory: &Path, left: &mut u64) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = path.strip_prefix("/").unwrap();
        if *left == 0 {
            return;
        }
        if kind.is_dir() {
            builder.append_dir(name, &path).unwrap();
            add(builder, &path, left);
        } else if kind.is_file() || kind.is_symlink() {
            builder.append_path_with_name(&path, name).unwrap();
            *left = left.saturating_sub(entry.metadata().unwrap().len());
        }
    }
}
