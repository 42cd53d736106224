//! Layers that lie in the repository become the same bytes, and the same images, as when they were last looked at.
//!
//! A change of `pins.txt` is a change of what becomes of a layer: it must be meant.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cimsnap::cim::dump::{DumpOptions, dump};
use cimsnap::cim::io::Directory;
use cimsnap::cim::{Guid, Image, ImageName, LayerSet, WriterOptions, files};
use cimsnap::engine::Portable;
use cimsnap::layer::commit::commit;
use cimsnap::layer::import::{ImportOptions, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use sha2::{Digest, Sha256};

use crate::support::{image_name, memory};

fn no_sync() -> WriterOptions {
    WriterOptions { sync: false, ..WriterOptions::default() }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/layers")
}

/// The layers of a system, the lowest first, by name.
fn layers(system: &str) -> Vec<String> {
    let names = fs::read_dir(data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let layers = names.filter_map(|name| name.strip_suffix(".tar.gz").map(str::to_owned));
    let mut layers: Vec<String> = layers.filter(|name| name.starts_with(system)).collect();
    layers.sort();
    layers
}

/// Layers over each other, in memory.
struct Stack {
    directory: Arc<dyn Directory>,
    os: LayerOs,
    top: Option<ImageName>,
}

impl Stack {
    /// Adds a layer, and returns the digests of its set and of the image's listing.
    fn add(&mut self, name: &str, number: u8) -> (String, String) {
        let guid = Guid::from_content([number; 16]);
        let file = BufReader::new(fs::File::open(data().join(format!("{name}.tar.gz"))).unwrap());
        let stream = LayerStream::open(file, StreamOptions::default()).unwrap();
        let options = ImportOptions { os: Some(self.os), ..ImportOptions::default() };
        import(stream, Portable::new(self.directory.clone(), guid, false), &options).unwrap();
        let layer = LayerSet::open(self.directory.clone(), guid).unwrap();
        let new = image_name(&format!("{name}.cim"));
        commit(&layer, self.os, self.top.as_ref(), &new, no_sync()).unwrap();
        let image = Image::open_in(self.directory.clone(), &new).unwrap();
        self.top = Some(new);
        (self.set_digest(guid), listing_digest(&image))
    }

    /// Digests the names and the bytes of a layer set's files.
    fn set_digest(&self, guid: Guid) -> String {
        let mut hash = Sha256::new();
        for name in self.directory.list().unwrap() {
            if files::set_of(&name) == Some(guid) {
                let file = self.directory.open(&name).unwrap();
                hash.update(format!("{name} {}\n", file.as_slice().len()));
                hash.update(file.as_slice());
            }
        }
        hex(hash)
    }
}

fn listing_digest(image: &Image) -> String {
    let mut text = Vec::new();
    dump(image, &mut text, DumpOptions::default()).unwrap();
    assert!(text.len() > 1000, "a listing of something");
    hex(Sha256::new_with_prefix(text))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn layers_become_what_they_became_before() {
    let mut pins =
        String::from("# layer; SHA-256 of the files of its layer set; SHA-256 of its image's listing\n");
    for (system, os) in [("windows", LayerOs::Windows), ("linux", LayerOs::Linux)] {
        let mut stack = Stack { directory: memory(), os, top: None };
        for (name, number) in layers(system).into_iter().zip(1..) {
            let (set, listing) = stack.add(&name, number);
            pins += &format!("{name} {set} {listing}\n");
        }
    }
    let pinned = fs::read_to_string(data().join("pins.txt")).unwrap();
    assert!(pins == pinned, "if tests/data/layers/pins.txt is to change, it becomes\n{pins}");
}
