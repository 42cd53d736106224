//! Files and directories.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::Path;

/// Returns options that make a file. The directory around it decides who can access it.
pub fn private_file() -> OpenOptions {
    OpenOptions::new()
}

/// Writes all of `bytes` at an offset.
pub fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = file.seek_write(bytes, offset)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
        offset = offset.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
    }
    Ok(())
}

/// Reads from an offset on, and returns how much there was.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

/// Makes the names in a directory durable: NTFS journals them, there is nothing to ask for.
pub fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Windows writes back by itself and offers no hint.
pub fn start_writeback(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Ok(())
}

/// Returns how much a file takes on the disk, as far as its length says.
pub fn allocated(metadata: &Metadata) -> u64 {
    metadata.len()
}

/// Nothing that is counted has several names here.
pub fn shared_identity(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}

/// Mounts are the system's own, which does not die before us.
pub fn has_server(_mount: &Path) -> bool {
    true
}
