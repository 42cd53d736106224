//! Functions that `cimfs.dll` exports and this library cannot perform: merged, sealed, verified and block images.
//!
//! They exist so that programs linked against `cimfs.dll` load. Each returns NOT_SUPPORTED, reads none of its arguments and
//! writes to none of its results.

#![expect(unsafe_code, reason = "exported under the names that C uses; no pointer is followed")]

use std::ffi::c_void;

use super::hresult::Hresult;
use super::layout::{ImageHandle, ImagePath, VolumeId};

macro_rules! unsupported {
    ($($(#[$doc:meta])* $name:ident($($argument:ty),* $(,)?);)*) => {
        $(
            $(#[$doc])*
            #[unsafe(no_mangle)]
            pub extern "system" fn $name($(_: $argument),*) -> i32 {
                Hresult::NOT_SUPPORTED.raw()
            }
        )*
    };
}

type Str = *const u16;

unsupported! {
    /// Adds an image to a merged one: NOT_SUPPORTED.
    CimAddFsToMergedImage(ImageHandle, Str);
    /// Adds an image of a given kind to a merged one: NOT_SUPPORTED.
    CimAddFsToMergedImage2(ImageHandle, Str, u32);
    /// Adds a file of another image to a merged one: NOT_SUPPORTED.
    CimCreateMergedFile(ImageHandle, Str, *mut c_void, *mut c_void, u16);
    /// Creates a hard link that is resolved when images are merged: NOT_SUPPORTED.
    CimCreateMergeLink(ImageHandle, Str, Str);
    /// Hides a name of the images below when images are merged: NOT_SUPPORTED.
    CimTombstoneFile(ImageHandle, Str);
    /// Mounts a merged image: NOT_SUPPORTED.
    CimMergeMountImage(u32, *const ImagePath, u32, *const VolumeId);
    /// Seals a verified image: NOT_SUPPORTED.
    CimSealImage(Str, *mut u64, *mut u64, *mut c_void);
    /// Reads the root hash of a verified image: NOT_SUPPORTED.
    CimGetVerificationInformation(Str, *mut u32, *mut u64, *mut u64, *mut u64, *mut c_void, *mut c_void);
    /// Mounts a verified image: NOT_SUPPORTED.
    CimMountVerifiedImage(Str, Str, u32, *const VolumeId, u16, *const c_void);
    /// Mounts a merged image that is verified: NOT_SUPPORTED.
    CimMergeMountVerifiedImage(u32, *const ImagePath, u32, *const VolumeId, u16, *const c_void);
    /// Copies an image from a block device to files: NOT_SUPPORTED.
    CimConvertBlockImage(Str, Str, Str);
}
