//! What to mount to see a snapshot, and the mounts of images that this needs.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::keyed::Keyed;
use super::{Mount, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::mount::{Liveness, MountError, MountOptions, Unmount, ViewKind};
use crate::store::{Kind, Look, Promise, SnapshotRow, StoreError};

/// What is mounted below snapshots that are being filled, by id.
#[derive(Default)]
pub(super) struct Filling {
    mounts: Mutex<HashMap<u64, Box<dyn Send>>>,
    /// Only one thread at a time mounts or unmounts for a snapshot.
    alone: Keyed<u64>,
}

impl Filling {
    fn mounts(&self) -> MutexGuard<'_, HashMap<u64, Box<dyn Send>>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Filling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Filling")
    }
}

impl Snapshots {
    /// Returns what to mount to see a snapshot.
    pub fn mounts(&self, key: &str) -> Result<Vec<Mount>, SnapshotError> {
        let row = self.store.read(|reader| reader.snapshot(key))?;
        let row = row.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
        if row.kind == Kind::Committed {
            return Err(SnapshotError::Kind { key: key.to_owned(), kind: row.kind, verb: "mounted" });
        }
        self.mounts_of(key, &row)
    }

    pub(super) fn mounts_of(&self, key: &str, row: &SnapshotRow) -> Result<Vec<Mount>, SnapshotError> {
        let below = self.below(row)?;
        let mount = self.shown.mount(self, key, row, below.as_ref());
        Ok(vec![mount.map_err(|error| self.unless_removed(key, row, error))?])
    }

    /// Tells why a snapshot cannot be mounted: one that was removed meanwhile took what it shows with it.
    fn unless_removed(&self, key: &str, row: &SnapshotRow, error: SnapshotError) -> SnapshotError {
        let now: Result<_, StoreError> = self.store.read(|reader| reader.snapshot(key));
        let same = now.map_or(true, |now| now.is_some_and(|now| now.id == row.id));
        if same { error } else { SnapshotError::NotFound(key.to_owned()) }
    }

    /// Returns the image below a snapshot.
    fn below(&self, row: &SnapshotRow) -> Result<Option<Digest>, SnapshotError> {
        if row.parent.is_empty() {
            return Ok(None);
        }
        let parent = self.store.read(|reader| reader.snapshot(&row.parent))?;
        let image = parent.and_then(|parent| parent.image);
        image.map(Some).ok_or_else(|| SnapshotError::NotFound(row.parent.clone()))
    }

    /// Mounts an image unless it is mounted. A mount whose server died is made anew.
    pub(super) fn mount_image(&self, chain: &Digest) -> Result<PathBuf, SnapshotError> {
        let at = self.store.root().mount(chain);
        if let Some(took) = self.mount_unless_there(chain, &at)? {
            self.note_mount(chain, took);
        }
        Ok(at)
    }

    /// Does so, and returns how long it took if there was something to do.
    fn mount_unless_there(&self, chain: &Digest, at: &Path) -> Result<Option<Duration>, SnapshotError> {
        // Of this image alone: its server may hang.
        let _mounting = self.mounting.lock(*chain);
        match self.mounter.mounted(at)? {
            Some(mount) => match self.mounter.liveness(&[mount]).as_slice() {
                [Liveness::Serving] => return Ok(None),
                [Liveness::Hung] => return Err(MountError::Hung { at: at.to_owned() }.into()),
                _ => self.mounter.unmount(at, Unmount::Detach)?,
            },
            None => make_directory(at)?,
        }
        let (image, options) = self.to_mount(chain)?;
        let started = Instant::now();
        self.mounter.mount(&image, at, &options)?;
        Ok(Some(started.elapsed()))
    }

    /// Writes down how long it took to mount an image.
    fn note_mount(&self, chain: &Digest, took: Duration) {
        self.observer.mounted(took);
        let noted = self.store.write(Promise::Loose, |writer| {
            let Some(mut row) = writer.image(chain)? else { return Ok(()) };
            row.stages = row.stages.with("mount", took);
            writer.put_image(chain, &row)
        });
        // The mount is there all the same.
        drop::<Result<(), StoreError>>(noted);
    }

    /// Mounts what lies below a snapshot that is being filled, for whoever fills it file by file. A container never
    /// depends on this mount, so it needs no process of its own.
    pub(super) fn mount_below(&self, key: &str, id: u64, chain: &Digest) -> Result<PathBuf, SnapshotError> {
        let at = self.store.root().lower(id);
        let _alone = self.filling.alone.lock(id);
        let is_mounted = self.filling.mounts().contains_key(&id);
        if !is_mounted {
            // Removing or committing the snapshot unmounts only after that.
            let active = |row: &SnapshotRow| row.id == id && row.kind == Kind::Active;
            let row = self.store.read(|reader| reader.snapshot(key))?;
            row.filter(active).ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
            if self.mounter.mounted(&at)?.is_some() {
                self.mounter.unmount(&at, Unmount::Detach)?;
            }
            make_directory(&at)?;
            let (image, options) = self.to_mount(chain)?;
            let mount = self.mounter.mount_briefly(&image, &at, &options)?;
            self.filling.mounts().insert(id, mount);
        }
        Ok(at)
    }

    /// Takes away what was mounted below a snapshot while it was filled.
    pub(super) fn unmount_below(&self, id: u64) {
        let _alone = self.filling.alone.lock(id);
        let mount = self.filling.mounts().remove(&id);
        // Unmounted before the lock is released: a caller that does not find it may delete the directory.
        drop(mount);
    }

    fn to_mount(&self, chain: &Digest) -> Result<(PathBuf, MountOptions), SnapshotError> {
        let view = match self.system_of(Some(chain))? {
            None | Some(LayerOs::Linux) => ViewKind::Linux,
            Some(LayerOs::Windows) => ViewKind::Windows,
        };
        Ok((self.image_path(chain)?, MountOptions { view, ..MountOptions::default() }))
    }
}

/// Makes a directory to mount on. One that is there is not looked at: something may be mounted there that hangs.
fn make_directory(at: &Path) -> Result<(), SnapshotError> {
    match fs::create_dir(at) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map_err(SnapshotError::io("make", at)),
    }
}
