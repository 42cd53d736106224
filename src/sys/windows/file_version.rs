//! Version resources.

use std::path::Path;
use std::ptr;

use windows_sys::Win32::Storage::FileSystem::{
    GetFileVersionInfoSizeW, GetFileVersionInfoW, VS_FIXEDFILEINFO, VerQueryValueW,
};
use windows_sys::w;

use super::wide::{ended, path_units};

/// Returns the version that a file states in its resources.
pub fn file_version(path: &Path) -> Option<String> {
    let path = ended(path_units(path)?.into_iter());
    // SAFETY: the path ends with a zero, and the second argument may be left out.
    let len = unsafe { GetFileVersionInfoSizeW(path.as_ptr(), ptr::null_mut()) };
    // Of a type that is aligned as the structure in it is.
    let mut resource = vec![0_u64; usize::try_from(len).ok()?.div_ceil(size_of::<u64>())];
    // SAFETY: the path ends with a zero, and `resource` has room for `len` bytes.
    let read = unsafe { GetFileVersionInfoW(path.as_ptr(), 0, len, resource.as_mut_ptr().cast()) };
    let (mut fixed, mut fixed_len) = (ptr::null_mut(), 0);
    if len == 0 || read == 0 {
        return None;
    }
    // SAFETY: `resource` was filled, the name ends with a zero, and both results have their places.
    let found =
        unsafe { VerQueryValueW(resource.as_ptr().cast(), w!("\\"), &raw mut fixed, &raw mut fixed_len) };
    if found == 0 || usize::try_from(fixed_len).ok()? < size_of::<VS_FIXEDFILEINFO>() {
        return None;
    }
    // SAFETY: so many bytes lie there, within `resource`; any of them make a valid structure of integers.
    let fixed = unsafe { fixed.cast::<VS_FIXEDFILEINFO>().read_unaligned() };
    let (high, low) = (fixed.dwFileVersionMS, fixed.dwFileVersionLS);
    Some(format!("{}.{}.{}.{}", high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF))
}
