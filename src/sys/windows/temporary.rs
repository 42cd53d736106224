//! Files that are gone with their last handle.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// FILE_FLAG_DELETE_ON_CLOSE
const DELETE_ON_CLOSE: u32 = 0x0400_0000;

/// FILE_SHARE_DELETE
const SHARE_DELETE: u32 = 0x4;

/// Makes a file in a directory that is gone with its last handle.
pub fn temporary_file(directory: &Path) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("kept-{}-{number}.part", std::process::id());
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    options.custom_flags(DELETE_ON_CLOSE).share_mode(SHARE_DELETE).open(directory.join(name))
}
