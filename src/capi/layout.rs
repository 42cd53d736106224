//! The structures of cimfs.h, as C lays them out.

use std::ffi::c_void;

use crate::cim::Guid;
pub use crate::sys::cimfs::{FileMetadata, ImagePath, StatBasicInformation, VolumeId};

/// An image under construction: a number that only this library can look up. Never an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct ImageHandle(pub(super) *mut c_void);

/// An open stream: a number that only this library can look up. Never an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct StreamHandle(pub(super) *mut c_void);

impl From<VolumeId> for Guid {
    fn from(id: VolumeId) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&id.data1.to_le_bytes());
        bytes[4..6].copy_from_slice(&id.data2.to_le_bytes());
        bytes[6..8].copy_from_slice(&id.data3.to_le_bytes());
        bytes[8..].copy_from_slice(&id.data4);
        Self::from_windows_bytes(bytes)
    }
}
