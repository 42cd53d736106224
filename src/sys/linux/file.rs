//! Files and directories.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::io::Errno;

/// Bytes of a unit of `st_blocks`.
const BLOCK: u64 = 512;

/// Returns options that make a file which only this user can access.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Writes all of `bytes` at an offset.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Reads from an offset on, and returns how much there was.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// Does something to files. Nobody who has them open is in the way here.
pub fn patiently<T>(mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    act()
}

/// Makes the names in a directory durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Starts to write a range of dirty pages out, so that a later sync has little left to wait for. A length of 0 means up to
/// the end.
pub fn start_writeback(file: &File, offset: u64, len: u64) -> io::Result<()> {
    let (Ok(offset), Ok(len)) = (i64::try_from(offset), i64::try_from(len)) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // SAFETY: the descriptor is open for the length of the call, and no memory is passed.
    let result = unsafe { libc::sync_file_range(file.as_raw_fd(), offset, len, libc::SYNC_FILE_RANGE_WRITE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns how much a file takes on the disk.
pub fn allocated(metadata: &Metadata) -> u64 {
    metadata.blocks().saturating_mul(BLOCK)
}

/// Returns what tells a file with several names from others.
pub fn shared_identity(metadata: &Metadata) -> Option<(u64, u64)> {
    (metadata.nlink() > 1 && !metadata.is_dir()).then(|| (metadata.dev(), metadata.ino()))
}

/// Returns whether a mount has somebody who answers for it.
pub fn has_server(mount: &Path) -> bool {
    // A question that the server's death has overtaken is aborted; later ones find nobody.
    !matches!(rustix::fs::statfs(mount), Err(Errno::NOTCONN | Errno::CONNABORTED))
}
