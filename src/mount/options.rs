//! How an image is mounted.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::view::ViewKind;

/// How an image is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountOptions {
    /// Whether files are shown as Linux or as Windows has them.
    pub view: ViewKind,
    /// Whether set-user-id programs and file capabilities count. What comes from a registry should not be trusted so
    /// far; an overlay above the mount decides for itself.
    pub suid: bool,
    /// Whether device files can be opened.
    pub dev: bool,
    /// Number of threads that answer the kernel; as many as suit the machine if not given.
    pub threads: Option<NonZeroUsize>,
    /// Where the server says why it could not read something; nowhere if not given.
    pub log: Option<PathBuf>,
}

/// How a mount is taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmount {
    /// Only when nobody uses it.
    #[default]
    WhenIdle,
    /// At once where nobody uses it; else it disappears now and ends when the last user is gone.
    Detach,
}
