//! What the benches of layers share: sources, layouts, and what a process has used.

#![allow(dead_code, reason = "each bench uses some of it")]

pub(crate) mod layout;
pub(crate) mod pullbench;

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The files that layers are made of.
pub(crate) const SOURCE: &str = "/usr/lib";

/// The directory to work in, empty.
pub(crate) fn scratch(bench: &str) -> PathBuf {
    let root = std::env::var_os("CIMSNAP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let root = root.join(bench);
    drop(fs::remove_dir_all(&root));
    fs::create_dir_all(&root).unwrap();
    root
}

/// Keeps results where `report` finds them.
pub(crate) fn keep(bench: &str, results: &impl serde::Serialize) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(format!("{bench}.json")), serde_json::to_vec(results).unwrap()).unwrap();
}

/// Returns the files and symbolic links below a directory with their lengths, in the order of names, until there
/// are `limit` bytes.
pub(crate) fn files(directory: &Path, limit: u64) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    collect(directory, &mut limit.clone(), &mut found);
    found
}

fn collect(directory: &Path, left: &mut u64, found: &mut Vec<(PathBuf, u64)>) {
    let mut entries: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if *left == 0 {
            return;
        }
        if kind.is_dir() {
            collect(&path, left, found);
        } else if kind.is_file() || kind.is_symlink() {
            let len = if kind.is_file() { entry.metadata().unwrap().len() } else { 0 };
            *left = left.saturating_sub(len);
            found.push((path, len));
        }
    }
}

/// Writes a tar of files.
pub(crate) fn write_tar(to: &Path, files: &[(PathBuf, u64)]) {
    let mut builder = tar::Builder::new(BufWriter::new(File::create(to).unwrap()));
    builder.follow_symlinks(false);
    for (path, _) in files {
        builder.append_path_with_name(path, path.strip_prefix("/").unwrap()).unwrap();
    }
    builder.into_inner().unwrap().flush().unwrap();
}

/// Compresses a file as most builders do.
pub(crate) fn compress(from: &Path, to: &Path) {
    let level = flate2::Compression::new(6);
    let mut encoder = flate2::write::GzEncoder::new(File::create(to).unwrap(), level);
    std::io::copy(&mut File::open(from).unwrap(), &mut encoder).unwrap();
    encoder.finish().unwrap();
}

/// Calls back with the bytes of a file, piece by piece.
pub(crate) fn each_piece(path: &Path, mut visit: impl FnMut(&[u8])) {
    let mut file = File::open(path).unwrap();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).unwrap() {
            0 => return,
            len => visit(&buffer[..len]),
        }
    }
}

/// Returns the digest of a file in hex.
pub(crate) fn digest(path: &Path) -> String {
    let mut hasher = Sha256::new();
    each_piece(path, |piece| hasher.update(piece));
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the seconds of processor time that this process and its children that have ended have used.
pub(crate) fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    // The four times are fields 14 to 17, of which the third is the first here; in hundredths of a second.
    fields.split(' ').skip(11).take(4).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// Returns the middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
