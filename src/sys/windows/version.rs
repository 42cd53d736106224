//! Which Windows this is.

use std::ptr;

use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_ROUTINE_FLAGS, RRF_RT_REG_DWORD, RRF_RT_REG_SZ, RegGetValueW,
};
use windows_sys::w;

use crate::sys::library::Library;

/// Returns the build and the revision of Windows. Only the registry has the revision.
pub fn windows_build() -> Option<(u32, u32)> {
    let mut digits = [0_u16; 16];
    let len = value(w!("CurrentBuildNumber"), RRF_RT_REG_SZ, &mut digits)?;
    let digits: Vec<u16> = digits.into_iter().take(len / 2).take_while(|&digit| digit != 0).collect();
    let number = String::from_utf16(&digits).ok()?.parse().ok()?;
    let mut revision = [0_u32];
    // The first release of a build may have none.
    let found = value(w!("UBR"), RRF_RT_REG_DWORD, &mut revision);
    Some((number, found.map_or(0, |_| revision[0])))
}

/// Returns whether this is Wine, whose ntdll.dll exports its version.
pub fn is_wine() -> bool {
    Library::of_system("ntdll.dll").is_ok_and(|ntdll| ntdll.symbol(c"wine_get_version").is_some())
}

/// Reads what the registry says of this Windows, and returns how many bytes that were.
fn value<T>(name: *const u16, kind: REG_ROUTINE_FLAGS, into: &mut [T]) -> Option<usize> {
    let key = w!("SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion");
    let mut len = u32::try_from(size_of_val(into)).ok()?;
    // SAFETY: `into` has room for `len` bytes, any of which make a value of the integers that it consists of; key and
    // name end in zero, and nothing is kept.
    let status = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key,
            name,
            kind,
            ptr::null_mut(),
            into.as_mut_ptr().cast(),
            &raw mut len,
        )
    };
    (status == ERROR_SUCCESS).then(|| usize::try_from(len).ok())?
}
