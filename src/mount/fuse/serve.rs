//! Serving a mount until it is gone.

use std::fs::OpenOptions;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use fuser::{Config, MountOption, Session, SessionACL};

use super::filesystem::FileSystem;
use super::{errno, tuning};
use crate::cim::{CimError, Image};
use crate::mount::view::View;
use crate::mount::{MountError, MountOptions, table};

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
    let view_failed = |source| MountError::Image { image: serve.image.clone(), source };
    let image = Image::open(&serve.image).map_err(view_failed)?;
    let hold = hold(&image).map_err(view_failed)?;
    let view = View::new(image, serve.options.view).map_err(view_failed)?;
    let log = match &serve.options.log {
        Some(log) => {
            let opened = OpenOptions::new().append(true).create(true).open(log);
            Some(opened.map_err(|source| MountError::Log { log: log.clone(), source })?)
        }
        None => None,
    };
    let file_system = FileSystem::new(view, errno::Log::new(log));
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

/// Keeps writers from replacing the image as long as it is mounted.
fn hold(image: &Image) -> Result<crate::cim::io::Lock, CimError> {
    let directory = image.containing_directory();
    let name = image.name().as_str();
    let path = directory.path().join(name);
    directory.hold(name).map_err(|source| CimError::io("hold", path, source))
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
