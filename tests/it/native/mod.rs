//! The native engine: this library's own C interface stands in for that of Windows, and what it writes is compared with
//! what the portable engine makes of the same layers.

mod failures;
mod mounts;
pub(crate) mod newer;
mod property;
mod same;
pub(crate) mod stub;

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cimsnap::cim::dump::{DumpOptions, dump};
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{Guid, Image, ImageName, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::engine::native::Cimfs;
use cimsnap::layer::commit::{MissingHives, commit, commit_native, finish_native, native};
use cimsnap::layer::import::{ImportOptions, LayerOs, import, prepare};
use cimsnap::layer::stream::{LayerStream, StreamOptions};

use crate::support::{built_library, image_name};

/// Our own library, loaded as that of Windows would be.
pub(crate) fn our_library() -> Cimfs {
    Cimfs::open(&built_library()).unwrap()
}

fn stream(blob: &[u8]) -> LayerStream {
    LayerStream::open(Cursor::new(blob.to_vec()), StreamOptions::default()).unwrap()
}

fn options() -> ImportOptions {
    ImportOptions { os: Some(LayerOs::Windows), ..ImportOptions::default() }
}

/// Says what went wrong, with all causes.
pub(crate) fn said(error: impl Into<Box<dyn std::error::Error>>) -> String {
    let error = error.into();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Writes a layer with the native engine.
fn write(
    library: Cimfs,
    directory: &Path,
    parent: Option<&ImageName>,
    new: &ImageName,
    blob: &[u8],
) -> Result<(), String> {
    let engine = native(library, directory, parent.cloned(), new.clone()).map_err(said)?;
    let imported = prepare(stream(blob), engine, &options()).map_err(said)?;
    finish_native(imported.layer, MissingHives::Refuse).map(drop).map_err(said)
}

/// Makes an image of a layer set with the native engine.
fn replay(
    library: Cimfs,
    layer: &LayerSet,
    directory: &Path,
    parent: Option<&ImageName>,
    new: &ImageName,
) -> Result<(), String> {
    let engine = native(library, directory, parent.cloned(), new.clone()).map_err(said)?;
    commit_native(layer, engine).map(drop).map_err(said)
}

/// Each engine; the native one writes layers as they come, and as layer sets have them.
const ENGINES: [&str; 3] = ["native", "replayed", "portable"];

/// The same layers, over each other, in a directory for each engine.
struct Twins {
    root: tempfile::TempDir,
    layers: u8,
}

impl Twins {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for engine in ENGINES {
            std::fs::create_dir(root.path().join(engine)).unwrap();
        }
        Self { root, layers: 0 }
    }

    fn directory(&self, engine: &str) -> PathBuf {
        self.root.path().join(engine)
    }

    fn name(&self, layer: u8) -> ImageName {
        image_name(&format!("{layer}.cim"))
    }

    /// Lays a layer over the others with all engines. All take it, or none.
    fn add(&mut self, blob: &[u8]) -> Result<(), String> {
        let parent = (self.layers > 0).then(|| self.name(self.layers));
        let new = self.name(self.layers + 1);
        let directories = ["native", "replayed"].map(|engine| self.directory(engine));
        let before = directories.each_ref().map(|directory| files(directory));
        let native = write(our_library(), &directories[0], parent.as_ref(), &new, blob);
        let layer = self.convert(blob);
        let replayed = layer
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|layer| replay(our_library(), layer, &directories[1], parent.as_ref(), &new));
        let portable = layer.and_then(|layer| {
            let options = WriterOptions { sync: false, ..WriterOptions::default() };
            commit(&layer, LayerOs::Windows, parent.as_ref(), &new, options).map(drop).map_err(said)
        });
        assert_eq!(native.is_ok(), portable.is_ok(), "{native:?} {portable:?}");
        assert_eq!(replayed.is_ok(), portable.is_ok(), "{replayed:?} {portable:?}");
        match native {
            Ok(()) => self.layers += 1,
            Err(_) => {
                assert_eq!(
                    directories.each_ref().map(|directory| files(directory)),
                    before,
                    "something is left"
                );
            }
        }
        native
    }

    /// Makes a layer set.
    fn convert(&self, blob: &[u8]) -> Result<LayerSet, String> {
        let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(self.directory("portable")));
        let mut id = [self.layers; 16];
        number(&mut id);
        let set = Guid::from_content(id);
        import(stream(blob), Portable::new(directory.clone(), set, false), &options()).map_err(said)?;
        LayerSet::open(directory, set).map_err(said)
    }

    fn image(&self, engine: &str) -> Image {
        Image::open(&self.directory(engine).join(self.name(self.layers).as_str())).unwrap()
    }

    /// Compares what all engines made: everything but the root, which the library of Windows makes by itself.
    fn assert_same(&self) {
        let [native, replayed, portable] = ENGINES.map(|engine| listing(&self.image(engine)));
        for (engine, native) in [("native", native), ("replayed", replayed)] {
            let (native_only, portable_only): (Vec<_>, Vec<_>) = (
                native.iter().filter(|line| !portable.contains(line)).collect(),
                portable.iter().filter(|line| !native.contains(line)).collect(),
            );
            assert!(native == portable, "{engine} {native_only:#?}\nportable {portable_only:#?}");
        }
    }
}

/// Tells apart what was tried and failed from what is tried next.
fn number(id: &mut [u8; 16]) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    id[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_le_bytes());
}

/// Lists an image without its root.
pub(crate) fn listing(image: &Image) -> Vec<String> {
    let mut text = Vec::new();
    dump(image, &mut text, DumpOptions::default()).unwrap();
    String::from_utf8(text).unwrap().lines().skip(1).map(str::to_owned).collect()
}

/// Names all files of a directory, but the lock of its writers.
fn files(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}
