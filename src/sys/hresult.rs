//! The result codes of Windows' component model.

use std::fmt;

/// A result: negative for failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hresult(i32);

impl Hresult {
    /// All is well.
    pub const OK: Self = Self(0);
    /// Something failed for which there is no better word.
    pub const FAIL: Self = Self::from_bits(0x8000_4005);
    /// A library broke a promise of its own.
    pub const UNEXPECTED: Self = Self::from_bits(0x8000_FFFF);

    /// What is named does not exist.
    pub const FILE_NOT_FOUND: Self = Self::win32(2);
    /// A directory on the way to what is named does not exist.
    pub const PATH_NOT_FOUND: Self = Self::win32(3);
    /// The caller may not do that.
    pub const ACCESS_DENIED: Self = Self::win32(5);
    /// There is no memory left.
    pub const OUT_OF_MEMORY: Self = Self::win32(14);
    /// Somebody else has it.
    pub const SHARING_VIOLATION: Self = Self::win32(32);
    /// The end lies before.
    pub const HANDLE_EOF: Self = Self::win32(38);
    /// Nobody can do that here.
    pub const NOT_SUPPORTED: Self = Self::win32(50);
    /// What is to be made is there.
    pub const FILE_EXISTS: Self = Self::win32(80);
    /// An argument makes no sense.
    pub const INVALID_ARGUMENT: Self = Self::win32(87);
    /// The disk is full.
    pub const DISK_FULL: Self = Self::win32(112);
    /// What is to be made is there.
    pub const ALREADY_EXISTS: Self = Self::win32(183);
    /// The bytes lie.
    pub const FILE_CORRUPT: Self = Self::win32(1392);

    const fn from_bits(bits: u32) -> Self {
        Self(bits.cast_signed())
    }

    /// Wraps an error code of Win32.
    pub const fn win32(code: u32) -> Self {
        Self::from_bits(0x8007_0000 | (code & 0xFFFF))
    }

    /// Takes the number that crosses the boundary.
    pub const fn from_raw(raw: i32) -> Self {
        Self(raw)
    }

    /// Returns the number that crosses the boundary.
    pub const fn raw(self) -> i32 {
        self.0
    }

    /// Returns whether this is a failure.
    pub const fn is_failure(self) -> bool {
        self.0 < 0
    }

    /// Says in words what the codes of cimfs.h mean.
    const fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::UNEXPECTED => "the library failed inside",
            Self::FILE_NOT_FOUND => "it does not exist",
            Self::PATH_NOT_FOUND => "it, or a directory above it, does not exist",
            Self::ACCESS_DENIED => "access is denied",
            Self::OUT_OF_MEMORY => "there is no memory left",
            Self::SHARING_VIOLATION => "somebody else has it",
            Self::HANDLE_EOF => "it passes the declared end",
            Self::NOT_SUPPORTED => "the library does not support it",
            Self::FILE_EXISTS | Self::ALREADY_EXISTS => "it exists already",
            Self::INVALID_ARGUMENT => "an argument is invalid",
            Self::DISK_FULL => "the disk is full",
            Self::FILE_CORRUPT => "the image is corrupt",
            _ => return None,
        })
    }
}

impl fmt::Display for Hresult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(words) = self.words() {
            write!(f, "{words} ")?;
        }
        write!(f, "(HRESULT {:#010x})", self.0)
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
            assert!(code.is_failure());
        }
        assert!(!Hresult::OK.is_failure());
    }

    #[test]
    fn results_are_shown_in_words_and_digits() {
        assert_eq!(Hresult::DISK_FULL.to_string(), "the disk is full (HRESULT 0x80070070)");
        assert_eq!(Hresult::from_raw(-2).to_string(), "(HRESULT 0xfffffffe)");
    }
}
