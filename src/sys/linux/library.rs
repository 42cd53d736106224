//! Libraries that are loaded while the program runs.

use std::ffi::{CStr, CString, OsString, c_void};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::ptr::NonNull;

/// Loads a library of the system: this one has none that anybody asks for.
pub(in crate::sys) fn load_system_library(name: &str) -> io::Result<NonNull<c_void>> {
    Err(io::Error::new(io::ErrorKind::NotFound, format!("this system has no {name}")))
}

/// Loads a library from an absolute path.
pub(in crate::sys) fn load_library(path: &Path) -> io::Result<NonNull<c_void>> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the name ends with a zero. The library's own initialisation is trusted, as that of every library is.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    NonNull::new(handle).ok_or_else(last_error)
}

/// Finds what a library exports.
pub(in crate::sys) fn find_symbol(library: NonNull<c_void>, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the handle came from dlopen and was never closed; the name ends with a zero.
    NonNull::new(unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) })
}

fn last_error() -> io::Error {
    // SAFETY: the text belongs to this thread until its next call of the loader, and is copied before.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return io::Error::other("the loader does not say why");
    }
    // SAFETY: not null, so it is a string that ends with a zero.
    let text = unsafe { CStr::from_ptr(text) };
    io::Error::other(OsString::from_vec(text.to_bytes().to_vec()).to_string_lossy().into_owned())
}
