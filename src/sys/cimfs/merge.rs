//! Images that lie in one file or on a device: merged from several, and sealed.

use std::ptr;

use bitflags::bitflags;

use super::volume::RootHash;
use super::{Cimfs, CimfsError, Image, WideString, call};

bitflags! {
    /// What kind of image is added to a merged one.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MergeFlags: u32 {
        /// It fills one file.
        const SINGLE_FILE = 0x1;
        /// It fills a block device.
        const BLOCK_DEVICE = 0x2;
        /// It carries digests of its blocks.
        const VERIFIED = 0x4;
    }
}

/// What a verified image says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verification {
    /// Whether nothing can be added any more.
    pub sealed: bool,
    /// The digest that stands for all of it.
    pub root: RootHash,
}

impl Image {
    /// Adds an image to a merged one: the uppermost first, the lowest last.
    pub fn add(&mut self, image: &WideString, flags: MergeFlags) -> Result<(), CimfsError> {
        let (handle, path) = (self.handle(), image.as_ptr());
        // SAFETY: the image is open and the string ends with a zero.
        unsafe {
            match flags.is_empty() {
                true => call!(self.library(), CimAddFsToMergedImage(handle, path)),
                false => call!(self.library(), CimAddFsToMergedImage2(handle, path, flags.bits())),
            }
        }
    }
}

impl Cimfs {
    /// Seals a verified image, and returns the digest that stands for all of it.
    pub fn seal(&self, image: &WideString) -> Result<RootHash, CimfsError> {
        let (mut len, mut header, mut hash) = (0, 0, RootHash::default());
        let place = hash.as_mut_ptr();
        // SAFETY: the string ends with a zero; all three results have their places, and the digest is of this length.
        unsafe { call!(self, CimSealImage(image.as_ptr(), &raw mut len, &raw mut header, place)) }?;
        whole("CimSealImage", len, hash)
    }

    /// Asks a verified image for its digest.
    pub fn verification(&self, image: &WideString) -> Result<Verification, CimfsError> {
        let (mut sealed, mut len, mut signature, mut header) = (0, 0, 0, 0);
        let mut hash = RootHash::default();
        let (path, place) = (image.as_ptr(), hash.as_mut_ptr());
        let (sealed_at, len_at, signature_at) = (&raw mut sealed, &raw mut len, &raw mut signature);
        let (header_at, nowhere) = (&raw mut header, ptr::null_mut());
        // SAFETY: the string ends with a zero; every result has its place but the signature, which may be left out.
        unsafe {
            call!(
                self,
                CimGetVerificationInformation(
                    path,
                    sealed_at,
                    len_at,
                    signature_at,
                    header_at,
                    place,
                    nowhere
                )
            )?;
        }
        let root = whole("CimGetVerificationInformation", len, hash)?;
        Ok(Verification { sealed: sealed != 0, root })
    }
}

/// Takes a digest only if it is as long as those that images have.
fn whole(function: &'static str, len: u64, hash: RootHash) -> Result<RootHash, CimfsError> {
    match usize::try_from(len) {
        Ok(len) if len == hash.len() => Ok(hash),
        _ => Err(CimfsError::HashLength { function, len }),
    }
}
