//! Removing what no snapshot needs any more.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::{SnapshotError, Snapshots};
use crate::cim::{Guid, files};
use crate::layer::digest::Digest;
use crate::mount::{MountError, Unmount};
use crate::store::{Kind, Look, Promise, StoreError, Writer, image_name};

/// Rows that were removed, and whose files are to go.
#[derive(Debug, Default)]
struct Doomed {
    images: Vec<Digest>,
    /// Sets of layers and of trees.
    sets: HashSet<Guid>,
}

impl Snapshots {
    /// Takes away the mounts of images that no snapshot shows, and removes images, layers and directories that no
    /// snapshot has.
    pub fn cleanup(&self) -> Result<(), SnapshotError> {
        let mounted = self.unmount_idle()?;
        {
            let _alone = self.publishing.write().unwrap_or_else(PoisonError::into_inner);
            let doomed = self.store.write(Promise::Kept, |writer| forget(writer, &mounted))?;
            self.remove_files(&doomed)?;
        }
        self.remove_directories()
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

    /// Takes away mounts that no snapshot shows, and directories of mounts that are gone. Returns the images that stay
    /// mounted.
    fn unmount_idle(&self) -> Result<HashSet<Digest>, SnapshotError> {
        let _mounting = self.mounting();
        let mounts = self.store.root().mounts();
        let mounted: HashSet<PathBuf> = self.mounter.list()?.into_iter().map(|mount| mount.at).collect();
        let mut stay = HashSet::new();
        for entry in fs::read_dir(&mounts).map_err(SnapshotError::io("list", &mounts))? {
            let at = entry.map_err(SnapshotError::io("list", &mounts))?.path();
            let Some(chain) = at.file_name().and_then(chain_of) else { continue };
            let shown = self.store.read(|reader| is_shown(reader, &chain))?;
            if shown || mounted.contains(&at) && !self.try_unmount(&at)? {
                stay.insert(chain);
            } else {
                remove_if_there(fs::remove_dir(&at), &at)?;
            }
        }
        Ok(stay)
    }

    /// Takes a mount away unless it is in use. Returns whether it is gone.
    fn try_unmount(&self, at: &Path) -> Result<bool, SnapshotError> {
        match self.mounter.unmount(at, Unmount::WhenIdle) {
            Ok(()) => Ok(true),
            Err(MountError::Busy(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn remove_files(&self, doomed: &Doomed) -> Result<(), SnapshotError> {
        if doomed.images.is_empty() && doomed.sets.is_empty() {
            return Ok(());
        }
        let mut names = HashSet::new();
        for chain in &doomed.images {
            names.insert(image_name(chain)?.as_str().to_owned());
        }
        self.remove_images(|name| {
            names.contains(name) || files::set_of(name).is_some_and(|set| doomed.sets.contains(&set))
        })
    }

    /// Removes files of the containing directory: images before what they consist of.
    pub(super) fn remove_images(&self, doomed: impl Fn(&str) -> bool) -> Result<(), SnapshotError> {
        let directory = self.store.lease().directory();
        let listed = directory.list().map_err(SnapshotError::io("list", directory.path()))?;
        let mut names: Vec<String> = listed.into_iter().filter(|name| doomed(name)).collect();
        names.sort_by_key(|name| files::set_of(name).is_some());
        for name in names {
            let path = directory.path().join(&name);
            remove_if_there(directory.remove(&name), &path)?;
        }
        Ok(())
    }

    /// Removes directories of snapshots that are gone.
    pub(super) fn remove_directories(&self) -> Result<(), SnapshotError> {
        let all = self.store.root().snapshots();
        // Directories are made within the change that writes their row, so no other change is under way here.
        let doomed = self.store.write(Promise::Loose, |writer| {
            let mut doomed: Vec<(Option<u64>, PathBuf)> = Vec::new();
            for entry in fs::read_dir(&all).map_err(SnapshotError::io("list", &all))? {
                let entry = entry.map_err(SnapshotError::io("list", &all))?;
                let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
                if id.map_or(Ok(None), |id| writer.key_of(id))?.is_none() {
                    doomed.push((id, entry.path()));
                }
            }
            Ok::<_, SnapshotError>(doomed)
        })?;
        doomed.iter().try_for_each(|(id, path)| {
            // Whoever removed the snapshot may not have come to this yet.
            id.iter().for_each(|id| self.unmount_below(*id));
            remove_if_there(fs::remove_dir_all(path), path)
        })
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
            doomed.sets.insert(set);
        }
    }
    Ok(doomed)
}

/// Reads the name of a mount's directory.
fn chain_of(name: &OsStr) -> Option<Digest> {
    format!("sha256:{}", name.to_str()?).parse().ok()
}

fn remove_if_there(result: std::io::Result<()>, path: &Path) -> Result<(), SnapshotError> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(SnapshotError::io("remove", path)(error)),
        _ => Ok(()),
    }
}
