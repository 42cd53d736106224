//! Removing what no snapshot needs any more.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::usage::measure;
use super::{SnapshotError, Snapshots};
use crate::cim::{Guid, files};
use crate::layer::digest::Digest;
use crate::mount::{MountEntry, MountError, Unmount};
use crate::store::{Kind, Look, Promise, StoreError, Writer, image_name};

/// What no snapshot needs any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Images, by chain.
    pub images: Vec<Digest>,
    /// Layers, by set.
    pub layers: Vec<Guid>,
    /// Directories of snapshots.
    pub directories: Vec<PathBuf>,
    /// Bytes of all of them.
    pub bytes: u64,
}

/// Rows that were removed, and whose files are to go.
#[derive(Debug, Default)]
struct Doomed {
    images: Vec<Digest>,
    layers: Vec<Guid>,
    /// Sets of layers and of trees.
    sets: HashSet<Guid>,
}

impl Snapshots {
    /// Takes away what was mounted below snapshots that were being filled. Who served it is gone.
    fn unmount_broken_off(&self) -> Result<(), SnapshotError> {
        let all = self.store.root().snapshots();
        for mount in self.mounter.list()?.iter().filter(|mount| mount.at.starts_with(&all)) {
            self.mounter.unmount(&mount.at, Unmount::Detach)?;
        }
        Ok(())
    }

    /// Takes away the mounts of images that no snapshot shows, and removes images, layers and directories that no
    /// snapshot has.
    pub fn cleanup(&self) -> Result<Garbage, SnapshotError> {
        let mounted = self.unmount_idle()?;
        let mut garbage = {
            let _alone = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
            let doomed = self.store.write(Promise::Kept, |writer| forget(writer, &mounted))?;
            let names = self.files_of(&doomed)?;
            let garbage = self.garbage_of(doomed, &names);
            self.remove_all(&names)?;
            garbage
        };
        garbage.add_directories(self.stale_directories()?)?;
        garbage.directories.iter().try_for_each(|path| remove_if_there(fs::remove_dir_all(path), path))?;
        Ok(garbage)
    }

    /// Tells what [`Snapshots::cleanup`] would remove. What is still mounted counts as needed.
    pub fn garbage(&self) -> Result<Garbage, SnapshotError> {
        let mounted: HashSet<Digest> = self.mounted_images()?.into_iter().map(|(chain, _)| chain).collect();
        let _alone = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
        let doomed = self.store.rehearse(|writer| forget(writer, &mounted))?;
        let names = self.files_of(&doomed)?;
        let mut garbage = self.garbage_of(doomed, &names);
        garbage.add_directories(self.stale_directories()?)?;
        Ok(garbage)
    }

    /// Removes what a crash has left: also files that never had a row.
    pub(super) fn recover(&self) -> Result<(), SnapshotError> {
        self.unmount_broken_off()?;
        let mounted = self.unmount_idle()?;
        self.store.write(Promise::Kept, |writer| forget(writer, &mounted))?;
        let (sets, images) = self.store.read(|reader| {
            let mut sets: HashSet<Guid> = reader.layers()?.into_iter().map(|(set, _)| set).collect();
            let mut names = HashSet::new();
            for (chain, image) in reader.images()? {
                sets.insert(image.tree);
                names.insert(image_name(&chain)?.as_str().to_owned());
            }
            Ok::<_, SnapshotError>((sets, names))
        })?;
        let names = self.list_images(|name| match files::set_of(name) {
            Some(set) => !sets.contains(&set),
            None => name.ends_with(files::IMAGE) && !images.contains(name),
        })?;
        self.remove_all(&names)?;
        let stale = self.stale_directories()?;
        stale.iter().try_for_each(|path| remove_if_there(fs::remove_dir_all(path), path))
    }

    /// Takes away the mounts of images that no snapshot shows any more.
    pub fn tidy(&self) -> Result<(), SnapshotError> {
        self.unmount_idle().map(drop)
    }

    /// Takes away mounts that no snapshot shows. Returns the images that stay mounted.
    fn unmount_idle(&self) -> Result<HashSet<Digest>, SnapshotError> {
        let _mounting = self.mounting();
        let mut stay = HashSet::new();
        for (chain, mount) in self.mounted_images()? {
            if self.store.read(|reader| is_shown(reader, &chain))? {
                stay.insert(chain);
                continue;
            }
            match self.mounter.unmount(&mount.at, Unmount::WhenIdle) {
                Ok(()) => remove_if_there(fs::remove_dir(&mount.at), &mount.at)?,
                Err(MountError::Busy(_)) => drop(stay.insert(chain)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(stay)
    }

    /// Returns the images that are mounted to be shown.
    pub(super) fn mounted_images(&self) -> Result<Vec<(Digest, MountEntry)>, SnapshotError> {
        let mounts = self.store.root().mounts();
        let chain = |mount: &MountEntry| mount.at.strip_prefix(&mounts).ok().and_then(chain_of);
        let all = self.mounter.list()?;
        Ok(all.into_iter().filter_map(|mount| Some((chain(&mount)?, mount))).collect())
    }

    fn files_of(&self, doomed: &Doomed) -> Result<Vec<String>, SnapshotError> {
        if doomed.images.is_empty() && doomed.sets.is_empty() {
            return Ok(Vec::new());
        }
        let mut names = HashSet::new();
        for chain in &doomed.images {
            names.insert(image_name(chain)?.as_str().to_owned());
        }
        self.list_images(|name| {
            names.contains(name) || files::set_of(name).is_some_and(|set| doomed.sets.contains(&set))
        })
    }

    fn garbage_of(&self, doomed: Doomed, names: &[String]) -> Garbage {
        let directory = self.store.root().images();
        let len = |name: &String| fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.len());
        let bytes = names.iter().map(len).fold(0, u64::saturating_add);
        Garbage { images: doomed.images, layers: doomed.layers, directories: Vec::new(), bytes }
    }

    /// Lists files of the containing directory: images before what they consist of.
    fn list_images(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>, SnapshotError> {
        let directory = self.store.lease().directory();
        let listed = directory.list().map_err(SnapshotError::io("list", directory.path()))?;
        let mut names: Vec<String> = listed.into_iter().filter(|name| wanted(name)).collect();
        names.sort_by_key(|name| files::set_of(name).is_some());
        Ok(names)
    }

    /// Removes files of the containing directory.
    pub(super) fn remove_all(&self, names: &[String]) -> Result<(), SnapshotError> {
        let directory = self.store.lease().directory();
        names
            .iter()
            .try_for_each(|name| remove_if_there(directory.remove(name), &directory.path().join(name)))
    }

    /// Returns directories of snapshots that are gone.
    pub(super) fn stale_directories(&self) -> Result<Vec<PathBuf>, SnapshotError> {
        let all = self.store.root().snapshots();
        // Directories are made within the change that writes their row, so no other change is under way here.
        self.store.rehearse(|writer| {
            let mut doomed = Vec::new();
            for entry in fs::read_dir(&all).map_err(SnapshotError::io("list", &all))? {
                let entry = entry.map_err(SnapshotError::io("list", &all))?;
                let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
                if id.map_or(Ok(None), |id| writer.key_of(id))?.is_none() {
                    doomed.push(entry.path());
                }
            }
            Ok(doomed)
        })
    }
}

impl Garbage {
    fn add_directories(&mut self, directories: Vec<PathBuf>) -> Result<(), SnapshotError> {
        for path in &directories {
            self.bytes = self.bytes.saturating_add(measure(path)?.bytes);
        }
        self.directories = directories;
        Ok(())
    }
}

/// Returns whether a snapshot is there through whose mounts an image is seen.
fn is_shown(look: &impl Look, chain: &Digest) -> Result<bool, StoreError> {
    for user in look.image_users(chain)? {
        for child in look.children(&user)? {
            if look.snapshot(&child)?.is_some_and(|child| child.kind != Kind::Committed) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Removes the rows of images and layers that nobody uses.
fn forget(writer: &mut Writer, mounted: &HashSet<Digest>) -> Result<Doomed, StoreError> {
    let images = writer.images()?;
    let mut live = HashSet::new();
    for (chain, _) in &images {
        let used = mounted.contains(chain) || !writer.image_users(chain)?.is_empty();
        let mut next = used.then_some(*chain);
        // An image consists of its parents' files too.
        while let Some(chain) = next.filter(|chain| live.insert(*chain)) {
            next = writer.image(&chain)?.and_then(|image| image.parent);
        }
    }
    let mut doomed = Doomed::default();
    for (chain, image) in images.into_iter().filter(|(chain, _)| !live.contains(chain)) {
        writer.remove_image(&chain)?;
        doomed.images.push(chain);
        doomed.sets.insert(image.tree);
    }
    for (set, _) in writer.layers()? {
        if !writer.layer_has_images(set)? && writer.layer_users(set)?.is_empty() {
            writer.remove_layer(set)?;
            doomed.layers.push(set);
            doomed.sets.insert(set);
        }
    }
    Ok(doomed)
}

/// Reads the name of a mount's directory.
fn chain_of(name: &Path) -> Option<Digest> {
    format!("sha256:{}", name.to_str()?).parse().ok()
}

pub(super) fn remove_if_there(result: std::io::Result<()>, path: &Path) -> Result<(), SnapshotError> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(SnapshotError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
