//! Images on Windows: the shim that runs a container mounts its image, and takes it away.

use std::path::Path;
use std::process::ExitCode;

use super::{MountEntry, MountError, MountOptions, Mounter, Unmount};

/// Leaves all mounts to the shim.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShimMounter;

impl ShimMounter {
    /// Returns what mounts for this program.
    pub fn this_program() -> Result<Self, MountError> {
        Ok(Self)
    }
}

impl Mounter for ShimMounter {
    fn mount(&self, _image: &Path, at: &Path, _options: &MountOptions) -> Result<(), MountError> {
        Err(MountError::NotHere(at.to_owned()))
    }

    fn mount_briefly(
        &self,
        _image: &Path,
        at: &Path,
        _options: &MountOptions,
    ) -> Result<Box<dyn Send>, MountError> {
        Err(MountError::NotHere(at.to_owned()))
    }

    fn unmount(&self, at: &Path, _how: Unmount) -> Result<(), MountError> {
        Err(MountError::NotMounted(at.to_owned()))
    }

    fn mounted(&self, _at: &Path) -> Result<Option<MountEntry>, MountError> {
        Ok(None)
    }

    fn list(&self) -> Result<Vec<MountEntry>, MountError> {
        Ok(Vec::new())
    }
}

/// No program serves mounts here.
pub fn served() -> Option<ExitCode> {
    None
}
