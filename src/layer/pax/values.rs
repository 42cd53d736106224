//! What the records that matter to an image say: times, numbers, and the metadata of Windows and Linux.

use std::borrow::Cow;

use super::{PaxError, Records, parse_time};
use crate::cim::{Attributes, FileTime};
use crate::layer::base64;

/// The keys that matter to an image.
pub mod key {
    /// When the data was last written.
    pub const MTIME: &str = "mtime";
    /// When the file was last read.
    pub const ATIME: &str = "atime";
    /// When anything was last changed.
    pub const CTIME: &str = "ctime";
    /// When the file was created.
    pub const CREATION_TIME: &str = "LIBARCHIVE.creationtime";
    /// The user that owns the file.
    pub const UID: &str = "uid";
    /// The group that owns the file.
    pub const GID: &str = "gid";
    /// The attributes of Windows, a decimal number.
    pub const FILE_ATTRIBUTES: &str = "MSWINDOWS.fileattr";
    /// A security descriptor in base64.
    pub const RAW_SECURITY: &str = "MSWINDOWS.rawsd";
    /// A security descriptor as text, in old layers.
    pub const SDDL: &str = "MSWINDOWS.sd";
    /// Makes a link a mount point.
    pub const MOUNT_POINT: &str = "MSWINDOWS.mountpoint";
    /// Begins the key of an extended attribute of Windows, in base64.
    pub const EA_PREFIX: &str = "MSWINDOWS.xattr.";
    /// Begins the key of an extended attribute of Linux, in its bytes.
    pub const XATTR_PREFIX: &str = "SCHILY.xattr.";
    /// Begins the key of an extended attribute of Linux, its name percent-encoded and its value in base64.
    pub const ENCODED_XATTR_PREFIX: &str = "LIBARCHIVE.xattr.";
}

/// The name and the value of an extended attribute.
type Attribute<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

impl<'a> Records<'a> {
    /// Returns the time that a key says. One that an image cannot hold becomes the nearest that it can.
    pub fn time(&self, key: &str) -> Result<Option<FileTime>, PaxError> {
        Ok(self.unix_nanos(key)?.map(FileTime::from_unix_nanos))
    }

    /// Returns the time that a key says, in nanoseconds since 1970.
    pub fn unix_nanos(&self, key: &str) -> Result<Option<i128>, PaxError> {
        self.read(key, "a time", parse_time)
    }

    /// Returns the decimal number that a key says.
    pub fn number(&self, key: &str) -> Result<Option<u64>, PaxError> {
        self.read(key, "a decimal number", decimal)
    }

    /// Returns the attributes of Windows.
    pub fn file_attributes(&self) -> Result<Option<Attributes>, PaxError> {
        let number = |value: &[u8]| decimal(value).and_then(|number| u32::try_from(number).ok());
        let bits = self.read(key::FILE_ATTRIBUTES, "a decimal number of 32 bits", number)?;
        Ok(bits.map(Attributes::from_bits_retain))
    }

    /// Returns the security descriptor that is there in its bytes, unchecked.
    pub fn raw_security(&self) -> Result<Option<Vec<u8>>, PaxError> {
        self.read(key::RAW_SECURITY, "base64", base64::decode)
    }

    /// Returns the security descriptor that is there as text.
    pub fn sddl(&self) -> Result<Option<&'a str>, PaxError> {
        self.read(key::SDDL, "UTF-8", |value| std::str::from_utf8(value).ok())
    }

    /// Returns whether a link is a mount point. What the record says does not matter.
    pub fn is_mount_point(&self) -> bool {
        self.get(key::MOUNT_POINT).is_some()
    }

    /// Yields names and values of the extended attributes of Windows.
    pub fn eas(&self) -> impl Iterator<Item = Result<(&'a [u8], Vec<u8>), PaxError>> {
        self.with_prefix(key::EA_PREFIX).map(|(name, value)| {
            let decoded =
                base64::decode(value).ok_or_else(|| wrong(key::EA_PREFIX, name, value, "base64"))?;
            Ok((name, decoded))
        })
    }

    /// Yields the names of extended attributes of Windows without a value, which [`eas`](Self::eas) leaves out: Windows
    /// has none.
    pub fn empty_eas(&self) -> impl Iterator<Item = &'a [u8]> {
        self.with_prefix_or_empty(key::EA_PREFIX).filter(|(_, value)| value.is_empty()).map(|(name, _)| name)
    }

    /// Yields names and values of the extended attributes of Linux. One that is there in both forms comes once. An
    /// attribute may be empty, and archivers write it so: for these records an empty value does not mean "none".
    pub fn xattrs(&self) -> impl Iterator<Item = Result<Attribute<'a>, PaxError>> {
        let plain = self.with_prefix_or_empty(key::XATTR_PREFIX);
        let plain = plain.map(|(name, value)| Ok((Cow::Borrowed(name), Cow::Borrowed(value))));
        let encoded = self.with_prefix(key::ENCODED_XATTR_PREFIX).map(|(name, value)| {
            let wrong = |expected| wrong(key::ENCODED_XATTR_PREFIX, name, value, expected);
            let name = percent_decode(name).ok_or_else(|| wrong("the value of a percent-encoded name"))?;
            let value = base64::decode(value).ok_or_else(|| wrong("base64"))?;
            Ok((Cow::Owned(name), Cow::Owned(value)))
        });
        let is_twin = |name: &[u8]| self.says(&[key::XATTR_PREFIX.as_bytes(), name].concat());
        plain.chain(encoded.filter(move |attribute| !attribute.as_ref().is_ok_and(|(name, _)| is_twin(name))))
    }

    fn read<T>(
        &self,
        key: &str,
        expected: &'static str,
        read: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Result<Option<T>, PaxError> {
        let value = self.get(key);
        value.map(|value| read(value).ok_or_else(|| wrong(key, b"", value, expected))).transpose()
    }
}

/// Returns bytes as records hold those that need not be text.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    base64::encode(bytes)
}

/// Writes what may not stand in the name of a record as `%` and two hexadecimal digits.
pub fn percent_encode(name: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !b"%=".contains(byte);
    let encoded = |byte: &u8| if plain(byte) { vec![*byte] } else { format!("%{byte:02X}").into_bytes() };
    name.iter().flat_map(encoded).collect()
}

fn wrong(key: &str, name: &[u8], value: &[u8], expected: &'static str) -> PaxError {
    let clip = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().take(64).collect::<String>();
    PaxError::Value { key: format!("{key}{}", clip(name)), value: clip(value), expected }
}

/// Reads digits, and nothing but digits.
fn decimal(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Reads `%` and two hexadecimal digits as the byte that they stand for; `None` where digits are missing.
fn percent_decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut parts = text.split(|&byte| byte == b'%');
    let mut bytes = parts.next()?.to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let digits = digits.iter().map(|&digit| char::from(digit).to_digit(16));
        let byte =
            digits.rev().zip([1, 16]).try_fold(0, |sum, (digit, weight)| Some(sum + digit? * weight))?;
        bytes.push(u8::try_from(byte).ok()?);
        bytes.extend_from_slice(rest);
    }
    Some(bytes)
}
