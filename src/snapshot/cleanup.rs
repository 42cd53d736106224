//! Removing what no snapshot needs any more.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::thread::{self, ScopedJoinHandle};

use super::usage::measure;
use super::{SnapshotError, Snapshots};
use crate::cim::{Guid, files};
use crate::layer::digest::Digest;
use crate::mount::{Liveness, MountEntry, MountError, Unmount};
use crate::store::{Kind, Look, Promise, StoreError, Writer, image_name};
use crate::sys::patiently;

/// Mounts that are unmounted at once.
const AT_ONCE: usize = 16;

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
    /// Files of images that the native engine wrote.
    native: Vec<String>,
}

impl Snapshots {
    /// Takes away the mounts of images that no snapshot shows, and removes images, layers and directories that no
    /// snapshot has.
    pub fn cleanup(&self) -> Result<(), SnapshotError> {
        self.collect().map(drop)
    }

    /// Does the same, and tells what that was.
    pub fn collect(&self) -> Result<Garbage, SnapshotError> {
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
        garbage.directories.iter().try_for_each(|path| self.remove_directory(path))?;
        self.observer.collected(&garbage);
        Ok(garbage)
    }

    /// Tells what [`Snapshots::collect`] would remove. What is still mounted counts as needed.
    pub fn garbage(&self) -> Result<Garbage, SnapshotError> {
        let mounted = self.mounted_images()?;
        let _alone = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
        let doomed = self.store.rehearse(|writer| forget(writer, &mounted))?;
        let names = self.files_of(&doomed)?;
        let mut garbage = self.garbage_of(doomed, &names);
        garbage.add_directories(self.stale_directories()?)?;
        Ok(garbage)
    }

    /// Takes mounts away and removes rows that nobody uses, with nobody else at work. Their files are left over.
    pub(super) fn forget_unused(&self) -> Result<(), SnapshotError> {
        let mounted = self.unmount_idle()?;
        Ok(self.store.write(Promise::Kept, |writer| forget(writer, &mounted)).map(drop)?)
    }

    /// Takes away the mounts of images that no snapshot shows any more.
    pub fn tidy(&self) -> Result<(), SnapshotError> {
        self.unmount_idle().map(drop)
    }

    /// Unmounts images that no snapshot shows, and deletes directories of mounts that are gone. Returns the images that stay
    /// mounted.
    fn unmount_idle(&self) -> Result<HashSet<Digest>, SnapshotError> {
        let mounts = self.store.root().mounts();
        let (mut stay, mut idle) = (HashSet::new(), Vec::new());
        for entry in fs::read_dir(&mounts).map_err(SnapshotError::io("list", &mounts))? {
            let at = entry.map_err(SnapshotError::io("list", &mounts))?.path();
            let Some(chain) = at.file_name().and_then(chain_of) else { continue };
            if self.store.read(|reader| is_shown(reader, &chain))? {
                stay.insert(chain);
            } else {
                idle.push((chain, at));
            }
        }
        // Side by side, since each may take until a deadline.
        for some in idle.chunks(AT_ONCE) {
            let unmounted: Vec<_> = thread::scope(|scope| {
                let unmount = |(chain, at)| scope.spawn(move || self.unmount_if_idle(chain, at));
                let threads: Vec<_> = some.iter().map(|(chain, at)| unmount((chain, at))).collect();
                let join = |thread: ScopedJoinHandle<'_, _>| {
                    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
                };
                threads.into_iter().map(join).collect()
            });
            for ((chain, _), unmounted) in some.iter().zip(unmounted) {
                if !unmounted? {
                    stay.insert(*chain);
                }
            }
        }
        Ok(stay)
    }

    /// Unmounts an image unless a snapshot shows it or it is in use, and deletes the directory. Returns whether it is gone.
    fn unmount_if_idle(&self, chain: &Digest, at: &Path) -> Result<bool, SnapshotError> {
        let _mounting = self.mounting.lock(*chain);
        if self.store.read(|reader| is_shown(reader, chain))? {
            return Ok(false);
        }
        if self.mounter.mounted(at)?.is_some() && !self.try_unmount(at)? {
            return Ok(false);
        }
        match patiently(|| fs::remove_dir(at)) {
            // A mount that was given up has been made after all.
            Err(error) if error.kind() == ErrorKind::ResourceBusy => Ok(false),
            removed => remove_if_there(removed, at).map(|()| true),
        }
    }

    /// Unmounts an image unless it is in use, or its server hangs. Returns whether it is gone.
    fn try_unmount(&self, at: &Path) -> Result<bool, SnapshotError> {
        match self.mounter.unmount(at, Unmount::WhenIdle) {
            Ok(()) | Err(MountError::NotMounted(_)) => Ok(true),
            Err(MountError::Busy(_) | MountError::Hung { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the images that are mounted to be shown.
    pub(super) fn mounted_images(&self) -> Result<HashSet<Digest>, SnapshotError> {
        let mounts = self.store.root().mounts();
        let all = self.mounter.list()?;
        let chain = |mount: &MountEntry| chain_of(mount.at.strip_prefix(&mounts).ok()?.as_os_str());
        Ok(all.iter().filter_map(chain).collect())
    }

    /// Counts mounted images whose server is dead or hangs.
    pub(super) fn broken_mounts(&self) -> Result<usize, SnapshotError> {
        let mounts = self.store.root().mounts();
        let mut all = self.mounter.list()?;
        all.retain(|mount| mount.at.starts_with(&mounts));
        let liveness = self.mounter.liveness(&all);
        Ok(liveness.into_iter().filter(|liveness| *liveness != Liveness::Serving).count())
    }

    fn files_of(&self, doomed: &Doomed) -> Result<Vec<String>, SnapshotError> {
        if doomed.images.is_empty() && doomed.sets.is_empty() {
            return Ok(Vec::new());
        }
        let mut names = HashSet::new();
        for chain in &doomed.images {
            names.insert(image_name(chain)?.as_str().to_owned());
        }
        let mut names = self.list_images(|name| {
            names.contains(name) || files::set_of(name).is_some_and(|set| doomed.sets.contains(&set))
        })?;
        names.extend(doomed.native.iter().cloned());
        Ok(names)
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

    /// Removes files of the containing directory: images before what they consist of.
    pub(super) fn remove_images(&self, doomed: impl Fn(&str) -> bool) -> Result<(), SnapshotError> {
        self.remove_all(&self.list_images(doomed)?)
    }

    /// Removes files of the containing directory, in the order given.
    pub(super) fn remove_all(&self, names: &[String]) -> Result<(), SnapshotError> {
        let directory = self.store.lease().directory();
        names
            .iter()
            .try_for_each(|name| remove_if_there(directory.remove(name), &directory.path().join(name)))
    }

    /// Removes directories that no snapshot needs.
    pub(super) fn remove_directories(&self) -> Result<(), SnapshotError> {
        let stale = self.stale_directories()?;
        stale.iter().try_for_each(|path| self.remove_directory(path))
    }

    pub(super) fn remove_directory(&self, path: &Path) -> Result<(), SnapshotError> {
        // Whoever removed the snapshot may not have come to this yet.
        id_of(path).into_iter().for_each(|id| self.unmount_below(id));
        remove_if_there(patiently(|| fs::remove_dir_all(path)), path)
    }

    /// Returns directories of snapshots that were removed, or that were committed and are not mounted any more.
    pub(super) fn stale_directories(&self) -> Result<Vec<PathBuf>, SnapshotError> {
        let all = self.store.root().snapshots();
        // Directories are made within the change that writes their row, so no other change is under way here.
        let mut doomed = self.store.rehearse(|writer| {
            let mut doomed = Vec::new();
            for entry in fs::read_dir(&all).map_err(SnapshotError::io("list", &all))? {
                let path = entry.map_err(SnapshotError::io("list", &all))?.path();
                let key = id_of(&path).map_or(Ok(None), |id| writer.key_of(id))?;
                let row = key.map_or(Ok(None), |key| writer.snapshot(&key))?;
                if row.as_ref().is_none_or(|row| row.kind == Kind::Committed) {
                    doomed.push((path, row.map(|row| row.id)));
                }
            }
            Ok::<_, SnapshotError>(doomed)
        })?;
        doomed.retain(|(_, id)| !id.is_some_and(|id| self.shown.is_still_mounted(self.store.root(), id)));
        Ok(doomed.into_iter().map(|(path, _)| path).collect())
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
        match image.tree {
            Some(tree) => drop(doomed.sets.insert(tree)),
            None => doomed.native.extend(image.file_names()),
        }
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
pub(super) fn chain_of(name: &OsStr) -> Option<Digest> {
    format!("sha256:{}", name.to_str()?).parse().ok()
}

pub(super) fn remove_if_there(result: std::io::Result<()>, path: &Path) -> Result<(), SnapshotError> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(SnapshotError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Reads the name of a snapshot's directory.
fn id_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.parse().ok()
}
