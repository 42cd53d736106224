//! Disks that Windows makes, and what the shim attaches.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tracing::debug;

use super::disk::{DiskError, ScratchDisks, Template};
use crate::cim::Guid;
use crate::sys::cimfs::{Cimfs, VolumeId};
use crate::sys::{self, ContainerHost, Disk, HostError, patiently};

/// What the disks of containers lie over. Each of them refers to this file by its path, and breaks if it changes: whoever
/// makes it in another way has to give it another name.
const BLANK: &str = "blank-1.vhdx";

/// How large it is, and hence every disk unless somebody says otherwise.
const SIZE: u64 = 20 << 30;

/// What the shim derives the volumes from that it mounts images as.
const VOLUMES: &str = "6827367b-c388-4e9b-961c-6d2c936c0000";

/// Has Windows make disks, unless somebody has made one to take copies of.
#[derive(Debug)]
pub(super) struct NodeDisks {
    template: Template,
    /// Where the disk lies that all lie over.
    blanks: PathBuf,
    host: ContainerHost,
    /// What mounts images, if there is any.
    cimfs: Option<Cimfs>,
}

impl NodeDisks {
    pub(super) fn new(template: PathBuf, blanks: PathBuf, host: ContainerHost, cimfs: Option<Cimfs>) -> Self {
        Self { template: Template::new(template), blanks, host, cimfs }
    }

    /// Returns the disk that all lie over, which is made once.
    fn blank(&self) -> Result<PathBuf, DiskError> {
        let blank = self.blanks.join(BLANK);
        if blank.exists() {
            return Ok(blank);
        }
        let making = self.blanks.join("making");
        let unfinished = making.join(BLANK);
        let failed = DiskError::make(&unfinished);
        sys::make_private(&making).map_err(&failed)?;
        remove_if_there(&unfinished).map_err(&failed)?;
        let disk = self.host.create_disk(&unfinished, SIZE);
        let made = disk.and_then(|disk| self.finish(&disk, &unfinished));
        made.map_err(|error| failed(io::Error::other(error)))?;
        patiently(|| fs::rename(&unfinished, &blank)).map_err(&failed)?;
        Ok(blank)
    }

    fn finish(&self, disk: &Disk, at: &Path) -> Result<(), HostError> {
        self.host.format(disk)?;
        self.host.grant_to_machines(at)
    }

    fn make_over(&self, blank: &Path, at: &Path, size: Option<u64>) -> Result<(), HostError> {
        // It must not be open when it grows.
        drop(self.host.create_disk_over(at, blank)?);
        // What a file is made of does not say who may read it.
        self.host.grant_to_machines(at)?;
        match (size.filter(|&size| size > SIZE), at.parent()) {
            (Some(size), Some(directory)) => self.host.expand(directory, size),
            _ => Ok(()),
        }
    }
}

impl ScratchDisks for NodeDisks {
    fn make(&self, at: &Path, size: Option<u64>) -> Result<(), DiskError> {
        if self.template.path().exists() {
            return self.template.make(at, size);
        }
        if let Some(size) = size.filter(|&size| size < SIZE) {
            return Err(DiskError::TooSmall { size, least: SIZE });
        }
        if let Some(missing) = self.host.lacks_for_disks() {
            return Err(DiskError::NoMaker { template: self.template.path().to_owned(), missing });
        }
        let blank = self.blank()?;
        self.make_over(&blank, at, size).map_err(|error| DiskError::make(at)(io::Error::other(error)))
    }

    fn grant_to_machines(&self, at: &Path) -> Result<(), DiskError> {
        self.host.grant_to_machines(at).map_err(|error| DiskError::make(at)(io::Error::other(error)))
    }

    /// In the order in which the shim would do it.
    fn release(&self, directory: &Path, container: &str) {
        note("detach the disk", container, self.host.detach_filter(directory));
        note("deactivate the layer", container, self.host.deactivate(directory));
        if let (Some(cimfs), Some(volume)) = (&self.cimfs, volume_of(container)) {
            note("dismount the image", container, cimfs.dismount(volume));
        }
    }
}

/// Logs what could not be taken away: mostly because the shim has done so, but if not, this says why files stay in use.
fn note<T, E: Display>(action: &str, container: &str, done: Result<T, E>) {
    if let Err(error) = done {
        debug!(container, "cannot {action}: {error}");
    }
}

/// Returns the volume that the shim mounts the image of a container as.
fn volume_of(container: &str) -> Option<VolumeId> {
    let guid = Guid::from_name(VOLUMES.parse().ok()?, container.as_bytes());
    let [a, b, c, d, e, f, g, h, data4 @ ..] = *guid.as_bytes();
    Some(VolumeId {
        data1: u32::from_be_bytes([a, b, c, d]),
        data2: u16::from_be_bytes([e, f]),
        data3: u16::from_be_bytes([g, h]),
        data4,
    })
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match patiently(|| fs::remove_file(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
