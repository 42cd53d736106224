//! Images of the native engine. It names their files as it likes, so they lie in a directory of their own, where whatever
//! comes while an image is written is that image's.

use std::collections::{BTreeSet, HashSet};
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::forks::Fork;
use super::{SnapshotError, Snapshots};
use crate::cim::io::{Directory, DiskDirectory};
use crate::cim::{ImageName, LayerSet, files};
use crate::layer::commit::{commit_native, native};
use crate::layer::digest::Digest;
use crate::store::{FileRow, Look, NATIVE_IMAGES, image_name};
use crate::sys::{self, patiently};

impl Snapshots {
    /// Has the library write an image; returns the files that it has of its own.
    pub(super) fn fork_natively(&self, fork: &Fork, layer: &LayerSet) -> Result<Vec<FileRow>, SnapshotError> {
        let library = self.engines.library.clone();
        let library = library.ok_or(SnapshotError::NoNativeEngine(fork.chain))?;
        let _alone = self.native.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = self.store.root().native();
        sys::make_private(&directory).map_err(SnapshotError::io("make", &directory))?;
        if let Some(damaged) = fork.damaged() {
            self.remove_all(&damaged.file_names())?;
        }
        let before = self.native_files()?;
        let engine = native(library, &directory, fork.parent_name()?, image_name(&fork.chain)?)?;
        let made = commit_native(layer, engine).map_err(SnapshotError::from);
        let made = made.and_then(|_| self.own_files(&before));
        // A library that fails should leave nothing. What stays all the same is removed at the next start.
        made.inspect_err(|_| drop(self.come_since(&before).and_then(|left| self.remove_all(&left))))
    }

    /// Lists what has come, and waits until it is on the disk: the library does not say whether it does.
    fn own_files(&self, before: &BTreeSet<String>) -> Result<Vec<FileRow>, SnapshotError> {
        let names = self.come_since(before)?.into_iter();
        let files: Vec<FileRow> = names.filter_map(|name| self.file(name)).collect();
        if self.options.sync {
            let images = self.store.root().images();
            files.iter().try_for_each(|file| sync(&images.join(&file.name)))?;
            let directory = self.store.root().native();
            sys::sync_directory(&directory).map_err(SnapshotError::io("sync", &directory))?;
        }
        Ok(files)
    }

    fn come_since(&self, before: &BTreeSet<String>) -> Result<Vec<String>, SnapshotError> {
        Ok(self.native_files()?.into_iter().filter(|name| !before.contains(name)).collect())
    }

    /// Names all files of the native engine, as rows do.
    pub(super) fn native_files(&self) -> Result<BTreeSet<String>, SnapshotError> {
        let directory = self.store.root().native();
        let names = match DiskDirectory::new(&directory).list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            listed => listed.map_err(SnapshotError::io("list", &directory))?,
        };
        // A library like our own locks the directory that it writes in.
        let names = names.into_iter().filter(|name| name != files::LOCK);
        Ok(names.map(|name| format!("{NATIVE_IMAGES}/{name}")).collect())
    }

    /// Removes files of the native engine that no image has.
    pub(super) fn remove_native_strays(&self) -> Result<(), SnapshotError> {
        let images = self.store.read(|reader| reader.images())?;
        let known: HashSet<&String> =
            images.iter().flat_map(|(_, image)| &image.files).map(|file| &file.name).collect();
        let strays = self.native_files()?.into_iter().filter(|name| !known.contains(name));
        self.remove_all(&strays.collect::<Vec<_>>())
    }

    /// Returns where an image lies, and its name there.
    pub(super) fn place_of(&self, chain: &Digest) -> Result<(Arc<dyn Directory>, ImageName), SnapshotError> {
        let is_native = self.store.read(|reader| reader.image(chain))?.is_some_and(|row| row.is_native());
        let directory = match is_native {
            true => Arc::new(DiskDirectory::new(self.store.root().native())),
            false => self.store.lease().directory().clone(),
        };
        Ok((directory, image_name(chain)?))
    }

    /// Returns the path of an image.
    pub(super) fn image_path(&self, chain: &Digest) -> Result<PathBuf, SnapshotError> {
        let (directory, name) = self.place_of(chain)?;
        Ok(directory.path().join(name.as_str()))
    }
}

fn sync(path: &Path) -> Result<(), SnapshotError> {
    // Windows syncs only what may be written.
    let file = patiently(|| OpenOptions::new().write(true).open(path));
    file.and_then(|file| file.sync_all()).map_err(SnapshotError::io("sync", path))
}
