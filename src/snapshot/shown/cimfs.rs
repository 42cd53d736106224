//! Snapshots as the shim wants them that runs containers of Windows: an image, and a disk over it.

#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::disk::{DiskError, ScratchDisks, copy};
use super::{Mount, Show, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::snapshot::Labels;
use crate::snapshot::extraction::is_extraction;
use crate::snapshot::model::REFERENCE;
use crate::store::{Kind, Look, Root, SnapshotRow};
use crate::sys::{self, patiently};

/// The type of the mounts.
const KIND: &str = "CimFS";

/// What the shim calls the disk of a container.
const DISK: &str = "sandbox.vhdx";

/// Where the disk of a container's virtual machine lies, which is called the same.
const OF_MACHINE: &str = "vm";

/// How many bytes a disk is to have.
const SIZE: &str = "containerd.io/snapshot/windows/rootfs.sizebytes";

/// The same in gibibytes, as it was said before.
const SIZE_BEFORE: &str = "containerd.io/snapshot/io.microsoft.container.storage.rootfs.size-gb";

/// That the virtual machine of a container is to have a disk of its own.
const MACHINE_DISK: &str = "containerd.io/snapshot/io.microsoft.vm.storage.scratch";

/// Shows snapshots to the shim.
#[derive(Debug)]
pub(super) struct CimFs<D> {
    disks: D,
    /// One at a time makes a disk.
    making: Mutex<()>,
}

impl<D: ScratchDisks> CimFs<D> {
    pub(super) fn new(disks: D) -> Self {
        Self { disks, making: Mutex::default() }
    }

    /// Makes the disks of a snapshot, unless they are there.
    fn make_disks(&self, root: &Root, id: u64, labels: &Labels) -> Result<(), SnapshotError> {
        let size = disk_size(labels)?;
        let directory = root.snapshot(id);
        let _alone = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if labels.contains_key(MACHINE_DISK) {
            let place = directory.join(OF_MACHINE);
            sys::make_private(&place).map_err(DiskError::make(&place))?;
            make_whole(&directory, &place.join(DISK), |unfinished| {
                copy(root.machine_template(), unfinished, DiskError::NoMachine)?;
                self.disks.grant_to_machines(unfinished)
            })?;
        }
        Ok(make_whole(&directory, &directory.join(DISK), |unfinished| self.disks.make(unfinished, size))?)
    }
}

/// Makes a disk, unless it is there, in a directory of its own: so it has its name only when it is whole.
fn make_whole(
    directory: &Path,
    disk: &Path,
    make: impl FnOnce(&Path) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    if disk.exists() {
        return Ok(());
    }
    let failed = DiskError::make(disk);
    let making = directory.join("making");
    remove_directory(&making).map_err(&failed)?;
    sys::make_private(&making).map_err(&failed)?;
    let unfinished = making.join(DISK);
    make(&unfinished)?;
    patiently(|| fs::rename(&unfinished, disk)).map_err(&failed)?;
    remove_directory(&making).map_err(&failed)
}

impl<D: ScratchDisks> Show for CimFs<D> {
    /// The disk comes later, when nobody waits for the database.
    fn make(&self, all: &Snapshots, id: u64, _below: Option<&Digest>) -> Result<(), SnapshotError> {
        let directory = all.store.root().snapshot(id);
        sys::make_private(&directory).map_err(SnapshotError::io("make", &directory))
    }

    fn is_made(&self, root: &Root, id: u64) -> bool {
        root.snapshot(id).is_dir()
    }

    fn written(&self, root: &Root, id: u64) -> PathBuf {
        root.snapshot(id)
    }

    fn files(&self, _root: &Root, key: &str, _row: &SnapshotRow) -> Result<PathBuf, SnapshotError> {
        Err(SnapshotError::NoFiles(key.to_owned()))
    }

    fn mount(
        &self,
        all: &Snapshots,
        key: &str,
        row: &SnapshotRow,
        below: Option<&Digest>,
    ) -> Result<Mount, SnapshotError> {
        let directory = all.store.root().snapshot(row.id);
        if !is_extraction(key, &row.labels) {
            // The shim needs an image to run anything of.
            below.ok_or_else(|| SnapshotError::NoImage(key.to_owned()))?;
            self.make_disks(all.store.root(), row.id, &row.labels)?;
        }
        // Nobody is to write what is there already; see `NewSnapshot::leaves_out`.
        let mode = if row.kind == Kind::View || row.layer.is_some() { "ro" } else { "rw" };
        let mut options = vec![mode.to_owned(), format!("cimpath={}", own_image(all, row)?.display())];
        options.extend(Parents::of(all, row)?.options());
        Ok(Mount { kind: KIND.to_owned(), source: directory.display().to_string(), options })
    }

    fn release(&self, root: &Root, key: &str, row: &SnapshotRow) {
        if !is_extraction(key, &row.labels) {
            self.disks.release(&root.snapshot(row.id), name_of(key));
        }
    }

    fn snapshot_of(&self, root: &Root, mount: &Mount) -> Option<u64> {
        let id = Path::new(&mount.source).file_name()?.to_str()?.parse().ok()?;
        let same = root.snapshot(id).to_str() == Some(mount.source.as_str());
        (mount.kind == KIND && same).then_some(id)
    }

    /// What a view shows is the image of its parent.
    fn image_of(&self, all: &Snapshots, mount: &Mount) -> Result<Option<Digest>, SnapshotError> {
        let Some(id) = self.snapshot_of(all.store.root(), mount) else { return Ok(None) };
        all.store.read(|reader| {
            let Some(key) = reader.key_of(id)? else { return Ok(None) };
            let view = reader.snapshot(&key)?.filter(|row| row.kind == Kind::View);
            let parent = view.map_or(Ok(None), |view| reader.snapshot(&view.parent))?;
            Ok(parent.and_then(|parent| parent.image))
        })
    }
}

/// Returns where the image of a snapshot will be, as far as that is known: only other differs would write it.
fn own_image(all: &Snapshots, row: &SnapshotRow) -> Result<PathBuf, SnapshotError> {
    let chain = row.labels.get(REFERENCE).and_then(|chain| chain.parse().ok());
    match chain {
        Some(chain) => all.image_path(&chain),
        None => Ok(all.store.root().images().join(format!("{}.cim", row.id))),
    }
}

/// What lies below a snapshot, the nearest first.
#[derive(Debug, Default)]
struct Parents {
    layers: Vec<String>,
    images: Vec<String>,
}

impl Parents {
    fn of(all: &Snapshots, row: &SnapshotRow) -> Result<Self, SnapshotError> {
        all.store.read(|reader| {
            let mut parents = Self::default();
            let mut next = row.parent.clone();
            while let Some(parent) = reader.snapshot(&next)? {
                let chain = parent.image.ok_or_else(|| SnapshotError::NotFound(next.clone()))?;
                let image = all.image_path(&chain)?;
                parents.layers.push(layer_of(&image).display().to_string());
                parents.images.push(image.display().to_string());
                next = parent.parent;
            }
            Ok(parents)
        })
    }

    fn options(self) -> impl Iterator<Item = String> {
        let lists = [("parentLayerPaths", self.layers), ("parentCimPaths", self.images)];
        let said = lists.into_iter().filter(|(_, paths)| !paths.is_empty());
        said.map(|(option, paths)| format!("{option}={}", serde_json::Value::from(paths)))
    }
}

/// Returns what an image is the image of to the shim of containerd 2.0, which is told of nothing else: `LAYER` beside
/// `cim-layers\LAYER.cim`. Nothing needs to be there; later shims count them.
fn layer_of(image: &Path) -> PathBuf {
    let images = image.parent().unwrap_or(image);
    images.with_file_name(image.file_stem().unwrap_or_default())
}

/// Returns what a client of containerd has called a snapshot: containerd puts its namespace and a number before. Clients
/// call it what they call the container.
fn name_of(key: &str) -> &str {
    key.splitn(3, '/').last().unwrap_or(key)
}

fn remove_directory(path: &Path) -> io::Result<()> {
    match patiently(|| fs::remove_dir_all(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Returns how large a disk is to be, if anybody says.
fn disk_size(labels: &Labels) -> Result<Option<u64>, SnapshotError> {
    let number = |label: &'static str| match labels.get(label) {
        Some(value) => value.parse::<u64>().map(Some).map_err(|_| bad(label, value)),
        None => Ok(None),
    };
    let before = match number(SIZE_BEFORE)? {
        Some(gibibytes) => {
            let bytes = gibibytes.checked_mul(1 << 30);
            Some(bytes.ok_or_else(|| bad(SIZE_BEFORE, &gibibytes.to_string()))?)
        }
        None => None,
    };
    Ok(number(SIZE)?.or(before).filter(|&size| size > 0))
}

fn bad(label: &'static str, value: &str) -> SnapshotError {
    SnapshotError::Label { label, value: value.to_owned() }
}
