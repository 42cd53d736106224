//! Sockets that a service manager passes on.

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

/// The first descriptor that is passed on.
const FIRST: RawFd = 3;

/// Takes the socket that systemd passed on to this process, if there is one. The second call finds none.
pub fn passed_listener() -> io::Result<Option<UnixListener>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let number = |name| env::var(name).ok().and_then(|value| value.parse::<u32>().ok());
    let ours = number("LISTEN_PID") == Some(process::id());
    let count = number("LISTEN_FDS").unwrap_or(0);
    if !ours || count == 0 || TAKEN.swap(true, Ordering::Relaxed) {
        return Ok(None);
    }
    if count > 1 {
        return Err(io::Error::other(format!("there are {count} sockets, where one is expected")));
    }
    // SAFETY: by the environment, this descriptor was opened for this process, and only this function takes it, once.
    let passed = unsafe { OwnedFd::from_raw_fd(FIRST) };
    rustix::io::fcntl_setfd(&passed, rustix::io::FdFlags::CLOEXEC)?;
    let file = File::from(passed);
    if !std::os::unix::fs::FileTypeExt::is_socket(&file.metadata()?.file_type()) {
        return Err(io::Error::other("what was passed on is no socket"));
    }
    Ok(Some(UnixListener::from(OwnedFd::from(file))))
}
