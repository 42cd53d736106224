//! Libraries that are loaded while the program runs.

use std::ffi::{CStr, c_void};
use std::io;
use std::path::Path;
use std::ptr::NonNull;

use super::wide::{ended, path_units};

/// Looks for a library, and for those that it needs, in the directory of the system alone.
const SEARCH_SYSTEM32: u32 = 0x800;
/// Looks for those that it needs beside it, too.
const SEARCH_BESIDE: u32 = 0x100;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn LoadLibraryExW(name: *const u16, file: *mut c_void, flags: u32) -> *mut c_void;
    fn GetProcAddress(library: *mut c_void, name: *const u8) -> *mut c_void;
}

/// Loads a library of the system.
pub(in crate::sys) fn load_system_library(name: &str) -> io::Result<NonNull<c_void>> {
    load(ended(name.encode_utf16()), SEARCH_SYSTEM32)
}

/// Loads a library from an absolute path.
pub(in crate::sys) fn load_library(path: &Path) -> io::Result<NonNull<c_void>> {
    load(ended(path_units(path).unwrap_or_default().into_iter()), SEARCH_SYSTEM32 | SEARCH_BESIDE)
}

/// Finds what a library exports.
pub(in crate::sys) fn find_symbol(library: NonNull<c_void>, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: the handle came from the loader and was never freed; the name ends with a zero.
    NonNull::new(unsafe { GetProcAddress(library.as_ptr(), name.as_ptr().cast()) })
}

fn load(name: Vec<u16>, flags: u32) -> io::Result<NonNull<c_void>> {
    // SAFETY: the name ends with a zero. The library's own initialisation is trusted, as that of every library is.
    let handle = unsafe { LoadLibraryExW(name.as_ptr(), std::ptr::null_mut(), flags) };
    NonNull::new(handle).ok_or_else(io::Error::last_os_error)
}
