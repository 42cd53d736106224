//! From what C passes to what Rust can trust: every pointer is looked at here, and nowhere else.
//!
//! A null pointer is an invalid argument. That a pointer which is not null leads to what its type says is the
//! caller's promise, as in every C interface. Alignment is not asked for: nothing is borrowed as more than bytes.

#![expect(unsafe_code, reason = "the boundary to C; each block says which promise of the caller it rests on")]

use std::ffi::c_void;
use std::ptr::NonNull;

use zerocopy::little_endian::U16;

use super::hresult::Hresult;

/// The longest string that is read: the longest path, with a leading backslash.
const MAX_UNITS: usize = 32_768;

/// Reads a string of UTF-16 units that ends with a zero.
///
/// # Safety
///
/// `string` is null, or every unit up to the first zero can be read.
pub(super) unsafe fn string(string: *const u16) -> Result<Vec<U16>, Hresult> {
    // SAFETY: the promise is the caller's.
    unsafe { optional_string(string) }?.ok_or(Hresult::INVALID_ARGUMENT)
}

/// Reads a string that may be absent.
///
/// # Safety
///
/// As for [`string`].
pub(super) unsafe fn optional_string(string: *const u16) -> Result<Option<Vec<U16>>, Hresult> {
    if string.is_null() {
        return Ok(None);
    }
    let mut units = Vec::new();
    loop {
        // SAFETY: no unit before this one was zero, so the caller promises that this one can be read.
        match unsafe { string.add(units.len()).read_unaligned() } {
            0 => return Ok(Some(units)),
            _ if units.len() == MAX_UNITS => return Err(Hresult::INVALID_ARGUMENT),
            unit => units.push(U16::new(unit)),
        }
    }
}

/// Copies a structure.
///
/// # Safety
///
/// `value` is null, or leads to a valid `T`.
pub(super) unsafe fn read<T: Copy>(value: *const T) -> Result<T, Hresult> {
    if value.is_null() {
        return Err(Hresult::INVALID_ARGUMENT);
    }
    // SAFETY: not null, so the caller promises a valid value.
    Ok(unsafe { value.read_unaligned() })
}

/// Borrows bytes for the length of a call. Null is right for no bytes only.
///
/// # Safety
///
/// `bytes` is null, or `len` bytes can be read and do not change for `'a`, which must end with the call.
pub(super) unsafe fn bytes<'a>(bytes: *const c_void, len: u32) -> Result<&'a [u8], Hresult> {
    let len = usize::try_from(len).map_err(|_| Hresult::INVALID_ARGUMENT)?;
    if len == 0 {
        return Ok(&[]);
    }
    if bytes.is_null() || isize::try_from(len).is_err() {
        return Err(Hresult::INVALID_ARGUMENT);
    }
    // SAFETY: not null and no longer than an isize, so the caller promises that the bytes can be read.
    Ok(unsafe { std::slice::from_raw_parts(bytes.cast(), len) })
}

/// A place that a result goes to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out<T>(NonNull<T>);

impl<T: Copy> Out<T> {
    /// Takes a pointer from C, and stores what the caller finds there if nothing better comes.
    ///
    /// # Safety
    ///
    /// `place` is null, or a `T` can be written there until the call ends.
    pub(super) unsafe fn new(place: *mut T, first: T) -> Result<Self, Hresult> {
        let out = Self(NonNull::new(place).ok_or(Hresult::INVALID_ARGUMENT)?);
        out.set(first);
        Ok(out)
    }

    /// Stores a result.
    pub(super) fn set(self, value: T) {
        // SAFETY: whoever made this promised that a T can be written here.
        unsafe { self.0.as_ptr().write_unaligned(value) }
    }
}

/// A buffer of the caller's to read into, which may hold anything, even nothing that was ever written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer {
    start: *mut u8,
    len: usize,
}

impl Buffer {
    /// Takes a buffer from C. Null is right for no bytes only.
    ///
    /// # Safety
    ///
    /// `start` is null, or `len` bytes can be written there until the call ends.
    pub(super) unsafe fn new(start: *mut c_void, len: u64) -> Result<Self, Hresult> {
        let len = isize::try_from(len).map_err(|_| Hresult::INVALID_ARGUMENT)?;
        if start.is_null() && len > 0 {
            return Err(Hresult::INVALID_ARGUMENT);
        }
        Ok(Self { start: start.cast(), len: len.unsigned_abs() })
    }

    /// Returns how many bytes fit.
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// Copies bytes to an offset, as far as they fit.
    pub(super) fn put(self, at: usize, bytes: &[u8]) {
        let count = bytes.len().min(self.len.saturating_sub(at));
        if count == 0 {
            return;
        }
        // SAFETY: `at + count` is at most `len`, and whoever made this promised that `len` bytes can be written.
        // The bytes of an image cannot overlap them: those are memory of this library's own.
        unsafe { self.start.add(at).copy_from_nonoverlapping(bytes.as_ptr(), count) }
    }
}
