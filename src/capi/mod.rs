//! cimfs.h as a C interface: the portable engine for any program that is written against the library of Windows.
//!
//! ```text
//!   image.rs  stream.rs  mount.rs  read.rs     the exported functions, and what they do in safe Rust
//!   unsupported.rs                             exported functions that only return NOT_SUPPORTED
//!        │         │         │        │
//!   pointers.rs  layout.rs                     pointers and structures of C become values of Rust
//!   strings.rs                                 what the strings mean
//!   volumes.rs                                 mounts, where an image becomes a directory
//!   session.rs  handles.rs                     an image under construction, and the numbers that stand for it
//!   hresult.rs                                 errors become results
//! ```
//!
//! `docs/capi.md` says what each function does and answers. No function panics into its caller, and none follows a
//! handle that this library did not give out.

mod handles;
mod hresult;
mod image;
mod layout;
mod mount;
mod pointers;
mod read;
mod session;
mod stream;
mod strings;
mod unsupported;
#[cfg(target_os = "linux")]
mod volumes;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use image::{
    CimCloseImage, CimCommitImage, CimCreateHardLink, CimCreateImage, CimCreateImage2, CimDeletePath,
    CimLookupFile,
};
pub use layout::{FileMetadata, ImageHandle, ImagePath, StatBasicInformation, StreamHandle, VolumeId};
pub use mount::{CimDismountImage, CimMountImage};
pub use read::{CimGetFileStatBasicInformation, CimGetFileStatBasicInformation2, CimReadFile, CimReadFile2};
pub use stream::{CimCloseStream, CimCreateAlternateStream, CimCreateFile, CimWriteStream};
pub use unsupported::{
    CimAddFsToMergedImage, CimAddFsToMergedImage2, CimConvertBlockImage, CimCreateMergeLink,
    CimCreateMergedFile, CimGetVerificationInformation, CimMergeMountImage, CimMergeMountVerifiedImage,
    CimMountVerifiedImage, CimSealImage, CimTombstoneFile,
};

use hresult::Hresult;

/// Runs a call and turns what comes of it into a number; a panic must not reach the caller.
fn answer(call: impl FnOnce() -> Result<(), Hresult>) -> i32 {
    // What a panic may leave half changed is behind locks, which are poisoned then.
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Hresult::UNEXPECTED));
    result.err().unwrap_or(Hresult::OK).raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_result() {
        assert_eq!(answer(|| panic!("on purpose")).cast_unsigned(), 0x8000_FFFF);
        assert_eq!(answer(|| Ok(())), 0);
        assert_eq!(answer(|| Err(Hresult::FAIL)).cast_unsigned(), 0x8000_4005);
    }
}
