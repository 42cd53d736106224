//! The socket.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::{DaemonError, Grpc};
use crate::sys;

/// A socket that is listened on. Its file goes with it, unless it is somebody else's.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) listener: UnixListener,
    /// Whether we made the file.
    made: Option<std::path::PathBuf>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(path) = &self.made {
            // Whoever starts next replaces a file that nobody listens on.
            let _ = fs::remove_file(path);
        }
    }
}

/// Takes the socket that systemd passed on, or makes one.
pub(super) fn listen(grpc: &Grpc) -> Result<Socket, DaemonError> {
    let (listener, made) = match sys::passed_listener().map_err(DaemonError::Passed)? {
        Some(listener) => (listener, None),
        None => (make(grpc)?, Some(grpc.address.clone())),
    };
    listener.set_nonblocking(true).map_err(DaemonError::Passed)?;
    Ok(Socket { listener, made })
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
