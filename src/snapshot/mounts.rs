//! What to mount to see a snapshot, and the mounts of images that this needs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Mount, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::mount::{MountOptions, Unmount, ViewKind};
use crate::store::{Kind, Look, Promise, SnapshotRow, StoreError};

/// What is mounted below snapshots that are being filled, by id.
#[derive(Default)]
pub(super) struct Filling(Mutex<HashMap<u64, Box<dyn Send>>>);

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
        let _mounting = self.mounting();
        match self.mounter.mounted(at)? {
            Some(mount) if mount.is_alive() => return Ok(None),
            Some(_) => self.mounter.unmount(at, Unmount::Detach)?,
            None => fs::create_dir_all(at).map_err(SnapshotError::io("make", at))?,
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
        if let Entry::Vacant(vacant) = self.filling().entry(id) {
            // Whoever removes or commits the snapshot takes the mount away only after that.
            let active = |row: &SnapshotRow| row.id == id && row.kind == Kind::Active;
            let row = self.store.read(|reader| reader.snapshot(key))?;
            row.filter(active).ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
            if self.mounter.mounted(&at)?.is_some() {
                self.mounter.unmount(&at, Unmount::Detach)?;
            }
            fs::create_dir_all(&at).map_err(SnapshotError::io("make", &at))?;
            let (image, options) = self.to_mount(chain)?;
            vacant.insert(self.mounter.mount_briefly(&image, &at, &options)?);
        }
        Ok(at)
    }

    /// Takes away what was mounted below a snapshot while it was filled.
    pub(super) fn unmount_below(&self, id: u64) {
        let mut filling = self.filling();
        // Gone before the lock is: who does not find it may remove the directory.
        drop(filling.remove(&id));
    }

    fn to_mount(&self, chain: &Digest) -> Result<(PathBuf, MountOptions), SnapshotError> {
        let view = match self.system_of(Some(chain))? {
            None | Some(LayerOs::Linux) => ViewKind::Linux,
            Some(LayerOs::Windows) => ViewKind::Windows,
        };
        Ok((self.image_path(chain)?, MountOptions { view, ..MountOptions::default() }))
    }

    fn filling(&self) -> MutexGuard<'_, HashMap<u64, Box<dyn Send>>> {
        self.filling.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mounting(&self) -> MutexGuard<'_, ()> {
        self.mounting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
