//! Mounted images.

#![expect(unsafe_code, reason = "functions that C calls; the pointers go to `pointers` at once")]

use bitflags::bitflags;
use zerocopy::little_endian::U16;

use super::answer;
use super::hresult::Hresult;
use super::layout::VolumeId;
use super::pointers::{read, string};
use super::strings;
#[cfg(target_os = "linux")]
use super::volumes;
use crate::cim::Guid;

bitflags! {
    /// CIM_MOUNT_IMAGE_FLAGS. An unknown bit is an invalid argument; a known one that is not kept is not supported.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct MountFlags: u32 {
        /// Only what the image itself added.
        const CHILD_ONLY = 0x1;
        /// A hint: map data without a copy where the device can.
        const ENABLE_DAX = 0x2;
        /// A hint: keep data of files in the cache.
        const CACHE_FILES = 0x4;
        /// A hint: keep data of regions in the cache.
        const CACHE_REGIONS = 0x8;
        /// The image lies on a block device.
        const BLOCK_DEVICE = 0x10;
        /// The image lies in a single file.
        const SINGLE_FILE = 0x20;
        /// The image carries digests that are to be checked.
        const VERIFIED = 0x80;
    }
}

impl MountFlags {
    /// What makes no difference to what a volume shows.
    const HINTS: Self = Self::ENABLE_DAX.union(Self::CACHE_FILES).union(Self::CACHE_REGIONS);
}

/// Mounts an image as the volume `volume`.
///
/// # Safety
///
/// Strings end with a zero; `volume` leads to a GUID.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimMountImage(
    directory: *const u16,
    image: *const u16,
    flags: u32,
    volume: *const VolumeId,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the strings end and that the GUID can be read.
        let (directory, image, volume) = unsafe { (string(directory)?, string(image)?, read(volume)?) };
        mount(&directory, &image, flags, volume.into())
    })
}

/// Takes the volume `volume` away.
///
/// # Safety
///
/// `volume` leads to a GUID.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimDismountImage(volume: *const VolumeId) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the GUID can be read.
        let volume = unsafe { read(volume) }?;
        volumes::dismount(volume.into())
    })
}

fn mount(directory: &[U16], image: &[U16], flags: u32, volume: Guid) -> Result<(), Hresult> {
    let flags = MountFlags::from_bits(flags).ok_or(Hresult::INVALID_ARGUMENT)?;
    let directory = strings::system_path(directory)?;
    let image = strings::image_name(image)?;
    if !MountFlags::HINTS.contains(flags) {
        return Err(Hresult::NOT_SUPPORTED);
    }
    volumes::mount(&directory, &image, volume)
}

/// Where only the library of the system itself can mount.
#[cfg(not(target_os = "linux"))]
mod volumes {
    use std::path::Path;

    use super::{Guid, Hresult};
    use crate::cim::ImageName;

    pub(super) fn mount(_directory: &Path, _image: &ImageName, _volume: Guid) -> Result<(), Hresult> {
        Err(Hresult::NOT_SUPPORTED)
    }

    pub(super) fn dismount(_volume: Guid) -> Result<(), Hresult> {
        Err(Hresult::NOT_SUPPORTED)
    }
}
