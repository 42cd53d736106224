//! The results that the functions of cimfs.h answer with, and which of them each error of the library becomes.

use std::error::Error;
use std::io;

use crate::cim::{CimError, ErrorKind};
pub(super) use crate::sys::Hresult;

impl Hresult {
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
    fn failures_of_the_system_keep_their_meaning() {
        let of = |kind: io::ErrorKind| Hresult::from(CimError::io("write", "x", kind.into()));
        assert_eq!(of(io::ErrorKind::StorageFull), Hresult::DISK_FULL);
        assert_eq!(of(io::ErrorKind::ReadOnlyFilesystem), Hresult::ACCESS_DENIED);
        assert_eq!(of(io::ErrorKind::OutOfMemory), Hresult::OUT_OF_MEMORY);
        assert_eq!(of(io::ErrorKind::TimedOut), Hresult::FAIL);
    }
}
