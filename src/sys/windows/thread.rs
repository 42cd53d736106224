//! Threads, and what they share.

use std::io;

use windows_sys::Win32::System::Threading::{
    GetCurrentThread, SetThreadPriority, THREAD_MODE_BACKGROUND_BEGIN,
};

/// Lets everybody else go first, also to the disk.
pub fn lower_priority() -> io::Result<()> {
    // SAFETY: the handle stands for this thread, and needs no closing.
    let done = unsafe { SetThreadPriority(GetCurrentThread(), THREAD_MODE_BACKGROUND_BEGIN) };
    if done != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The heap of Windows shares memory among all threads by itself.
pub fn keep_memory_small() {}
