//! Mounted images.

use bitflags::bitflags;

use super::layout::{ImagePath, VolumeId};
use super::{Cimfs, CimfsError, WideString, call};

bitflags! {
    /// CIM_MOUNT_IMAGE_FLAGS: how an image is mounted.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MountFlags: u32 {
        /// Only what the image itself added.
        const CHILD_ONLY = 0x1;
        /// Data is mapped without a copy where the device can.
        const ENABLE_DAX = 0x2;
        /// Data of files is kept in the cache.
        const CACHE_FILES = 0x4;
        /// Data of regions is kept in the cache.
        const CACHE_REGIONS = 0x8;
        /// The image fills a block device.
        const BLOCK_DEVICE = 0x10;
        /// The image fills one file.
        const SINGLE_FILE = 0x20;
        /// The image carries digests that are checked.
        const VERIFIED = 0x80;
    }
}

/// The digest that stands for all of a verified image.
pub type RootHash = [u8; 32];

const HASH_LEN: u16 = 32;
const _: () = assert!(size_of::<RootHash>() == 32);

/// A directory, file or device, and the name of an image in it.
pub type Location<'a> = (&'a WideString, &'a WideString);

impl Cimfs {
    /// Mounts an image as a volume.
    pub fn mount(
        &self,
        (directory, image): Location<'_>,
        flags: MountFlags,
        volume: VolumeId,
    ) -> Result<(), CimfsError> {
        let (directory, image) = (directory.as_ptr(), image.as_ptr());
        // SAFETY: the strings end with a zero, and the GUID can be read.
        unsafe { call!(self, CimMountImage(directory, image, flags.bits(), &raw const volume)) }
    }

    /// Mounts an image whose blocks are compared with its digests, up to the one that stands for all of it.
    pub fn mount_verified(
        &self,
        (directory, image): Location<'_>,
        flags: MountFlags,
        volume: VolumeId,
        root: &RootHash,
    ) -> Result<(), CimfsError> {
        let (directory, image, flags) = (directory.as_ptr(), image.as_ptr(), flags.bits());
        let (volume, len, root) = (&raw const volume, HASH_LEN, root.as_ptr());
        // SAFETY: the strings end with a zero, the GUID can be read, and so can as many bytes as a digest has.
        unsafe { call!(self, CimMountVerifiedImage(directory, image, flags, volume, len, root)) }
    }

    /// Mounts a merged image, which stands first, with those that it was made of, in the order in which they were added.
    pub fn mount_merged(
        &self,
        images: &[Location<'_>],
        flags: MountFlags,
        volume: VolumeId,
    ) -> Result<(), CimfsError> {
        let images = paths(images);
        let (count, first, flags) = (count(&images)?, images.as_ptr(), flags.bits());
        // SAFETY: as many paths can be read as are counted, each of two strings that end with a zero.
        unsafe { call!(self, CimMergeMountImage(count, first, flags, &raw const volume)) }
    }

    /// Does the same with an image that carries digests.
    pub fn mount_merged_verified(
        &self,
        images: &[Location<'_>],
        flags: MountFlags,
        volume: VolumeId,
        root: &RootHash,
    ) -> Result<(), CimfsError> {
        let images = paths(images);
        let (count, first, flags) = (count(&images)?, images.as_ptr(), flags.bits());
        let (volume, len, root) = (&raw const volume, HASH_LEN, root.as_ptr());
        // SAFETY: as above, and as many bytes can be read as a digest has.
        unsafe { call!(self, CimMergeMountVerifiedImage(count, first, flags, volume, len, root)) }
    }

    /// Takes a volume away.
    pub fn dismount(&self, volume: VolumeId) -> Result<(), CimfsError> {
        // SAFETY: the GUID can be read.
        unsafe { call!(self, CimDismountImage(&raw const volume)) }
    }
}

fn paths(images: &[Location<'_>]) -> Vec<ImagePath> {
    let path =
        |(directory, name): &Location<'_>| ImagePath { directory: directory.as_ptr(), name: name.as_ptr() };
    images.iter().map(path).collect()
}

fn count(images: &[ImagePath]) -> Result<u32, CimfsError> {
    u32::try_from(images.len()).map_err(|_| CimfsError::TooLong(images.len()))
}
