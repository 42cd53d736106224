//! Events of the console that ask the program to end.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// The first events: Ctrl-C, Ctrl-Break, and the end of the console.
const LAST_EVENT: u32 = 2;

type Handler = unsafe extern "system" fn(u32) -> i32;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn SetConsoleCtrlHandler(handler: Option<Handler>, add: i32) -> i32;
}

/// Notes an event; 1 says that it is handled.
extern "system" fn note(event: u32) -> i32 {
    if event > LAST_EVENT {
        return 0;
    }
    ASKED.store(true, Ordering::Relaxed);
    1
}

/// From now on events that ask the program to end are only noted.
pub fn note_requests_to_end() -> io::Result<()> {
    // SAFETY: the handler has the type that is wanted, stays where it is, and stores an atomic, which any thread may.
    match unsafe { SetConsoleCtrlHandler(Some(note), 1) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Returns whether the program was asked to end.
pub fn asked_to_end() -> bool {
    ASKED.load(Ordering::Relaxed)
}
