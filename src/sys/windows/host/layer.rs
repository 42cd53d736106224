//! Directories with the disk of a container in them, which vmcompute.dll calls layers.

use std::path::Path;
use std::ptr;

use super::super::wide::ended;
use super::disk::units;
use super::exports::DriverInfo;
use super::{ContainerHost, HostError, call};

/// Layers are directories over each other, and not disks.
const FILTER: u32 = 1;

/// What an empty string is in UTF-16.
static EMPTY: [u16; 1] = [0];

/// What an overlay filter is told to detach.
const UNION: &str = r#"{"SchemaVersion":{},"FilterType":"UnionFS"}"#;

/// Layers are named by whole paths, so there is no directory that all are in.
fn driver() -> DriverInfo {
    DriverInfo { flavour: FILTER, home: EMPTY.as_ptr() }
}

impl ContainerHost {
    /// Makes the disk of a directory, and the file system on it, larger.
    pub fn expand(&self, directory: &Path, size: u64) -> Result<(), HostError> {
        let (driver, directory) = (driver(), units(directory)?);
        // SAFETY: the strings end with a zero and live as long as the call.
        unsafe { call!(self, ExpandSandboxSize(&raw const driver, directory.as_ptr(), size)) }
    }

    /// Detaches from the disk of a directory what shows an image through it, as far as both are attached.
    pub fn detach_filter(&self, directory: &Path) -> Result<(), HostError> {
        let volume = self.volume(directory)?;
        let what = ended(UNION.encode_utf16());
        // SAFETY: the strings end with a zero.
        unsafe { call!(self, HcsDetachOverlayFilter(volume.as_ptr(), what.as_ptr())) }
    }

    /// Detaches the disk of a directory.
    pub fn deactivate(&self, directory: &Path) -> Result<(), HostError> {
        let (driver, directory) = (driver(), units(directory)?);
        // SAFETY: the strings end with a zero and live as long as the call.
        unsafe { call!(self, DeactivateLayer(&raw const driver, directory.as_ptr())) }
    }

    /// Returns the volume of the disk of a directory, while it is attached.
    fn volume(&self, directory: &Path) -> Result<Vec<u16>, HostError> {
        let (driver, directory) = (driver(), units(directory)?);
        let mut len = 0;
        // SAFETY: the strings end with a zero and live as long as the call; without room only the length is asked for.
        unsafe {
            call!(
                self,
                GetLayerMountPath(&raw const driver, directory.as_ptr(), &raw mut len, ptr::null_mut())
            )?;
        }
        // Paths are no longer, whatever is said.
        let mut volume = vec![0; len.min(usize::from(u16::MAX)) + 1];
        len = volume.len();
        // SAFETY: as above, and there is room for as many units as are said.
        unsafe {
            call!(
                self,
                GetLayerMountPath(&raw const driver, directory.as_ptr(), &raw mut len, volume.as_mut_ptr())
            )?;
        }
        // Whatever was written, a zero is the end of it.
        volume.push(0);
        Ok(volume)
    }
}
