//! Directories, and whose they are.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf, Prefix};

use windows_sys::Win32::Storage::FileSystem::CreateDirectoryW;

use super::security::Private;

/// Makes a directory that only SYSTEM and Administrators may enter, and those above it, unless they are there.
pub fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        std::fs::create_dir_all(above)?;
    }
    let private = Private::new()?;
    let wide = wide(path.as_os_str());
    // SAFETY: the name ends with a zero, and the attributes live as long as the call.
    let made = unsafe { CreateDirectoryW(wide.as_ptr(), &private.attributes()) };
    if made != 0 || path.is_dir() { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Returns where a path leads, without links on the way, in the form that all programs understand.
pub fn resolve(path: &Path) -> io::Result<PathBuf> {
    let resolved = path.canonicalize()?;
    let mut components = resolved.components();
    match components.next() {
        Some(Component::Prefix(prefix)) => match prefix.kind() {
            Prefix::VerbatimDisk(letter) => {
                let disk = PathBuf::from(format!("{}:", char::from(letter)));
                Ok(disk.join(components.as_path()))
            }
            _ => Ok(resolved),
        },
        _ => Ok(resolved),
    }
}

/// There are no such owners here.
pub fn set_owner(_path: &Path, _mode: u32, _uid: u32, _gid: u32) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}
