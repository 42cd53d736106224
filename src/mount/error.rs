//! Why a mount did not come about or does not go away.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::cim::CimError;

/// Why a mount did not come about or does not go away.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MountError {
    /// The image cannot be read.
    #[error("cannot open image {}", .image.display())]
    Image {
        /// The `.cim` file.
        image: PathBuf,
        /// Why.
        source: CimError,
    },
    /// The directory to mount on is not there, or is no directory.
    #[error("cannot mount on {}", .at.display())]
    Mountpoint {
        /// The directory.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// One of our mounts is there already.
    #[error("{} is a mount of an image already", .0.display())]
    AlreadyMounted(PathBuf),
    /// None of our mounts is there.
    #[error("{} is not a mount of an image", .0.display())]
    NotMounted(PathBuf),
    /// Somebody uses the mount.
    #[error("mount {} is in use", .0.display())]
    Busy(PathBuf),
    /// The kernel does not take the mount away.
    #[error("cannot unmount {}", .at.display())]
    Unmount {
        /// The mount.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel does not make the mount.
    #[error("the kernel does not mount {}", .at.display())]
    Session {
        /// The directory.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The mount worked, and then broke.
    #[error("the server of {} stopped", .at.display())]
    Stopped {
        /// The mount.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program that serves mounts does not start.
    #[error("cannot start {}", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What the serving program said before it gave up.
    #[error("{0}")]
    Server(String),
    /// The program that serves the mount ended without a word.
    #[error("the server of {} ended before the mount was ready", .0.display())]
    ServerLost(PathBuf),
    /// Who asked for the mount did not wait for it.
    #[error("nobody waits for mount {}", .at.display())]
    Unwanted {
        /// The mount.
        at: PathBuf,
        /// How that showed.
        source: io::Error,
    },
    /// The server of the mount, or its disk, hangs.
    #[error("mount {} hangs: its server or its disk does not answer", .at.display())]
    Hung {
        /// The mount.
        at: PathBuf,
    },
    /// A call for the mount did not come to its end.
    #[error("a call for mount {} broke off", .at.display())]
    Broken {
        /// The mount.
        at: PathBuf,
    },
    /// There is no thread for a call.
    #[error("cannot start a thread for mount {}", .at.display())]
    Thread {
        /// The mount.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel's list of mounts cannot be read.
    #[error("cannot read {path}")]
    Table {
        /// The list.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The log file cannot be opened.
    #[error("cannot open log {}", .log.display())]
    Log {
        /// The file.
        log: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system leaves it to others.
    #[error("cannot mount on {}: on this system images are mounted by whoever runs containers", .0.display())]
    NotHere(PathBuf),
    /// The serving program was started with words that it does not know.
    #[error("argument {0} of the server is not valid")]
    Argument(String),
}
