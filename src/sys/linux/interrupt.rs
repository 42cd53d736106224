//! Signals that ask the program to end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed);
}

/// From now on signals that ask the program to end are only noted. What it starts is asked as ever.
pub fn note_requests_to_end() -> io::Result<()> {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: The handler has the type that `signal` wants, and stores an atomic, which handlers may.
        let before = unsafe { libc::signal(signal, note as *const () as libc::sighandler_t) };
        if before == libc::SIG_ERR {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Returns whether somebody has asked the program to end.
pub fn asked_to_end() -> bool {
    ASKED.load(Ordering::Relaxed)
}
