//! Images under construction.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

use bitflags::bitflags;

use super::exports::{ImageHandle, StreamHandle};
use super::layout::FileMetadata;
use super::wide::optional;
use super::{Cimfs, CimfsError, WideString, call};

bitflags! {
    /// CIM_CREATE_IMAGE_FLAGS: how an image is written.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct CreateFlags: u32 {
        /// PE images are stored as they are.
        const DO_NOT_EXPAND_PE_IMAGES = 0x1;
        /// Data is cut in chunks of one size.
        const FIXED_SIZE_CHUNKS = 0x2;
        /// The image fills a block device.
        const BLOCK_DEVICE = 0x4;
        /// The image fills one file.
        const SINGLE_FILE = 0x8;
        /// The same files give the same bytes.
        const CONSISTENT = 0x10;
        /// The image carries digests of its blocks.
        const VERIFIED = 0x40;
    }
}

/// Everything about a file but its name and data.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metadata<'a> {
    /// FILE_ATTRIBUTE_…; the directory bit says what is made.
    pub attributes: u32,
    /// Size of the data.
    pub size: i64,
    /// Creation, last write, change, last access: 100 ns from 1601 on.
    pub times: [i64; 4],
    /// A security descriptor, self-relative.
    pub security: &'a [u8],
    /// A whole REPARSE_DATA_BUFFER.
    pub reparse: &'a [u8],
    /// A list of FILE_FULL_EA_INFORMATION.
    pub eas: &'a [u8],
}

/// An image under construction. One that is dropped without a commit leaves nothing behind.
#[derive(Debug)]
pub struct Image {
    library: Cimfs,
    handle: ImageHandle,
}

// SAFETY: the library takes a handle from any thread, as long as calls come one by one, which `&mut` sees to.
unsafe impl Send for Image {}

impl Cimfs {
    /// Begins an image: from scratch where only `new` is given, in place of `existing` where only that is, and as a fork
    /// where both are.
    pub fn create_image(
        &self,
        directory: &WideString,
        flags: CreateFlags,
        existing: Option<&WideString>,
        new: Option<&WideString>,
    ) -> Result<Image, CimfsError> {
        // What is begun must be possible to end.
        self.function("CimCloseImage", self.exports.CimCloseImage)?;
        self.function("CimCloseStream", self.exports.CimCloseStream)?;
        let (existing, new) = (optional(existing), optional(new));
        let mut handle = ptr::null_mut();
        // SAFETY: the strings end with a zero and outlive the call, and so does the handle's place.
        unsafe {
            if flags.is_empty() {
                call!(self, CimCreateImage(directory.as_ptr(), existing, new, &raw mut handle))?;
            } else {
                let (directory, flags) = (directory.as_ptr(), flags.bits());
                call!(self, CimCreateImage2(directory, flags, existing, new, &raw mut handle))?;
            }
        }
        Ok(Image { library: self.clone(), handle })
    }
}

impl Image {
    /// Makes a file or directory in place of whatever has the path, and opens its data.
    pub fn create_file(
        &mut self,
        path: &WideString,
        metadata: &Metadata<'_>,
    ) -> Result<Stream<'_>, CimfsError> {
        let raw = metadata.to_raw()?;
        let mut stream = ptr::null_mut();
        // SAFETY: the image is open, the string ends with a zero, and the buffers live as long as `metadata`.
        unsafe {
            call!(self.library, CimCreateFile(self.handle, path.as_ptr(), &raw const raw, &raw mut stream))?;
        }
        Ok(Stream::new(self, stream))
    }

    /// Makes an alternate stream of `size` bytes: `file:stream`.
    pub fn create_stream(&mut self, path: &WideString, size: u64) -> Result<Stream<'_>, CimfsError> {
        let (path, mut stream) = (path.as_ptr(), ptr::null_mut());
        // SAFETY: the image is open and the string ends with a zero.
        unsafe {
            call!(self.library, CimCreateAlternateStream(self.handle, path, size, &raw mut stream))?;
        }
        Ok(Stream::new(self, stream))
    }

    /// Gives a file another name.
    pub fn link(&mut self, new: &WideString, existing: &WideString) -> Result<(), CimfsError> {
        // SAFETY: the image is open and the strings end with a zero.
        unsafe { call!(self.library, CimCreateHardLink(self.handle, new.as_ptr(), existing.as_ptr())) }
    }

    /// Deletes a name, with all below it.
    pub fn delete(&mut self, path: &WideString) -> Result<(), CimfsError> {
        // SAFETY: the image is open and the string ends with a zero.
        unsafe { call!(self.library, CimDeletePath(self.handle, path.as_ptr())) }
    }

    /// Returns whether the image, as it would be committed now, has a path.
    pub fn has(&mut self, path: &WideString) -> Result<bool, CimfsError> {
        let mut found = 0;
        // SAFETY: the image is open, the string ends with a zero, and the answer has a place.
        unsafe { call!(self.library, CimLookupFile(self.handle, path.as_ptr(), &raw mut found)) }?;
        Ok(found != 0)
    }

    /// Gives a file another name that is looked up only when images are merged.
    pub fn merge_link(&mut self, new: &WideString, existing: &WideString) -> Result<(), CimfsError> {
        // SAFETY: the image is open and the strings end with a zero.
        unsafe { call!(self.library, CimCreateMergeLink(self.handle, new.as_ptr(), existing.as_ptr())) }
    }

    /// Hides a name of images below when images are merged.
    pub fn tombstone(&mut self, path: &WideString) -> Result<(), CimfsError> {
        // SAFETY: the image is open and the string ends with a zero.
        unsafe { call!(self.library, CimTombstoneFile(self.handle, path.as_ptr())) }
    }

    /// Makes the image last, whole or not at all.
    pub fn commit(self) -> Result<(), CimfsError> {
        // SAFETY: the image is open, and no stream of it is: each borrows it.
        unsafe { call!(self.library, CimCommitImage(self.handle)) }
    }

    pub(super) fn library(&self) -> &Cimfs {
        &self.library
    }

    pub(super) fn handle(&mut self) -> ImageHandle {
        self.handle
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if let Some(close) = self.library.exports.CimCloseImage {
            // SAFETY: the image is open, and from here on nobody has its handle.
            unsafe { close(self.handle) }
        }
    }
}

impl Metadata<'_> {
    fn to_raw(self) -> Result<FileMetadata, CimfsError> {
        let [creation_time, last_write_time, change_time, last_access_time] = self.times;
        Ok(FileMetadata {
            attributes: self.attributes,
            file_size: self.size,
            creation_time,
            last_write_time,
            change_time,
            last_access_time,
            security_descriptor: start(self.security),
            security_descriptor_size: len(self.security)?,
            reparse_data: start(self.reparse),
            reparse_data_size: len(self.reparse)?,
            ea_buffer: start(self.eas),
            ea_buffer_size: len(self.eas)?,
        })
    }
}

fn start(bytes: &[u8]) -> *const c_void {
    if bytes.is_empty() { ptr::null() } else { bytes.as_ptr().cast() }
}

fn len(bytes: &[u8]) -> Result<u32, CimfsError> {
    u32::try_from(bytes.len()).map_err(|_| CimfsError::TooLong(bytes.len()))
}

/// An open stream of an image; it ends when this is dropped.
#[derive(Debug)]
pub struct Stream<'i> {
    library: &'i Cimfs,
    handle: StreamHandle,
    /// While a stream is open, nothing else may be done to the image.
    _image: PhantomData<&'i mut Image>,
}

impl<'i> Stream<'i> {
    fn new(image: &'i mut Image, handle: StreamHandle) -> Self {
        Self { library: &image.library, handle, _image: PhantomData }
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), CimfsError> {
        // SAFETY: the stream is open, and the bytes can be read until the call ends.
        unsafe { call!(self.library, CimWriteStream(self.handle, start(bytes), len(bytes)?)) }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if let Some(close) = self.library.exports.CimCloseStream {
            // SAFETY: the stream is open, and from here on nobody has its handle.
            unsafe { close(self.handle) }
        }
    }
}
