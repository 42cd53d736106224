//! Images as FUSE file systems.
//!
//! ```text
//!   FuseMounter::mount                         the caller: a daemon or a command
//!     └─ spawn ── PROGRAM fuse-serve --detach  ends at once, so that nobody has to wait for it
//!                   └─ PROGRAM fuse-serve      a session of its own; serves until the mount is gone
//!                        └─ serve ── fuser ── FileSystem ── View ── Image
//! ```
//!
//! The server says through its standard output that the mount is live, or why it is not; then it lets go of it.
//!
//! An image never changes, so the kernel may keep everything it learns: names (also those that are not there),
//! attributes, link targets, directory listings and data. Opening and closing costs no message at all where the
//! kernel can do without (`FUSE_NO_OPEN_SUPPORT`).

mod convert;
mod errno;
mod filesystem;
mod serve;
mod spawn;
pub mod table;
mod tuning;
mod unmount;

use std::path::{Path, PathBuf};

pub use serve::{BriefMount, ServeOptions, serve};
pub use spawn::{SUBCOMMAND, serve_main, served, spawn};

use super::{MountEntry, MountError, MountOptions, Mounter, Unmount};

/// Mounts images through FUSE.
#[derive(Clone, Debug)]
pub struct FuseMounter {
    program: PathBuf,
}

impl FuseMounter {
    /// Serves mounts with a program that hands the arguments behind [`SUBCOMMAND`] to [`serve_main`].
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }

    /// Serves mounts with the program that is running.
    pub fn this_program() -> Result<Self, MountError> {
        let failed = |source| MountError::Start { program: PathBuf::from("this program"), source };
        std::env::current_exe().map(Self::new).map_err(failed)
    }
}

impl Mounter for FuseMounter {
    fn mount(&self, image: &Path, at: &Path, options: &MountOptions) -> Result<(), MountError> {
        if table::find(at)?.is_some() {
            return Err(MountError::AlreadyMounted(at.to_owned()));
        }
        spawn(&self.program, image, at, options)
    }

    fn mount_briefly(
        &self,
        image: &Path,
        at: &Path,
        options: &MountOptions,
    ) -> Result<Box<dyn Send>, MountError> {
        BriefMount::new(image, at, options).map(|mount| Box::new(mount) as Box<dyn Send>)
    }

    fn unmount(&self, at: &Path, how: Unmount) -> Result<(), MountError> {
        unmount::unmount(at, how)
    }

    fn mounted(&self, at: &Path) -> Result<Option<MountEntry>, MountError> {
        table::find(at)
    }

    fn list(&self) -> Result<Vec<MountEntry>, MountError> {
        table::list()
    }
}
