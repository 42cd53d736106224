//! Snapshots of a real root, mounted by the real program. They need root and /dev/fuse.

mod access;
mod broken;
mod daemon;
mod deep;
mod descriptors;
mod full;
mod growth;
mod grpc;
mod hostile;
mod hung;
mod kept;
mod load;
mod model;
mod native;
mod races;
mod restart;
#[path = "../../crash/root.rs"]
mod root;
mod socket;
mod spent;
mod staged;
mod traces;
mod wire;

use std::io::Cursor;
use std::path::Path;
use std::time::Duration;

use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::snapshot::{Code, CommitRequest, Extraction, NewLayer, NewSnapshot, SnapshotError, Snapshots};
use cimsnap::store::{Look, SnapshotRow, StoreError};

use crate::import::tars::Tar;

fn new(key: &str, parent: &str) -> NewSnapshot {
    NewSnapshot { key: key.to_owned(), parent: parent.to_owned(), ..NewSnapshot::default() }
}

fn to(key: &str, name: &str) -> CommitRequest {
    CommitRequest { key: key.to_owned(), name: name.to_owned(), ..CommitRequest::default() }
}

fn row(all: &Snapshots, key: &str) -> Option<SnapshotRow> {
    all.store().read(|reader| reader.snapshot(key)).unwrap()
}

fn target(all: &Snapshots, key: &str) -> Extraction {
    Extraction { key: key.to_owned(), row: row(all, key).unwrap(), namespace: None }
}

fn fill(all: &Snapshots, target: &Extraction, tar: &[u8]) -> Result<NewLayer, SnapshotError> {
    let stream = LayerStream::open(Cursor::new(tar.to_vec()), StreamOptions::default()).unwrap();
    all.fill(target, stream, Some(LayerOs::Linux), Duration::ZERO)
}

/// Makes a committed snapshot with one file.
fn image(all: &Snapshots, name: &str, parent: &str, data: &str) {
    let key = format!("extract-1 {name}");
    all.prepare(new(&key, parent)).unwrap();
    fill(all, &target(all, &key), &layer(data)).unwrap();
    all.commit(&to(&key, name)).unwrap();
}

fn layer(data: &str) -> Vec<u8> {
    Tar::new().dir("./").file("./file", data).bytes()
}

fn code<T>(result: Result<T, SnapshotError>) -> Option<Code> {
    result.err().map(|error| error.code())
}

/// Returns the names of all files of images and layers.
fn files(all: &Snapshots) -> Vec<String> {
    let entries = std::fs::read_dir(all.store().root().images()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

/// Reads the file of a snapshot that shows an image.
fn shown(all: &Snapshots, key: &str) -> String {
    let mounts = all.mounts(key).unwrap();
    let lower = mounts[0].options.iter().find_map(|option| option.strip_prefix("lowerdir="));
    let at = lower.unwrap_or(&mounts[0].source);
    std::fs::read_to_string(Path::new(at).join("file")).unwrap()
}

/// Names the files that the database keeps until the disk has them.
fn kept(all: &Snapshots) -> Vec<String> {
    all.store().read(|reader| reader.kept_names()).unwrap()
}

fn layer_count(all: &Snapshots) -> usize {
    all.store().read(|reader| Ok::<_, StoreError>(reader.layers()?.len())).unwrap()
}
