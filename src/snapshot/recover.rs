//! Opening a root after whatever has happened to it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{SnapshotError, Snapshots};
use crate::cim::reader::Regions;
use crate::cim::{CimError, ErrorKind, Guid, Image, LayerSet, files};
use crate::layer::digest::Digest;
use crate::mount::{MountError, Unmount};
use crate::store::{Kind, LOWER, Look, Promise, StoreError, image_name};
use crate::sys;

/// Rows whose files are gone.
#[derive(Debug, Default)]
struct Lost {
    images: HashSet<Digest>,
    layers: HashSet<Guid>,
}

impl Snapshots {
    /// Removes what a crash has left: also files that never had a row.
    pub(super) fn recover(&self) -> Result<(), SnapshotError> {
        self.unmount_broken_off()?;
        self.restrict_mountpoints()?;
        if !self.options.sync {
            self.store.note_haste()?;
        }
        // Also when others wait now: files of those who did not may never have come to the disk.
        if self.store.was_hasty()? {
            self.forget_lost()?;
        }
        self.forget_unused()?;
        self.remove_strays()?;
        self.remove_directories()?;
        self.restore_directories()
    }

    /// Takes away what was mounted below snapshots that were being filled. Who served it is gone.
    fn unmount_broken_off(&self) -> Result<(), SnapshotError> {
        let all = self.store.root().snapshots();
        for mount in self.mounter.list()?.iter().filter(|mount| mount.at.starts_with(&all)) {
            match self.mounter.unmount(&mount.at, Unmount::Detach) {
                // The log has it, and the directory stays until the next start.
                Err(MountError::Hung { .. }) => {}
                unmounted => unmounted?,
            }
        }
        Ok(())
    }

    /// Takes the rights of other users to directories of mounts away, which earlier versions have left. Only those that nothing is
    /// mounted on can be looked at: a server may hang.
    fn restrict_mountpoints(&self) -> Result<(), SnapshotError> {
        let mounted: HashSet<PathBuf> = self.mounter.list()?.into_iter().map(|mount| mount.at).collect();
        let root = self.store.root();
        for at in entries(&root.mounts())?.into_iter().filter(|at| !mounted.contains(at)) {
            sys::make_owner_only(&at).map_err(StoreError::from)?;
        }
        for snapshot in entries(&root.snapshots())? {
            let below = snapshot.join(LOWER);
            if !mounted.contains(&below) && below.is_dir() {
                // It is made anew when it is needed.
                fs::remove_dir(&below).map_err(SnapshotError::io("remove", &below))?;
            }
        }
        Ok(())
    }

    /// Forgets layers and images that a power loss has taken, so that they are made anew when they come again. Rows wait
    /// for the disk, and files do not where nobody wants to wait for them.
    fn forget_lost(&self) -> Result<(), SnapshotError> {
        let lost = self.lost()?;
        if lost.images.is_empty() && lost.layers.is_empty() {
            return Ok(());
        }
        self.store.write(Promise::Kept, |writer| {
            lost.images.iter().try_for_each(|chain| writer.remove_image(chain))?;
            Ok(lost.layers.iter().try_for_each(|set| writer.remove_layer(*set))?)
        })
    }

    fn lost(&self) -> Result<Lost, SnapshotError> {
        let (layers, images) =
            self.store.read(|reader| Ok::<_, SnapshotError>((reader.layers()?, reader.images()?)))?;
        let directory = self.store.lease().directory();
        let mut lost = Lost::default();
        // A file that nothing but a check reads shows only by its length that it is not what was written.
        for (set, row) in layers {
            let layer = LayerSet::open(self.store.lease(), set);
            if !self.has_files(&row.files)
                || is_lost(layer.and_then(|layer| Regions::open(&**directory, [layer.set()].into_iter())))
            {
                lost.layers.insert(set);
            }
        }
        for (chain, row) in &images {
            // One that only the native engine reads cannot be told from one that is damaged.
            let is_damaged =
                !row.is_native() && is_lost(Image::open_in(directory.clone(), &image_name(chain)?));
            if is_damaged || !self.has_files(&row.files) {
                lost.images.insert(*chain);
            }
        }
        // What is made of something lost goes with it, however many generations below.
        loop {
            let known = lost.images.len();
            let of_lost = images.iter().filter(|(_, row)| {
                lost.layers.contains(&row.layer)
                    || row.parent.is_some_and(|parent| lost.images.contains(&parent))
            });
            let more: Vec<Digest> = of_lost.map(|(chain, _)| *chain).collect();
            lost.images.extend(more);
            if lost.images.len() == known {
                return Ok(lost);
            }
        }
    }

    /// Removes files of images and layers that have no row.
    fn remove_strays(&self) -> Result<(), SnapshotError> {
        let (sets, images) = self.store.read(|reader| {
            let mut sets: HashSet<Guid> = reader.layers()?.into_iter().map(|(set, _)| set).collect();
            let mut names = HashSet::new();
            for (chain, image) in reader.images()? {
                sets.extend(image.tree);
                names.insert(image_name(&chain)?.as_str().to_owned());
            }
            Ok::<_, SnapshotError>((sets, names))
        })?;
        self.remove_images(|name| match files::set_of(name) {
            Some(set) => !sets.contains(&set),
            None => name.ends_with(files::IMAGE) && !images.contains(name),
        })?;
        self.remove_native_strays()
    }

    /// Makes directories of snapshots that a power loss has taken: nobody waits for them either, since there is nothing
    /// in them yet.
    fn restore_directories(&self) -> Result<(), SnapshotError> {
        let root = self.store.root();
        for (_, row) in self.store.read(|reader| reader.snapshots())? {
            if row.kind == Kind::Committed || self.shown.is_made(root, row.id) {
                continue;
            }
            let below =
                self.store.read(|reader| reader.snapshot(&row.parent))?.and_then(|parent| parent.image);
            let below = below.filter(|chain| self.open_image(chain).is_ok());
            self.shown.make(self, row.id, below.as_ref())?;
        }
        Ok(())
    }
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let failed = || SnapshotError::io("list", directory);
    let listed = fs::read_dir(directory).map_err(failed())?;
    listed.map(|entry| Ok(entry.map_err(failed())?.path())).collect()
}

/// Returns whether files are missing, or are not what was written.
fn is_lost<T>(opened: Result<T, CimError>) -> bool {
    let missing = |error: &CimError| {
        let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::NotFound)
    };
    opened.is_err_and(|error| {
        matches!(error.kind(), ErrorKind::ImageNotFound | ErrorKind::Corrupt | ErrorKind::Unsupported)
            || missing(&error)
    })
}
