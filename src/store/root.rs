//! Where everything lies below the root.

use std::fs;
use std::path::{Path, PathBuf};

use super::StoreError;
use crate::layer::digest::Digest;
use crate::sys;

/// The name of the directory of all images. The shim of containerd 2.0 finds images in one of this name alone.
const IMAGES: &str = if cfg!(windows) { "cim-layers" } else { "cim" };

/// The name of the directory of the native engine, within that of all images.
pub(crate) const NATIVE: &str = "native";

/// The path of its images, within the directory of all images: for that shim they need another one of the name.
pub(crate) const NATIVE_IMAGES: &str = if cfg!(windows) { "native/cim-layers" } else { NATIVE };

/// The name of the directory, within that of a snapshot, where what lies below it is mounted while it is filled.
pub(crate) const LOWER: &str = "lower";

/// The directory of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(pub(super) PathBuf);

impl Root {
    /// Makes the directories that every store has, accessible to the user of this process alone.
    pub(super) fn create(path: &Path) -> Result<Self, StoreError> {
        sys::require_trusted_ancestors(path)?;
        make_private(path)?;
        let root = Self(sys::resolve(path).map_err(StoreError::io("resolve", path))?);
        root.restrict()?;
        for directory in [root.images(), root.snapshots(), root.mounts(), root.empty()] {
            make_private(&directory)?;
        }
        Ok(root)
    }

    /// Returns whether there is a store in a directory.
    pub fn is_store(path: &Path) -> bool {
        Self(path.to_owned()).database().is_file()
    }

    /// Returns the root itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the database.
    pub fn database(&self) -> PathBuf {
        self.0.join("cimsnap.redb")
    }

    /// Returns the file that keeps room for the database.
    pub(super) fn spare(&self) -> PathBuf {
        self.0.join("cimsnap.spare")
    }

    /// Returns the containing directory of all images.
    pub fn images(&self) -> PathBuf {
        self.0.join(IMAGES)
    }

    /// Returns the containing directory of images that the native engine writes: nobody else writes there.
    pub fn native(&self) -> PathBuf {
        NATIVE_IMAGES.split('/').fold(self.images(), |path, name| path.join(name))
    }

    /// Returns the directory of what snapshots have of their own.
    pub fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    /// Returns what one snapshot has of its own.
    pub fn snapshot(&self, id: u64) -> PathBuf {
        self.snapshots().join(id.to_string())
    }

    /// Returns where the files of a writable snapshot lie.
    pub fn upper(&self, id: u64) -> PathBuf {
        self.snapshot(id).join("fs")
    }

    /// Returns what the kernel needs beside them.
    pub fn work(&self, id: u64) -> PathBuf {
        self.snapshot(id).join("work")
    }

    /// Returns where a snapshot that is filled with a layer has what lies below it.
    pub fn lower(&self, id: u64) -> PathBuf {
        self.snapshot(id).join(LOWER)
    }

    /// Returns the directory of all mounts of images.
    pub fn mounts(&self) -> PathBuf {
        self.0.join("mounts")
    }

    /// Returns where an image is mounted.
    pub fn mount(&self, chain: &Digest) -> PathBuf {
        self.mounts().join(chain.hex())
    }

    /// Returns where layers are converted again.
    pub fn repair(&self) -> PathBuf {
        self.0.join("repair")
    }

    /// Returns the disk that those of containers of Windows are copies of.
    pub fn template(&self) -> PathBuf {
        self.0.join("sandbox.vhdx")
    }

    /// Returns the disk that those of virtual machines are copies of.
    pub fn machine_template(&self) -> PathBuf {
        self.0.join("machine.vhdx")
    }

    /// Returns the directory of disks that those of containers lie over.
    pub fn blanks(&self) -> PathBuf {
        self.0.join("disks")
    }

    /// Returns a directory in which there is nothing.
    pub fn empty(&self) -> PathBuf {
        self.0.join("empty")
    }
}

/// Makes a directory that only its owner may enter: what is below it has owners and modes of its own.
fn make_private(path: &Path) -> Result<(), StoreError> {
    sys::make_private(path).map_err(StoreError::io("make", path))?;
    let is_directory = fs::metadata(path).map_err(StoreError::io("look at", path))?.is_dir();
    match is_directory {
        true => Ok(()),
        false => Err(StoreError::io("use", path)(std::io::ErrorKind::NotADirectory.into())),
    }
}
