//! Serving a mount until it is gone.

use std::fs::OpenOptions;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use fuser::{BackgroundSession, Config, MountOption, Session, SessionACL};
use rustix::mount::{UnmountFlags, unmount};

use super::filesystem::FileSystem;
use super::{errno, table, tuning};
use crate::cim::Image;
use crate::cim::io::Lock;
use crate::mount::view::View;
use crate::mount::{MountError, MountOptions};

/// What a server serves, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// The `.cim` file.
    pub image: PathBuf,
    /// The directory to mount on.
    pub at: PathBuf,
    /// How.
    pub options: MountOptions,
}

/// Threads per processor: most of them wait for the disk when an image is read for the first time.
const THREADS_PER_CPU: usize = 2;

/// Bounds of the number of threads that a machine gets by its processors.
const THREADS: std::ops::RangeInclusive<usize> = 4..=16;

/// Mounts an image in this process and serves it until it is unmounted. `ready` is called when the mount is live; if
/// it fails, the mount is taken away again.
///
/// The process leaves its terminal and its working directory, neither of which should be held by a mount.
pub fn serve(serve: &ServeOptions, ready: impl FnOnce() -> io::Result<()>) -> Result<(), MountError> {
    // Fails only where the process leads a session already.
    let _ = rustix::process::setsid();
    let (file_system, hold) = open(serve)?;
    let mounting = |source| MountError::Session { at: serve.at.clone(), source };
    let session = Session::new(file_system, &serve.at, &config(serve)).map_err(mounting)?;
    let _ = rustix::process::chdir("/");
    tuning::widen_readahead(&serve.at);
    ready().map_err(|source| MountError::Unwanted { at: serve.at.clone(), source })?;
    let stopped = |source| MountError::Stopped { at: serve.at.clone(), source };
    session.run().map_err(stopped)?;
    drop(hold);
    Ok(())
}

/// A mount that this process serves, for as long as this lives.
#[derive(Debug)]
pub struct BriefMount {
    at: PathBuf,
    /// Waits for the threads that serve the mount, once it is gone.
    session: Option<BackgroundSession>,
    _hold: Lock,
}

impl BriefMount {
    /// Mounts an image. Unlike a mount with a process of its own this costs next to nothing, and ends with this process.
    pub fn new(image: &Path, at: &Path, options: &MountOptions) -> Result<Self, MountError> {
        let threads = Some(NonZeroUsize::MIN);
        let options = MountOptions { threads, ..options.clone() };
        let serve = ServeOptions { image: image.to_owned(), at: at.to_owned(), options };
        let (file_system, hold) = open(&serve)?;
        let mounting = |source| MountError::Session { at: at.to_owned(), source };
        let session = Session::new(file_system, at, &config(&serve)).and_then(Session::spawn);
        Ok(Self { at: at.to_owned(), session: Some(session.map_err(mounting)?), _hold: hold })
    }
}

impl Drop for BriefMount {
    fn drop(&mut self) {
        // Who still looks into it keeps it until then, without a name.
        let gone = unmount(&self.at, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW);
        if let Some(session) = self.session.take().filter(|_| gone.is_ok()) {
            drop(session.umount_and_join());
        }
    }
}

/// Opens an image to be served. It cannot be replaced as long as it is held.
fn open(serve: &ServeOptions) -> Result<(FileSystem, Lock), MountError> {
    let view_failed = |source| MountError::Image { image: serve.image.clone(), source };
    let image = Image::open(&serve.image).map_err(view_failed)?;
    let hold = image.hold().map_err(view_failed)?;
    let view = View::new(image, serve.options.view).map_err(view_failed)?;
    let log = match &serve.options.log {
        Some(log) => {
            let opened = OpenOptions::new().append(true).create(true).open(log);
            Some(opened.map_err(|source| MountError::Log { log: log.clone(), source })?)
        }
        None => None,
    };
    Ok((FileSystem::new(view, errno::Log::new(log)), hold))
}

fn config(serve: &ServeOptions) -> Config {
    let MountOptions { suid, dev, threads, .. } = serve.options;
    let (_, subtype) = table::FILE_SYSTEM.split_once('.').unwrap_or_default();
    let mut config = Config::default();
    config.mount_options = vec![
        MountOption::FSName(serve.image.to_string_lossy().into_owned()),
        // Not `Subtype`, which is meant for a helper program and does not reach the kernel.
        MountOption::CUSTOM(format!("subtype={subtype}")),
        MountOption::DefaultPermissions,
        MountOption::RO,
        MountOption::NoAtime,
        if suid { MountOption::Suid } else { MountOption::NoSuid },
        if dev { MountOption::Dev } else { MountOption::NoDev },
    ];
    config.acl = SessionACL::All;
    config.n_threads = Some(threads.map_or_else(default_threads, NonZeroUsize::get));
    config.clone_fd = true;
    config
}

fn default_threads() -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    processors.saturating_mul(THREADS_PER_CPU).clamp(*THREADS.start(), *THREADS.end())
}
