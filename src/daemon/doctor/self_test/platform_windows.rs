//! How Windows shows a mounted image.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::compare::Shown;
use crate::cim::Guid;
use crate::sys::{self, FileDetails};

/// Returns the root directory of a volume.
pub(super) fn volume_root(volume: Guid) -> PathBuf {
    PathBuf::from(format!(r"\\?\Volume{{{volume}}}\"))
}

/// Returns where a library lies, from the path by which it was loaded.
pub(super) fn library_path(path: &Path) -> PathBuf {
    if path.parent().is_some_and(|parent| !parent.as_os_str().is_empty()) {
        return path.to_owned();
    }
    let system = env::var_os("SystemRoot").map_or_else(|| r"C:\Windows".into(), PathBuf::from);
    system.join("System32").join(path)
}

/// Returns whether this is Wine rather than Windows.
pub(super) fn is_wine() -> bool {
    sys::is_wine()
}

/// Returns what is shown of a file.
pub(super) fn look(path: &Path) -> io::Result<Shown> {
    let details = FileDetails::read(path)?;
    Ok(Shown {
        attributes: details.attributes,
        times: details.times,
        size: details.size,
        links: Some(details.links),
        reparse_tag: None,
        reparse: Some(details.reparse),
        security: Some(details.security),
        eas: Some(details.eas),
        streams: Some(details.streams.into_iter().collect()),
    })
}

/// Reads an alternate stream.
pub(super) fn read_stream(path: &Path, stream: &str) -> io::Result<Vec<u8>> {
    let mut name = OsString::from(path);
    name.push(":");
    name.push(stream);
    fs::read(name)
}
