//! Telling systemd how it goes.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The daemon answers.
pub(crate) const READY: &str = "READY=1";
/// The daemon ends.
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Tells whoever started the daemon, if they want to hear it.
pub(crate) fn notify(state: &str) -> io::Result<()> {
    match env::var_os("NOTIFY_SOCKET") {
        Some(socket) => {
            UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address(&socket)?)?;
            Ok(())
        }
        None => Ok(()),
    }
}

fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(socket),
    }
}
