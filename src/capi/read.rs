//! Reading files of an image that is not mounted.

#![expect(unsafe_code, reason = "functions that C calls; the pointers go to `pointers` at once")]

use std::ffi::c_void;

use zerocopy::little_endian::U16;

use super::answer;
use super::hresult::Hresult;
use super::layout::StatBasicInformation;
use super::pointers::{Buffer, Out, string};
use super::strings::{self, Item};
use crate::cim::format::Stream;
use crate::cim::reader::{Data, File};
use crate::cim::{FileTime, Image};

/// The unit in which Windows counts the space of a file.
const CLUSTER: u64 = 4096;

/// FILE_DEVICE_DISK
const DEVICE_DISK: u32 = 7;

/// FILE_READ_ONLY_DEVICE
const READ_ONLY_DEVICE: u32 = 2;

/// The flags of CimReadFile2 and CimGetFileStatBasicInformation2 that are supported. All others name an image that lies in
/// a single file or on a device.
const NO_FLAGS: u32 = 0;

/// Reads a range of a file or alternate stream: `CimReadFile2` without flags.
///
/// # Safety
///
/// As for [`CimReadFile2`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimReadFile(
    image: *const u16,
    path: *const u16,
    offset: u64,
    buffer: *mut c_void,
    len: u64,
    bytes_read: *mut u64,
    bytes_left: *mut u64,
) -> i32 {
    // SAFETY: the same promises.
    unsafe { CimReadFile2(image, path, offset, buffer, len, bytes_read, bytes_left, NO_FLAGS) }
}

/// Reads a range of a file or alternate stream. `bytes_left` receives how many bytes follow the range.
///
/// # Safety
///
/// Strings end with a zero; `len` bytes can be written at `buffer`; `bytes_read` and `bytes_left` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimReadFile2(
    image: *const u16,
    path: *const u16,
    offset: u64,
    buffer: *mut c_void,
    len: u64,
    bytes_read: *mut u64,
    bytes_left: *mut u64,
    flags: u32,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that both numbers can be written.
        let (bytes_read, bytes_left) = unsafe { (Out::new(bytes_read, 0)?, Out::new(bytes_left, 0)?) };
        // SAFETY: the caller promises that the buffer can be written.
        let buffer = unsafe { Buffer::new(buffer, len) }?;
        // SAFETY: the caller promises that the strings end.
        let (image, path) = unsafe { (string(image)?, string(path)?) };
        let image = open(&image, flags)?;
        let (file, stream) = find(&image, &path)?;
        if stream == file.data && file.is_directory() {
            return Err(Hresult::ACCESS_DENIED);
        }
        let data = image.data(stream)?;
        let count = copy(&data, offset, buffer);
        bytes_read.set(count);
        bytes_left.set(data.len().saturating_sub(offset).saturating_sub(count));
        Ok(())
    })
}

/// Returns a file's times, size, attributes and link count: `CimGetFileStatBasicInformation2` without flags.
///
/// # Safety
///
/// As for [`CimGetFileStatBasicInformation2`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimGetFileStatBasicInformation(
    image: *const u16,
    path: *const u16,
    information: *mut StatBasicInformation,
) -> i32 {
    // SAFETY: the same promises.
    unsafe { CimGetFileStatBasicInformation2(image, path, information, NO_FLAGS) }
}

/// Returns a file's times, size, attributes and link count.
///
/// # Safety
///
/// Strings end with a zero; `information` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn CimGetFileStatBasicInformation2(
    image: *const u16,
    path: *const u16,
    information: *mut StatBasicInformation,
    flags: u32,
) -> i32 {
    answer(|| {
        // SAFETY: the caller promises that the structure can be written.
        let out = unsafe { Out::new(information, StatBasicInformation::default()) }?;
        // SAFETY: the caller promises that the strings end.
        let (image, path) = unsafe { (string(image)?, string(path)?) };
        let image = open(&image, flags)?;
        let (file, stream) = find(&image, &path)?;
        out.set(describe(&image, &file, stream)?);
        Ok(())
    })
}

fn open(path: &[U16], flags: u32) -> Result<Image, Hresult> {
    if flags != NO_FLAGS {
        return Err(Hresult::NOT_SUPPORTED);
    }
    Ok(Image::open(&strings::system_path(path)?)?)
}

/// Finds a file, and the stream of it that a path names.
fn find(image: &Image, path: &[U16]) -> Result<(File, Stream), Hresult> {
    let (path, stream) = match Item::parse(path)? {
        Item::File(path) => (path, None),
        Item::Stream(path, name) => (path, Some(name)),
    };
    let file = image.find(&path)?.ok_or(Hresult::PATH_NOT_FOUND)?;
    let stream = match stream {
        None => file.data,
        Some(name) => image.stream(&file, name.as_ref())?.ok_or(Hresult::PATH_NOT_FOUND)?,
    };
    Ok((file, stream))
}

fn copy(data: &Data<'_>, offset: u64, buffer: Buffer) -> u64 {
    let mut done = 0;
    let mut at = offset;
    while done < buffer.len() {
        let bytes = data.chunk(at, buffer.len() - done).bytes();
        if bytes.is_empty() {
            break;
        }
        buffer.put(done, bytes);
        done += bytes.len();
        at = at.saturating_add(count(bytes.len()));
    }
    count(done)
}

fn describe(image: &Image, file: &File, stream: Stream) -> Result<StatBasicInformation, Hresult> {
    let size = if stream.is_directory() { 0 } else { stream.len.get() };
    let number = u64::from(file.id.raw());
    let mut file_id_128 = [0; 16];
    file_id_128[..8].copy_from_slice(&number.to_le_bytes());
    let time = |time: FileTime| time.raw().cast_signed();
    Ok(StatBasicInformation {
        file_id: number.cast_signed(),
        creation_time: time(file.creation_time),
        last_access_time: time(file.last_access_time),
        last_write_time: time(file.last_write_time),
        change_time: time(file.change_time),
        allocation_size: size.next_multiple_of(CLUSTER).cast_signed(),
        end_of_file: size.cast_signed(),
        file_attributes: file.attributes().bits(),
        reparse_tag: file.reparse_tag,
        number_of_links: image.links()?.count(file.id),
        device_type: DEVICE_DISK,
        device_characteristics: READ_ONLY_DEVICE,
        reserved: 0,
        volume_serial_number: 0,
        file_id_128,
    })
}

fn count(len: usize) -> u64 {
    u64::try_from(len).expect("a usize fits a u64")
}
