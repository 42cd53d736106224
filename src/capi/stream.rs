//! Files and alternate streams of an image under construction.

#![expect(unsafe_code, reason = "functions that C calls; the pointers go to `pointers` at once")]

use std::ffi::c_void;

use super::answer;
use super::hresult::Hresult;
use super::layout::{FileMetadata, ImageHandle, StreamHandle};
use super::pointers::{Out, bytes, read, string};
use super::session::StreamKind;
use super::strings::{self, Item};
use crate::cim::{Attributes, FileTime, Metadata};

/// Makes a file or a directory in place of whatever has the path, and opens its data stream.
///
/// # Safety
///
/// The string ends with a zero; `metadata` leads to a structure whose buffers can be read; `stream` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimCreateFile(
    image: ImageHandle,
    path: *const u16,
    metadata: *const FileMetadata,
    stream: *mut StreamHandle,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the handle can be written.
        let out = unsafe { Out::new(stream, StreamHandle::NULL) }?;
        // SAFETY: the caller promises that the string ends and that the metadata can be read.
        let (path, raw) = unsafe { (string(path)?, read(metadata)?) };
        // SAFETY: the caller promises that the buffers can be read until this call ends.
        let metadata = unsafe { convert(&raw) }?;
        let path = strings::path(&path)?;
        let size = u64::try_from(raw.file_size).map_err(|_| Hresult::INVALID_ARGUMENT)?;
        let handle = image.session()?.open_stream(|writer| {
            if metadata.is_directory() {
                writer.create_directory(&path, &metadata)?;
                return Ok(StreamKind::Directory);
            }
            writer.begin_file(&path, &metadata, size)?;
            Ok(StreamKind::Data)
        })?;
        out.set(handle);
        Ok(())
    })
}

/// Borrows metadata as the library takes it.
///
/// # Safety
///
/// Each buffer is null, or can be read as far as its length says for `'a`, which must end with the call.
unsafe fn convert<'a>(raw: &FileMetadata) -> Result<Metadata<'a>, Hresult> {
    let time = |time: i64| FileTime::from_raw(time.cast_unsigned());
    Ok(Metadata {
        attributes: Attributes::from_bits_retain(raw.attributes),
        creation_time: time(raw.creation_time),
        last_write_time: time(raw.last_write_time),
        change_time: time(raw.change_time),
        last_access_time: time(raw.last_access_time),
        // SAFETY: the promise is the caller's, here and in the next two.
        security: unsafe { bytes(raw.security_descriptor, raw.security_descriptor_size) }?,
        // SAFETY: as above.
        eas: unsafe { bytes(raw.ea_buffer, raw.ea_buffer_size) }?,
        // SAFETY: as above.
        reparse: unsafe { bytes(raw.reparse_data, raw.reparse_data_size) }?,
    })
}

/// Makes an alternate stream of a file or directory, in place of one of the same name, and opens it.
///
/// # Safety
///
/// The string ends with a zero; `stream` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimCreateAlternateStream(
    image: ImageHandle,
    path: *const u16,
    size: u64,
    stream: *mut StreamHandle,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the handle can be written.
        let out = unsafe { Out::new(stream, StreamHandle::NULL) }?;
        // SAFETY: the caller promises that the string ends.
        let Item::Stream(path, name) = Item::parse(&unsafe { string(path) }?)? else {
            return Err(Hresult::INVALID_ARGUMENT);
        };
        let handle = image.session()?.open_stream(|writer| {
            writer.begin_stream(&path, &name, size)?;
            Ok(StreamKind::Data)
        })?;
        out.set(handle);
        Ok(())
    })
}

/// Appends to a stream: all bytes, or none where they would pass its size.
///
/// # Safety
///
/// `len` bytes can be read at `buffer`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimWriteStream(stream: StreamHandle, buffer: *const c_void, len: u32) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the bytes can be read until this call ends.
        let bytes = unsafe { bytes(buffer, len) }?;
        stream.session()?.write(stream, bytes)
    })
}

/// Ends the life of a stream handle. The file or stream that it belongs to is there from now on.
#[unsafe(no_mangle)]
pub extern "system" fn CimCloseStream(stream: StreamHandle) {
    answer(|| {
        if let Some(session) = stream.take() {
            session.close_stream(stream);
        }
        Ok(())
    });
}
