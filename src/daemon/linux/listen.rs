//! The socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use tokio_stream::wrappers::UnixListenerStream;

use crate::daemon::{DaemonError, Grpc};
use crate::sys;

/// A socket that is listened on. Its file goes with it, unless it is somebody else's.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: UnixListener,
    /// The file, if we made it.
    made: Option<PathBuf>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // Whoever starts next replaces a file that nobody listens on.
            let _ = fs::remove_file(path);
        }
    }
}

impl Listener {
    /// Takes the socket that systemd passed on, or makes one.
    pub(crate) fn new(grpc: &Grpc) -> Result<Self, DaemonError> {
        let (listener, made) = match sys::passed_listener().map_err(DaemonError::Passed)? {
            Some(listener) => (listener, None),
            None => (make(grpc)?, Some(grpc.address.clone())),
        };
        listener.set_nonblocking(true).map_err(DaemonError::Passed)?;
        Ok(Self { listener, made })
    }

    /// Returns all who connect from now on.
    pub(crate) fn clients(&self) -> io::Result<UnixListenerStream> {
        let listener = self.listener.try_clone().and_then(tokio::net::UnixListener::from_std)?;
        Ok(UnixListenerStream::new(listener))
    }
}

fn make(grpc: &Grpc) -> Result<UnixListener, DaemonError> {
    let path = grpc.address.as_path();
    let failed = |source| DaemonError::Listen { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(failed)?;
    }
    remove_stale(path)?;
    // Made under another name, so that nobody finds it before it is only for those whom it is for.
    let unfinished = path.with_extension("new");
    remove_stale(&unfinished)?;
    let listener = UnixListener::bind(&unfinished).map_err(failed)?;
    fs::set_permissions(&unfinished, Permissions::from_mode(grpc.mode().unwrap_or(0o600))).map_err(failed)?;
    chown(&unfinished, Some(grpc.uid), Some(grpc.gid)).map_err(failed)?;
    fs::rename(&unfinished, path).map_err(failed)?;
    Ok(listener)
}

/// Removes a socket that nobody listens on any more.
fn remove_stale(path: &Path) -> Result<(), DaemonError> {
    let failed = |source| DaemonError::Listen { path: path.to_owned(), source };
    match UnixStream::connect(path) {
        Ok(_) => Err(DaemonError::Taken(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}
