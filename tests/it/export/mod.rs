//! Changes become layers.

mod edits;
mod linux;
#[cfg(target_os = "linux")]
mod oracle;
mod property;
#[cfg(target_os = "linux")]
mod upper;
mod windows;

use std::sync::Arc;

use cimsnap::cim::diff::diff;
use cimsnap::cim::io::Directory;
use cimsnap::cim::{CimError, Guid, Image, ImageName, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::export::{ExportError, ExportSummary, export};
use cimsnap::layer::import::{ImportOptions, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};

use crate::support::image_name;

/// A containing directory with images that layers are laid over.
struct Images {
    directory: Arc<dyn Directory>,
    os: LayerOs,
    layers: u8,
}

impl Images {
    fn new(directory: Arc<dyn Directory>, os: LayerOs) -> Self {
        Self { directory, os, layers: 0 }
    }

    fn open(&self, name: &str) -> Image {
        Image::open_in(self.directory.clone(), &image_name(name)).unwrap()
    }

    /// Imports a layer over an image.
    fn lay(&mut self, layer: &[u8], parent: Option<&str>, name: &str) -> Image {
        self.layers += 1;
        let guid = Guid::from_content([0xE0 | self.layers; 16]);
        let stream =
            LayerStream::open(std::io::Cursor::new(layer.to_vec()), StreamOptions::default()).unwrap();
        let options = ImportOptions { os: Some(self.os), ..ImportOptions::default() };
        import(stream, Portable::new(self.directory.clone(), guid, false), &options).unwrap();
        let parent: Option<ImageName> = parent.map(image_name);
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let layer = LayerSet::open(self.directory.clone(), guid).unwrap();
        layer.commit(parent.as_ref(), &image_name(name), options).unwrap();
        self.open(name)
    }
}

fn try_layer(
    base: Option<&Image>,
    top: &Image,
    os: LayerOs,
) -> Result<(Vec<u8>, ExportSummary), ExportError> {
    let mut layer = Vec::new();
    let summary = export(base, top, os, &mut layer)?;
    Ok((layer, summary))
}

/// Exports what must be possible to export.
fn layer(base: Option<&Image>, top: &Image, os: LayerOs) -> Vec<u8> {
    try_layer(base, top, os).unwrap().0
}

fn differences(left: &Image, right: &Image) -> Vec<String> {
    let mut found = Vec::new();
    diff(left, right, |path, difference| {
        found.push(format!("{path}: {difference:?}"));
        Ok::<_, CimError>(())
    })
    .unwrap();
    found
}

/// Lists the entries of a layer: type, name, and where links lead.
fn entries(layer: &[u8]) -> Vec<String> {
    let mut archive = tar::Archive::new(layer);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let entry = |entry: tar::Entry<'_, &[u8]>| {
        let kind = char::from(entry.header().entry_type().as_byte());
        let link = entry.link_name_bytes().map(|link| format!(" -> {}", text(&link))).unwrap_or_default();
        format!("{kind} {}{link}", text(&entry.path_bytes()))
    };
    archive.entries().unwrap().map(|found| entry(found.unwrap())).collect()
}
