//! How Linux shows a mounted image: Windows metadata as the extended attributes of ntfs-3g.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::compare::Shown;
use crate::cim::Guid;
use crate::mount::volumes;

/// The longest value that Linux returns.
const MAX_VALUE: usize = 65_536;

const STREAM_PREFIX: &str = "user.";

/// Returns the directory on which a volume appears.
pub(super) fn volume_root(volume: Guid) -> PathBuf {
    volumes::root().join(volume.to_string())
}

/// Returns where a library lies, from the path by which it was loaded.
pub(super) fn library_path(path: &Path) -> PathBuf {
    path.to_owned()
}

/// Returns whether this is Wine rather than Windows.
pub(super) fn is_wine() -> bool {
    false
}

/// Returns what is shown of a file.
pub(super) fn look(path: &Path) -> io::Result<Shown> {
    let metadata = path.symlink_metadata()?;
    let attributes = value(path, "system.ntfs_attrib")?;
    let times = value(path, "system.ntfs_times")?;
    // Creation, last write, last access, change.
    let time = |number: usize| {
        let bytes = times.get(number * 8..).and_then(<[u8]>::first_chunk).copied();
        bytes.map_or(0, u64::from_le_bytes)
    };
    Ok(Shown {
        attributes: attributes.first_chunk().copied().map_or(0, u32::from_le_bytes),
        times: [time(0), time(1), time(3), time(2)],
        size: if metadata.is_file() { metadata.size() } else { 0 },
        links: u32::try_from(metadata.nlink()).ok(),
        reparse_tag: None,
        reparse: Some(value(path, "system.ntfs_reparse_data")?),
        security: Some(value(path, "system.ntfs_acl")?),
        eas: Some(value(path, "system.ntfs_ea")?),
        streams: Some(streams(path)?),
    })
}

/// Reads an alternate stream.
pub(super) fn read_stream(path: &Path, stream: &str) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MAX_VALUE];
    let len = rustix::fs::lgetxattr(path, format!("{STREAM_PREFIX}{stream}"), &mut bytes)?;
    bytes.truncate(len);
    Ok(bytes)
}

/// Returns the value of an extended attribute; nothing where there is none.
fn value(path: &Path, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; MAX_VALUE];
    let len = match rustix::fs::lgetxattr(path, name, &mut bytes) {
        Err(Errno::NODATA) => 0,
        len => len?,
    };
    bytes.truncate(len);
    Ok(bytes)
}

fn streams(path: &Path) -> io::Result<BTreeSet<String>> {
    let mut list = vec![0; MAX_VALUE];
    let len = rustix::fs::llistxattr(path, &mut list)?;
    let names = list[..len].split(|&byte| byte == 0).map(String::from_utf8_lossy);
    Ok(names.filter_map(|name| name.strip_prefix(STREAM_PREFIX).map(str::to_owned)).collect())
}
