//! The results that the functions of cimfs.h answer with, and which of them each error of the library becomes.

use std::error::Error;
use std::io;

use crate::cim::{CimError, ErrorKind};

/// A result code of Windows' component model: negative for failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hresult(i32);

impl Hresult {
    pub(super) const OK: Self = Self(0);
    /// Something failed for which the API has no better word.
    pub(super) const FAIL: Self = Self::from_bits(0x8000_4005);
    /// This library broke a promise of its own.
    pub(super) const UNEXPECTED: Self = Self::from_bits(0x8000_FFFF);

    pub(super) const FILE_NOT_FOUND: Self = Self::win32(2);
    pub(super) const PATH_NOT_FOUND: Self = Self::win32(3);
    pub(super) const ACCESS_DENIED: Self = Self::win32(5);
    pub(super) const OUT_OF_MEMORY: Self = Self::win32(14);
    pub(super) const SHARING_VIOLATION: Self = Self::win32(32);
    pub(super) const HANDLE_EOF: Self = Self::win32(38);
    pub(super) const NOT_SUPPORTED: Self = Self::win32(50);
    pub(super) const FILE_EXISTS: Self = Self::win32(80);
    pub(super) const INVALID_ARGUMENT: Self = Self::win32(87);
    pub(super) const DISK_FULL: Self = Self::win32(112);
    #[cfg_attr(all(windows, not(test)), expect(dead_code, reason = "no volume is mounted there"))]
    pub(super) const ALREADY_EXISTS: Self = Self::win32(183);
    pub(super) const FILE_CORRUPT: Self = Self::win32(1392);

    const fn from_bits(bits: u32) -> Self {
        Self(bits.cast_signed())
    }

    /// Wraps an error code of Win32.
    const fn win32(code: u32) -> Self {
        Self::from_bits(0x8007_0000 | (code & 0xFFFF))
    }

    /// Returns the number that crosses the boundary.
    pub(super) const fn raw(self) -> i32 {
        self.0
    }

    /// Translates a failure of the operating system.
    pub(super) fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::PATH_NOT_FOUND,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ACCESS_DENIED,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DISK_FULL,
            io::ErrorKind::OutOfMemory => Self::OUT_OF_MEMORY,
            io::ErrorKind::InvalidFilename => Self::INVALID_ARGUMENT,
            _ => Self::of_code(error),
        }
    }

    #[cfg(windows)]
    fn of_code(error: &io::Error) -> Self {
        error.raw_os_error().map_or(Self::FAIL, |code| Self::win32(code.cast_unsigned()))
    }

    #[cfg(not(windows))]
    fn of_code(_error: &io::Error) -> Self {
        Self::FAIL
    }
}

impl From<CimError> for Hresult {
    fn from(error: CimError) -> Self {
        match error.kind() {
            ErrorKind::Io => {
                let source = error.source().and_then(|source| source.downcast_ref());
                source.map_or(Self::FAIL, Self::of_io)
            }
            ErrorKind::NoSpace => Self::DISK_FULL,
            ErrorKind::AccessDenied => Self::ACCESS_DENIED,
            ErrorKind::Corrupt => Self::FILE_CORRUPT,
            ErrorKind::Unsupported => Self::NOT_SUPPORTED,
            ErrorKind::InvalidInput => Self::INVALID_ARGUMENT,
            ErrorKind::ImageNotFound => Self::FILE_NOT_FOUND,
            ErrorKind::PathNotFound => Self::PATH_NOT_FOUND,
            ErrorKind::AlreadyExists => Self::FILE_EXISTS,
            ErrorKind::Conflict => Self::SHARING_VIOLATION,
            ErrorKind::BeyondEnd => Self::HANDLE_EOF,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_contract() {
        for (code, bits) in [
            (Hresult::INVALID_ARGUMENT, 0x8007_0057),
            (Hresult::ACCESS_DENIED, 0x8007_0005),
            (Hresult::FILE_NOT_FOUND, 0x8007_0002),
            (Hresult::PATH_NOT_FOUND, 0x8007_0003),
            (Hresult::SHARING_VIOLATION, 0x8007_0020),
            (Hresult::FILE_EXISTS, 0x8007_0050),
            (Hresult::ALREADY_EXISTS, 0x8007_00B7),
            (Hresult::HANDLE_EOF, 0x8007_0026),
            (Hresult::DISK_FULL, 0x8007_0070),
            (Hresult::FILE_CORRUPT, 0x8007_0570),
            (Hresult::NOT_SUPPORTED, 0x8007_0032),
        ] {
            assert_eq!(code.raw().cast_unsigned(), bits);
        }
    }

    #[test]
    fn failures_of_the_system_keep_their_meaning() {
        let of = |kind: io::ErrorKind| Hresult::from(CimError::io("write", "x", kind.into()));
        assert_eq!(of(io::ErrorKind::StorageFull), Hresult::DISK_FULL);
        assert_eq!(of(io::ErrorKind::ReadOnlyFilesystem), Hresult::ACCESS_DENIED);
        assert_eq!(of(io::ErrorKind::OutOfMemory), Hresult::OUT_OF_MEMORY);
        assert_eq!(of(io::ErrorKind::TimedOut), Hresult::FAIL);
    }
}
