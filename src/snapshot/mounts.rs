//! What to mount to see a snapshot, and the mounts of images that this needs.

use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError};

use super::{Mount, SnapshotError, Snapshots, extraction};
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;
use crate::mount::{MountOptions, Unmount, ViewKind};
use crate::store::{Kind, Look, SnapshotRow, image_name};

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
        let root = self.store.root();
        let (upper, work) = (root.upper(row.id), root.work(row.id));
        let lower = self.lower(row)?;
        let mount = match (row.kind, lower) {
            (Kind::Active, Some(lower)) => overlay(&lower, &upper, &work),
            // Only through an overlay does containerd write down what a layer deletes of those below it.
            (Kind::Active, None) if extraction::is_extraction(key, &row.labels) => {
                overlay(&root.empty(), &upper, &work)
            }
            (Kind::Active, None) => bind(&upper, "rw"),
            (_, Some(lower)) => bind(&lower, "ro"),
            (_, None) => bind(&upper, "ro"),
        };
        Ok(vec![mount])
    }

    /// Mounts the image below a snapshot, and returns where.
    fn lower(&self, row: &SnapshotRow) -> Result<Option<PathBuf>, SnapshotError> {
        if row.parent.is_empty() {
            return Ok(None);
        }
        let parent = self.store.read(|reader| reader.snapshot(&row.parent))?;
        let image = parent.and_then(|parent| parent.image);
        let chain = image.ok_or_else(|| SnapshotError::NotFound(row.parent.clone()))?;
        self.mount_image(&chain).map(Some)
    }

    /// Mounts an image unless it is mounted. A mount whose server died is made anew.
    fn mount_image(&self, chain: &Digest) -> Result<PathBuf, SnapshotError> {
        let at = self.store.root().mount(chain);
        let _mounting = self.mounting();
        match self.mounter.mounted(&at)? {
            Some(mount) if mount.is_alive() => return Ok(at),
            Some(_) => self.mounter.unmount(&at, Unmount::Detach)?,
            None => std::fs::create_dir_all(&at).map_err(SnapshotError::io("make", &at))?,
        }
        let os = self.store.read(|reader| reader.image(chain))?.map_or(LayerOs::Linux, |image| image.os);
        let view = match os {
            LayerOs::Linux => ViewKind::Linux,
            LayerOs::Windows => ViewKind::Windows,
        };
        let image = self.store.root().images().join(image_name(chain)?.as_str());
        self.mounter.mount(&image, &at, &MountOptions { view, ..MountOptions::default() })?;
        Ok(at)
    }

    pub(super) fn mounting(&self) -> MutexGuard<'_, ()> {
        self.mounting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn overlay(lower: &Path, upper: &Path, work: &Path) -> Mount {
    let options = [("lowerdir", lower), ("upperdir", upper), ("workdir", work)];
    let mut options: Vec<String> =
        options.iter().map(|(option, path)| format!("{option}={}", path.display())).collect();
    options.push("index=off".to_owned());
    Mount { kind: "overlay".to_owned(), source: "overlay".to_owned(), options }
}

fn bind(source: &Path, mode: &str) -> Mount {
    let options = vec![mode.to_owned(), "rbind".to_owned()];
    Mount { kind: "bind".to_owned(), source: source.display().to_string(), options }
}
