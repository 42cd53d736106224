//! Images under construction: begin, change names, commit, close.

#![expect(unsafe_code, reason = "functions that C calls; the pointers go to `pointers` at once")]

use std::sync::Arc;

use bitflags::bitflags;
use zerocopy::little_endian::U16;

use super::answer;
use super::hresult::Hresult;
use super::layout::ImageHandle;
use super::pointers::{Out, optional_string, string};
use super::session::Session;
use super::strings::{self, Item};
use crate::cim::io::DiskDirectory;
use crate::cim::{ObjectLayout, Writer, WriterOptions};

/// BOOLEAN
const TRUE: u8 = 1;
const FALSE: u8 = 0;

bitflags! {
    /// CIM_CREATE_IMAGE_FLAGS, as far as this library keeps them. All others ask for another kind of image.
    #[derive(Clone, Copy, Debug)]
    struct CreateFlags: u32 {
        /// PE images are stored as they are, and not with their sections page-aligned.
        const DO_NOT_EXPAND_PE_IMAGES = 0x1;
    }
}

/// Begins an image: `CimCreateImage2` with `CIM_CREATE_DO_NOT_EXPAND_PE_IMAGES`, since this library expands only on
/// request.
///
/// # Safety
///
/// Strings end with a zero; `handle` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimCreateImage(
    directory: *const u16,
    existing: *const u16,
    new: *const u16,
    handle: *mut ImageHandle,
) -> i32 {
    let flags = CreateFlags::DO_NOT_EXPAND_PE_IMAGES.bits();
    // SAFETY: the same promises.
    unsafe { CimCreateImage2(directory, flags, existing, new, handle) }
}

/// Begins an image: from scratch where only `new` is given, in place of `existing` where only that is given or both
/// are the same, and as a fork of `existing` otherwise.
///
/// # Safety
///
/// Strings end with a zero; `handle` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimCreateImage2(
    directory: *const u16,
    flags: u32,
    existing: *const u16,
    new: *const u16,
    handle: *mut ImageHandle,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the handle can be written.
        let out = unsafe { Out::new(handle, ImageHandle::NULL) }?;
        // SAFETY: the caller promises that the strings end.
        let (directory, existing, new) =
            unsafe { (string(directory)?, optional_string(existing)?, optional_string(new)?) };
        out.set(ImageHandle::new(begin(&directory, flags, existing.as_deref(), new.as_deref())?)?);
        Ok(())
    })
}

fn begin(
    directory: &[U16],
    flags: u32,
    existing: Option<&[U16]>,
    new: Option<&[U16]>,
) -> Result<Session, Hresult> {
    let flags = CreateFlags::from_bits(flags).ok_or(Hresult::NOT_SUPPORTED)?;
    let expand_pe = !flags.contains(CreateFlags::DO_NOT_EXPAND_PE_IMAGES);
    let directory = DiskDirectory::new(strings::system_path(directory)?);
    let existing = existing.map(strings::image_name).transpose()?;
    let new = new.map(strings::image_name).transpose()?;
    let layout = ObjectLayout { expand_pe, ..ObjectLayout::default() };
    let options = WriterOptions { layout, ..WriterOptions::default() };
    let writer = Writer::open(Arc::new(directory), existing.as_ref(), new.as_ref(), options)?;
    Ok(Session::new(writer))
}

/// Gives an existing file another name.
///
/// # Safety
///
/// Strings end with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimCreateHardLink(
    image: ImageHandle,
    new: *const u16,
    existing: *const u16,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the strings end.
        let (new, existing) = unsafe { (string(new)?, string(existing)?) };
        let (new, existing) = (strings::path(&new)?, strings::path(&existing)?);
        image.session()?.edit(|writer| writer.link(&new, &existing))
    })
}

/// Deletes a file, a hard link, an alternate stream, or a directory with all below it.
///
/// # Safety
///
/// The string ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimDeletePath(image: ImageHandle, path: *const u16) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the string ends.
        let item = Item::parse(&unsafe { string(path) }?)?;
        image.session()?.edit(|writer| match &item {
            Item::File(path) => writer.delete(path),
            Item::Stream(path, name) => writer.delete_stream(path, name),
        })
    })
}

/// Reports whether the image, as it would be committed now, has a file, directory or alternate stream. A file whose stream is
/// still open exists already.
///
/// # Safety
///
/// The string ends with a zero; `exists` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimLookupFile(image: ImageHandle, path: *const u16, exists: *mut u8) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the answer can be written.
        let out = unsafe { Out::new(exists, FALSE) }?;
        // SAFETY: the caller promises that the string ends.
        let item = Item::parse(&unsafe { string(path) }?)?;
        let found = image.session()?.look(|writer| match &item {
            Item::File(path) => writer.has_path(path),
            Item::Stream(path, name) => writer.has_stream(path, name),
        })?;
        out.set(if found { TRUE } else { FALSE });
        Ok(())
    })
}

/// Makes the image visible, whole or not at all. The handle is only good for closing afterwards.
#[unsafe(no_mangle)]
pub extern "system" fn CimCommitImage(image: ImageHandle) -> i32 {
    answer(|| image.session()?.commit())
}

/// Ends the life of a handle. What was not committed is dropped.
#[unsafe(no_mangle)]
pub extern "system" fn CimCloseImage(image: ImageHandle) {
    answer(|| {
        if let Some(session) = image.take() {
            session.close();
        }
        Ok(())
    });
}
