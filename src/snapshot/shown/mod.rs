//! How snapshots are shown: what each of them has of its own on the disk, and what is mounted to see it.
//!
//! ```text
//!   overlay   Linux: the kernel lays a directory over the mount of an image
//!   cimfs     Windows: the shim that runs a container lays a disk over an image, and mounts both
//! ```

mod cimfs;
mod disk;
#[cfg(windows)]
mod node;
mod overlay;

use std::fmt;
use std::path::PathBuf;

pub use disk::DiskError;

use super::{Mount, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::store::{Root, SnapshotRow};
#[cfg(windows)]
use crate::sys;

/// How snapshots are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// As directories of Linux.
    Overlays,
    /// To the shim that runs containers of Windows.
    CimFs,
}

impl Default for Shown {
    fn default() -> Self {
        if cfg!(windows) { Self::CimFs } else { Self::Overlays }
    }
}

impl Shown {
    pub(super) fn show(self, root: &Root) -> Box<dyn Show> {
        match self {
            Self::Overlays => Box::new(overlay::Overlays),
            Self::CimFs => Box::new(cimfs::CimFs::new(disks(root))),
        }
    }
}

#[cfg(windows)]
fn disks(root: &Root) -> node::NodeDisks {
    let (host, cimfs) = (sys::ContainerHost::of_system(), sys::cimfs::Cimfs::of_system().ok());
    node::NodeDisks::new(root.template(), root.blanks(), host, cimfs)
}

#[cfg(not(windows))]
fn disks(root: &Root) -> disk::Template {
    disk::Template::new(root.template())
}

/// Shows snapshots.
pub(super) trait Show: fmt::Debug + Send + Sync {
    /// Makes what a snapshot has of its own, over an image.
    fn make(&self, all: &Snapshots, id: u64, below: Option<&Digest>) -> Result<(), SnapshotError>;

    /// Returns whether a snapshot has all that was made for it.
    fn is_made(&self, root: &Root, id: u64) -> bool;

    /// Returns where lies what is written to a snapshot.
    fn written(&self, root: &Root, id: u64) -> PathBuf;

    /// Returns where the files lie that were written to a snapshot, to be made a layer of.
    fn files(&self, root: &Root, key: &str, row: &SnapshotRow) -> Result<PathBuf, SnapshotError>;

    /// Returns what to mount to see a snapshot, over an image.
    fn mount(
        &self,
        all: &Snapshots,
        key: &str,
        row: &SnapshotRow,
        below: Option<&Digest>,
    ) -> Result<Mount, SnapshotError>;

    /// Takes away what whoever ran a container from a snapshot may have left attached, before the snapshot goes.
    fn release(&self, _root: &Root, _key: &str, _row: &SnapshotRow) {}

    /// Returns whether what a snapshot has of its own is still mounted somewhere after its commit.
    fn is_still_mounted(&self, _root: &Root, _id: u64) -> bool {
        false
    }

    /// Returns the snapshot that is written through a mount.
    fn snapshot_of(&self, root: &Root, mount: &Mount) -> Option<u64>;

    /// Returns the image that is seen through a mount that shows one and nothing else.
    fn image_of(&self, all: &Snapshots, mount: &Mount) -> Result<Option<Digest>, SnapshotError>;
}
