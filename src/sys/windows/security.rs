//! Who may use what we make.

use std::io;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};
use windows_sys::w;

/// A security descriptor that admits SYSTEM and Administrators, to all that is made below as well, and nobody else.
#[derive(Debug)]
pub(super) struct Private {
    descriptor: PSECURITY_DESCRIPTOR,
}

impl Private {
    pub(super) fn new() -> io::Result<Self> {
        let text = w!("D:P(A;OICI;GA;;;SY)(A;OICI;GA;;;BA)");
        let mut descriptor = null_mut();
        // SAFETY: the text ends with a zero, the descriptor is ours to free, and its size is not asked for.
        let done = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text,
                SDDL_REVISION_1,
                &mut descriptor,
                null_mut(),
            )
        };
        if done != 0 { Ok(Self { descriptor }) } else { Err(io::Error::last_os_error()) }
    }

    /// Returns attributes that hold as long as this lives.
    pub(super) fn attributes(&self) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or(0),
            lpSecurityDescriptor: self.descriptor,
            bInheritHandle: 0,
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // SAFETY: the descriptor was allocated for us, and nobody uses it any more.
        unsafe { LocalFree(self.descriptor) };
    }
}
