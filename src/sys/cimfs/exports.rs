//! What a library that speaks cimfs.h may export. Builds of Windows differ in how much of it they have.

use std::ffi::c_void;
use std::ptr::NonNull;

use super::layout::{FileMetadata, ImagePath, StatBasicInformation, VolumeId};
use crate::sys::library::Library;

/// An image under construction, as the library knows it.
pub(super) type ImageHandle = *mut c_void;
/// An open stream, as the library knows it.
pub(super) type StreamHandle = *mut c_void;

type Hr = i32;
type Str = *const u16;

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
    ($($name:ident($($argument:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        /// The functions that were found.
        #[expect(non_snake_case, reason = "named as the library names them")]
        #[derive(Clone, Copy, Debug)]
        pub(super) struct Exports {
            $(pub(super) $name: Option<unsafe extern "system" fn($($argument),*) $(-> $result)?>,)*
        }

        impl Exports {
            /// Looks for each of them.
            pub(super) fn probe(library: Library) -> Self {
                let find = |name: &str| {
                    let name = std::ffi::CString::new(name).ok()?;
                    library.symbol(&name)
                };
                Self {
                    $(
                        // SAFETY: cimfs.h declares the function of this name so.
                        $name: find(stringify!($name)).map(|address| unsafe { function(address) }),
                    )*
                }
            }

            /// Names all of them, and whether each was found.
            pub(super) fn all(&self) -> Vec<(&'static str, bool)> {
                vec![$((stringify!($name), self.$name.is_some())),*]
            }
        }
    };
}

exports! {
    CimCreateImage(Str, Str, Str, *mut ImageHandle) -> Hr;
    CimCreateImage2(Str, u32, Str, Str, *mut ImageHandle) -> Hr;
    CimCommitImage(ImageHandle) -> Hr;
    CimCloseImage(ImageHandle);
    CimCreateFile(ImageHandle, Str, *const FileMetadata, *mut StreamHandle) -> Hr;
    CimCreateAlternateStream(ImageHandle, Str, u64, *mut StreamHandle) -> Hr;
    CimWriteStream(StreamHandle, *const c_void, u32) -> Hr;
    CimCloseStream(StreamHandle);
    CimCreateHardLink(ImageHandle, Str, Str) -> Hr;
    CimDeletePath(ImageHandle, Str) -> Hr;
    CimLookupFile(ImageHandle, Str, *mut u8) -> Hr;
    CimCreateMergedFile(ImageHandle, Str, *mut c_void, *mut c_void, u16) -> Hr;
    CimCreateMergeLink(ImageHandle, Str, Str) -> Hr;
    CimTombstoneFile(ImageHandle, Str) -> Hr;
    CimAddFsToMergedImage(ImageHandle, Str) -> Hr;
    CimAddFsToMergedImage2(ImageHandle, Str, u32) -> Hr;
    CimSealImage(Str, *mut u64, *mut u64, *mut u8) -> Hr;
    CimGetVerificationInformation(Str, *mut u32, *mut u64, *mut u64, *mut u64, *mut u8, *mut u8) -> Hr;
    CimMountImage(Str, Str, u32, *const VolumeId) -> Hr;
    CimMergeMountImage(u32, *const ImagePath, u32, *const VolumeId) -> Hr;
    CimMountVerifiedImage(Str, Str, u32, *const VolumeId, u16, *const u8) -> Hr;
    CimMergeMountVerifiedImage(u32, *const ImagePath, u32, *const VolumeId, u16, *const u8) -> Hr;
    CimDismountImage(*const VolumeId) -> Hr;
    CimReadFile(Str, Str, u64, *mut c_void, u64, *mut u64, *mut u64) -> Hr;
    CimReadFile2(Str, Str, u64, *mut c_void, u64, *mut u64, *mut u64, u32) -> Hr;
    CimGetFileStatBasicInformation(Str, Str, *mut StatBasicInformation) -> Hr;
    CimGetFileStatBasicInformation2(Str, Str, *mut StatBasicInformation, u32) -> Hr;
    CimConvertBlockImage(Str, Str, Str) -> Hr;
}
