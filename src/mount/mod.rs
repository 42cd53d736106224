//! An image becomes a directory.
//!
//! ```text
//!   Mounter ── mount, unmount, is mounted, list
//!      ├─── limited, a few at a time
//!      ├─── patient, giving up what takes too long
//!      │
//!    fuse ──── on Linux: a process for every mount, which outlives who asked for it
//!    shim ──── on Windows: nothing, since whoever runs a container mounts its image
//!      │
//!    view ──── what Linux sees of an image; knows no kernel
//! ```
//!
//! What is mounted where is a question to the kernel, asked anew every time: nothing is kept that could be out of date
//! after a crash.

mod entry;
mod error;
#[cfg(target_os = "linux")]
pub mod fuse;
mod limited;
mod options;
mod patient;
#[cfg(windows)]
mod shim;
pub mod view;
#[cfg(target_os = "linux")]
pub mod volumes;

use std::fmt;
use std::path::Path;

pub use entry::{Liveness, MountEntry};
pub use error::MountError;
#[cfg(target_os = "linux")]
pub use fuse::{FuseMounter as SystemMounter, served};
pub use limited::LimitedMounter;
pub use options::{MountOptions, Unmount};
pub use patient::{Patience, PatientMounter};
#[cfg(windows)]
pub use shim::{ShimMounter as SystemMounter, served};
pub use view::ViewKind;

/// Makes directories of images.
pub trait Mounter: fmt::Debug + Send + Sync {
    /// Mounts an image, given by the path of its `.cim` file, on an existing directory. Returns when the mount can
    /// be used.
    fn mount(&self, image: &Path, at: &Path, options: &MountOptions) -> Result<(), MountError>;

    /// Mounts an image for as long as the answer lives, and no longer than this process does.
    fn mount_briefly(
        &self,
        image: &Path,
        at: &Path,
        options: &MountOptions,
    ) -> Result<Box<dyn Send>, MountError>;

    /// Takes a mount away, also one whose server is dead.
    fn unmount(&self, at: &Path, how: Unmount) -> Result<(), MountError>;

    /// Returns the mount that a directory is the root of, if it is one of ours.
    fn mounted(&self, at: &Path) -> Result<Option<MountEntry>, MountError>;

    /// Returns all our mounts, those of earlier runs included, in the order in which they were made.
    fn list(&self) -> Result<Vec<MountEntry>, MountError>;

    /// Asks the servers of mounts whether they are there. A server that hangs never answers.
    fn liveness(&self, mounts: &[MountEntry]) -> Vec<Liveness> {
        mounts.iter().map(MountEntry::liveness).collect()
    }
}
