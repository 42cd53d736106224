//! Which functions there may be.

use std::ffi::{CString, c_void};
use std::io;
use std::ptr::NonNull;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Storage::Vhd::{CREATE_VIRTUAL_DISK_PARAMETERS, VIRTUAL_STORAGE_TYPE};

use super::Library;

type Str = *const u16;

/// DriverInfo: which of two ways to keep layers is meant, and where.
#[derive(Debug)]
#[repr(C)]
pub(super) struct DriverInfo {
    pub(super) flavour: u32,
    pub(super) home: Str,
}

const _: () = assert!(size_of::<DriverInfo>() == 16); // 4 + 4 of padding + 8

/// Makes a function pointer of an address.
///
/// # Safety
///
/// `F` is the type of the function that lies there.
unsafe fn function<F: Copy>(address: NonNull<c_void>) -> F {
    const { assert!(size_of::<F>() == size_of::<NonNull<c_void>>()) };
    // SAFETY: the sizes are the same, and the caller promises the rest.
    unsafe { std::mem::transmute_copy(&address) }
}

macro_rules! exports {
    ($($library:literal: $($name:ident($($argument:ty),* $(,)?);)*)*) => {
        /// The functions that were found. All of them answer with a code.
        #[expect(non_snake_case, reason = "named as the libraries name them")]
        #[derive(Clone, Debug)]
        pub(super) struct Exports {
            $($(pub(super) $name: Option<unsafe extern "system" fn($($argument),*) -> i32>,)*)*
        }

        impl Exports {
            /// Looks for each of them, in the libraries that can be loaded.
            pub(super) fn probe(load: impl Fn(&str) -> io::Result<Library>) -> Self {
                let find = |library: &str, name: &str| {
                    let name = CString::new(name).ok()?;
                    load(library).ok()?.symbol(&name)
                };
                Self {
                    $($(
                        // SAFETY: Microsoft describes the function of this name so.
                        $name: find($library, stringify!($name)).map(|address| unsafe { function(address) }),
                    )*)*
                }
            }
        }
    };
}

exports! {
    "virtdisk.dll":
        CreateVirtualDisk(
            *const VIRTUAL_STORAGE_TYPE, Str, i32, *const c_void, i32, u32, *const CREATE_VIRTUAL_DISK_PARAMETERS,
            *const c_void, *mut HANDLE
        );
    "computestorage.dll":
        HcsFormatWritableLayerVhd(HANDLE);
        HcsDetachOverlayFilter(Str, Str);
    "computecore.dll":
        HcsGrantVmGroupAccess(Str);
    "vmcompute.dll":
        ExpandSandboxSize(*const DriverInfo, Str, u64);
        GetLayerMountPath(*const DriverInfo, Str, *mut usize, *mut u16);
        DeactivateLayer(*const DriverInfo, Str);
}
