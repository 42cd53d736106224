//! Layers become images.

#[cfg(target_os = "linux")]
mod acl;
mod hostile;
mod linux;
#[cfg(target_os = "linux")]
mod mounted;
mod mutations;
#[cfg(target_os = "linux")]
mod names;
#[cfg(target_os = "linux")]
pub(crate) mod oracle;
#[cfg(target_os = "linux")]
mod overlay;
#[cfg(target_os = "linux")]
mod overlay_notes;
pub(crate) mod registry;
pub(crate) mod tars;
mod windows;
#[cfg(target_os = "linux")]
mod xattrs;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use cimsnap::cim::io::Directory;
use cimsnap::cim::{CimError, FileId, Guid, Image, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::commit::{CommitError, commit};
use cimsnap::layer::import::{ImportError, ImportOptions, Imported, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::mount::ViewKind;
use cimsnap::mount::view::View;

use crate::support::{image_name, memory};
use tars::Tar;

/// An image made of layers, each over the ones before it.
pub(crate) struct Stack {
    pub(crate) directory: Arc<dyn Directory>,
    os: LayerOs,
    layers: u8,
}

impl Stack {
    pub(crate) fn new(os: LayerOs) -> Self {
        Self { directory: memory(), os, layers: 0 }
    }

    /// Lays layers over each other; each must be sound.
    pub(crate) fn of(os: LayerOs, layers: impl IntoIterator<Item = Tar>) -> Self {
        let mut stack = Self::new(os);
        for layer in layers {
            stack.import(layer).unwrap();
            stack.commit().unwrap();
        }
        stack
    }

    fn import(&mut self, tar: Tar) -> Result<Imported<impl Sized + use<>>, ImportError> {
        self.import_bytes(tar.bytes())
    }

    pub(crate) fn import_bytes(&mut self, tar: Vec<u8>) -> Result<Imported<impl Sized + use<>>, ImportError> {
        let stream = LayerStream::open(Cursor::new(tar), StreamOptions::default())?;
        let engine = Portable::new(self.directory.clone(), self.guid(self.layers + 1), false);
        let options = ImportOptions { os: Some(self.os), ..ImportOptions::default() };
        import(stream, engine, &options)
    }

    /// Lays the layer that was imported last over the others.
    pub(crate) fn commit(&mut self) -> Result<(), CimError> {
        let number = self.layers + 1;
        let layer = LayerSet::open(self.directory.clone(), self.guid(number))?;
        let parent = (self.layers > 0).then(|| self.name(self.layers));
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        layer.commit(parent.as_ref(), &self.name(number), options)?;
        self.layers = number;
        Ok(())
    }

    /// Does the same as a layer of the stack's system needs it: with a registry.
    pub(crate) fn commit_whole(&mut self) -> Result<(), CommitError> {
        let number = self.layers + 1;
        let layer = LayerSet::open(self.directory.clone(), self.guid(number))?;
        let parent = (self.layers > 0).then(|| self.name(self.layers));
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        commit(&layer, self.os, parent.as_ref(), &self.name(number), options)?;
        self.layers = number;
        Ok(())
    }

    pub(crate) fn image(&self) -> Image {
        Image::open_in(self.directory.clone(), &self.name(self.layers)).unwrap()
    }

    fn guid(&self, number: u8) -> Guid {
        Guid::from_content([number; 16])
    }

    pub(crate) fn name(&self, number: u8) -> cimsnap::cim::ImageName {
        image_name(&format!("{number}.cim"))
    }

    pub(crate) fn view(&self) -> View {
        View::new(self.image(), ViewKind::Auto).unwrap()
    }

    /// Lists everything below the root: the path, and what is there.
    fn tree(&self) -> BTreeMap<String, String> {
        let view = self.view();
        let mut found = BTreeMap::new();
        let root = view.image().root();
        walk(&view, root, "", &mut found);
        found
    }

    /// Lists the tree with nothing but its paths.
    fn paths(&self) -> Vec<String> {
        self.tree().into_keys().collect()
    }
}

fn walk(view: &View, directory: FileId, path: &str, found: &mut BTreeMap<String, String>) {
    let mut children = Vec::new();
    view.list(directory, 0, |entry| {
        children.push((String::from_utf8(entry.name.to_vec()).unwrap(), entry.id));
        true
    })
    .unwrap();
    for (name, id) in children.into_iter().filter(|(name, _)| name != "." && name != "..") {
        let path = format!("{path}/{name}");
        found.insert(path.clone(), described(view, id));
        if view.image().file(id).unwrap().is_directory() {
            walk(view, id, &path, found);
        }
    }
}

/// Says what a file is: type, mode, owner, number of names, and data or target.
fn described(view: &View, id: FileId) -> String {
    use cimsnap::cim::wsl::FileType;
    let it = view.attributes(id).unwrap();
    let content = match it.file_type {
        FileType::Regular => String::from_utf8_lossy(&contents(view, id)).into_owned(),
        FileType::Symlink => String::from_utf8_lossy(&view.target(id).unwrap()).into_owned(),
        FileType::CharDevice | FileType::BlockDevice => format!("{}:{}", it.device.major, it.device.minor),
        _ => String::new(),
    };
    let owner = format!("{:o} {}:{}", it.permissions, it.uid, it.gid);
    format!("{:?} {owner} {} {content}", it.file_type, it.links).trim_end().to_owned()
}

fn contents(view: &View, id: FileId) -> Vec<u8> {
    let data = view.data(id).unwrap();
    let mut bytes = vec![0; data.len().try_into().unwrap()];
    assert_eq!(data.read_at(&mut bytes, 0), bytes.len());
    bytes
}
