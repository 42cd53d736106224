//! Images of Windows that the native engine writes for the daemon, beside those of the portable engine.

mod engines;
mod failures;
mod kept;
mod newer;
mod process;

use std::error::Error;
use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cimsnap::cim::Image;
use cimsnap::engine::native::Cimfs;
use cimsnap::engine::{EngineKind, Engines};
use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::snapshot::fsck::{Blobs, FsckOptions, Report};
use cimsnap::snapshot::{CommitRequest, SnapshotError, SnapshotOptions, Snapshots};
use cimsnap::store::ImageRow;

use super::root::{Root, open_with};
use super::{new, target, to};
use crate::generator::{self, Content, Options, Os};
use crate::native::our_library;

/// Says that a library writes images.
fn native(library: Cimfs) -> Engines {
    Engines { lowest: EngineKind::Native, library: Some(library) }
}

/// Opens a root whose images our own library writes.
fn open(root: &Root) -> Snapshots {
    open_with(root.path(), SnapshotOptions::default()).written_by(native(our_library()))
}

fn try_pull(
    all: &Snapshots,
    name: &str,
    parent: &str,
    blob: &[u8],
    os: Option<LayerOs>,
) -> Result<(), SnapshotError> {
    let key = format!("extract-1 {name}");
    all.prepare(new(&key, parent))?;
    let stream = LayerStream::open(Cursor::new(blob.to_vec()), StreamOptions::default()).unwrap();
    all.fill(&target(all, &key), stream, os, Duration::ZERO)?;
    all.commit(&to(&key, name))
}

/// Makes committed snapshots of layers of Windows, named by their numbers.
fn pull(all: &Snapshots, layers: &[Vec<u8>]) {
    for (number, blob) in layers.iter().enumerate() {
        let parent = number.checked_sub(1).map_or_else(String::new, |number| number.to_string());
        try_pull(all, &number.to_string(), &parent, blob, Some(LayerOs::Windows)).unwrap();
    }
}

fn row(all: &Snapshots, name: &str) -> ImageRow {
    all.details(name).unwrap().image.unwrap().1
}

/// Returns where the image of a snapshot lies.
fn image_path(all: &Snapshots, name: &str) -> PathBuf {
    let row = row(all, name);
    let [file] = &row.file_names()[..1] else { panic!("{row:?}") };
    assert!(file.ends_with(".cim") && file.starts_with("native/") == row.is_native(), "{row:?}");
    all.store().root().images().join(file)
}

fn listing(all: &Snapshots, name: &str) -> Vec<String> {
    crate::native::listing(&Image::open(&image_path(all, name)).unwrap())
}

/// Names all files of the native engine.
fn native_files(all: &Snapshots) -> Vec<String> {
    let Ok(entries) = fs::read_dir(all.store().root().native()) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

/// Blobs that containerd still has.
struct Kept<'b>(&'b [Vec<u8>]);

impl Blobs for Kept<'_> {
    fn open(&self, blob: &Digest) -> Result<Option<Box<dyn Read + Send>>, Box<dyn Error + Send + Sync>> {
        let found = self.0.iter().find(|bytes| Digest::of(bytes) == *blob);
        Ok(found.map(|bytes| Box::new(Cursor::new(bytes.clone())) as Box<dyn Read + Send>))
    }
}

fn fsck(all: &Snapshots, repair: bool, blobs: &[Vec<u8>]) -> Report {
    all.fsck(FsckOptions { deep: true, repair }, &Kept(blobs)).unwrap()
}

/// Makes layers of an image of Windows as different tools write them: whiteouts, links, streams, delta hives.
fn generated() -> Vec<Vec<u8>> {
    let at = tempfile::tempdir().unwrap();
    let options = Options { content: Content::Synthetic, ..Options::new(Os::Windows, 2 << 20) };
    let layers = generator::generate(&options, at.path()).unwrap();
    layers.iter().map(|layer| fs::read(at.path().join("blobs/sha256").join(&layer.digest)).unwrap()).collect()
}

/// Reads the layers of Windows that lie in the repository.
fn of_repository() -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/layers");
    let paths = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut layers: Vec<_> =
        paths.filter(|path| name(path).starts_with("windows-") && name(path).ends_with(".tar.gz")).collect();
    layers.sort();
    assert_eq!(layers.len(), 6);
    layers.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn over(name: &str, key: &str, parent: &str) -> CommitRequest {
    CommitRequest { parent: parent.to_owned(), ..to(key, name) }
}
