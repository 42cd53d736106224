//! Unix sockets.

use std::io::{self, ErrorKind};
use std::os::unix::net;
use std::path::{Path, PathBuf};

pub(super) use tokio::net::UnixStream as Stream;

/// Connects.
pub(super) async fn open(socket: PathBuf) -> io::Result<Stream> {
    Stream::connect(socket).await
}

/// Returns whether somebody serves on a socket.
pub(crate) fn is_served(socket: &Path) -> io::Result<bool> {
    match net::UnixStream::connect(socket) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => Ok(false),
        Err(error) => Err(error),
    }
}
