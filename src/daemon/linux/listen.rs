//! The socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tokio_stream::wrappers::ReceiverStream;

use crate::daemon::accept::{self, Admitted};
use crate::daemon::{DaemonError, Grpc};
use crate::sys::{self, TrustError};

/// Mode of directories that are made for the socket: clients get through, and see nothing else.
const DIRECTORY: u32 = 0o711;

/// A listening socket. Dropping it deletes its file, unless the service manager made that.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    /// The file, if we made it.
    made: Option<PathBuf>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // The next daemon replaces a file that nothing listens on.
            let _ = fs::remove_file(path);
        }
    }
}

impl Listener {
    /// Takes the socket that systemd passed on, or makes one.
    pub(crate) fn new(grpc: &Grpc) -> Result<Self, DaemonError> {
        let (listener, made) = match sys::passed_listener().map_err(DaemonError::Passed)? {
            Some(listener) => {
                check_passed(&listener, grpc)?;
                (listener, None)
            }
            None => (make(grpc)?, Some(grpc.address.clone())),
        };
        listener.set_nonblocking(true).map_err(DaemonError::Passed)?;
        Ok(Self { listener, made })
    }

    /// Returns the clients that connect from now on.
    pub(crate) fn clients(&self) -> io::Result<ReceiverStream<io::Result<Admitted<tokio::net::UnixStream>>>> {
        let listener = self.listener.try_clone().and_then(tokio::net::UnixListener::from_std)?;
        Ok(accept::clients(listener))
    }
}

/// Makes a socket that is visible under its name only once it is ready. Until then it has another name, and the umask keeps
/// other users from connecting.
fn make(grpc: &Grpc) -> Result<UnixListener, DaemonError> {
    let path = std::path::absolute(&grpc.address).map_err(failed(&grpc.address))?;
    if let Some(directory) = path.parent() {
        sys::make_trusted_directory(directory, DIRECTORY).map_err(untrusted(&path))?;
    }
    remove_stale(&path)?;
    let unfinished = unfinished(&path);
    remove_stale(&unfinished)?;
    let listener = UnixListener::bind(&unfinished).map_err(failed(&path))?;
    // The owner first: with the mode alone, the group of this process could connect.
    let set_up = chown(&unfinished, Some(grpc.uid), Some(grpc.gid)).and_then(|()| {
        fs::set_permissions(&unfinished, Permissions::from_mode(mode(grpc)))?;
        fs::rename(&unfinished, &path)
    });
    set_up.map_err(failed(&path))?;
    Ok(listener)
}

/// Returns the name of a socket until it is ready. It is no longer than needed, since the kernel limits the length.
fn unfinished(path: &Path) -> PathBuf {
    let new = path.with_extension("new");
    if new == path { path.with_extension("tmp") } else { new }
}

/// Refuses a socket of the service manager to which more users can connect than the configuration says.
fn check_passed(listener: &UnixListener, grpc: &Grpc) -> Result<(), DaemonError> {
    let address = listener.local_addr().map_err(DaemonError::Passed)?;
    let Some(path) = address.as_pathname() else {
        let text = "it has no file, so that every user can connect; set ListenStream= to a path";
        return Err(DaemonError::TooOpen(text.to_owned()));
    };
    sys::require_trusted_socket(path, grpc.uid).map_err(untrusted(path))?;
    let found = fs::metadata(path).map_err(failed(path))?.mode() & 0o777;
    let wanted = mode(grpc);
    match found & !wanted {
        0 => Ok(()),
        _ => Err(DaemonError::TooOpen(format!(
            "{} has mode {found:04o}, and grpc.mode is {wanted:04o}; set SocketMode={wanted:04o} in the unit of the socket",
            path.display()
        ))),
    }
}

fn mode(grpc: &Grpc) -> u32 {
    grpc.mode().unwrap_or(0o600)
}

/// Deletes a socket that nothing listens on any more.
fn remove_stale(path: &Path) -> Result<(), DaemonError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => {
            if !found.map_err(failed(path))?.file_type().is_socket() {
                return Err(failed(path)(io::Error::other("a file that is not a socket has this name")));
            }
        }
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(DaemonError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed(path))
        }
        Err(error) => Err(failed(path)(error)),
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> DaemonError {
    move |source| DaemonError::Listen { path: path.to_owned(), source }
}

fn untrusted(path: &Path) -> impl FnOnce(TrustError) -> DaemonError {
    move |source| DaemonError::Untrusted { path: path.to_owned(), source }
}
