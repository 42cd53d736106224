//! What a member of a layer tar says of a file, apart from its name and its data, in the form that an image takes.
//!
//! Layers of Windows and of Linux say it in different ways: see [`windows`](super::windows::metadata) and
//! [`linux`](super::linux::metadata).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use tar::{EntryType, Header};
use thiserror::Error;

use super::pax::{PaxError, Records, key};
use super::sddl::SddlError;
use crate::cim::ea::EaError;
use crate::cim::posix_acl::AclError;
use crate::cim::reparse::ReparseError;
use crate::cim::security::{DEFAULT, SecurityError};
use crate::cim::{Attributes, FileTime, Metadata};

/// Why a member of a tar does not become a file of an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataError {
    /// A record is malformed, or holds what it should not.
    #[error(transparent)]
    Pax(#[from] PaxError),
    /// A field of the header is no number, or one that is too large.
    #[error("field {field} of a tar header holds {value:?}, which is no number that fits")]
    Header {
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: String,
    },
    /// The member is a hard link or a header of something else, or the image has no file of its type.
    #[error("an entry of type {type_flag:?} does not become a file of its own in a {layer} image")]
    Type {
        /// The type in the header.
        type_flag: char,
        /// Whose layer it is.
        layer: &'static str,
    },
    /// The number of an owner does not fit 32 bits, or stands for nobody.
    #[error("{value} is no {what}")]
    Owner {
        /// User or group.
        what: &'static str,
        /// What the tar says.
        value: i128,
    },
    /// A security descriptor, as text, is malformed.
    #[error(transparent)]
    Sddl(#[from] SddlError),
    /// A security descriptor is malformed.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// An image cannot hold the extended attributes.
    #[error(transparent)]
    Eas(#[from] EaError),
    /// A POSIX ACL is malformed.
    #[error(transparent)]
    Acl(#[from] AclError),
    /// The name of an extended attribute ends behind its namespace.
    #[error("extended attribute {0:?} has no name behind its namespace")]
    XattrName(String),
    /// An image cannot hold the link.
    #[error(transparent)]
    Reparse(#[from] ReparseError),
}

/// Something odd about a member that is no reason to refuse it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Remark {
    /// The attributes say directory where the tar says file, or the other way round.
    #[error("attributes {0:#x} do not agree with the type of the tar entry, which counts")]
    DirectoryBit(u32),
    /// The data of the file would have to be fetched from elsewhere.
    #[error("attributes {0:#x} say that the data lies elsewhere, but an image has it here")]
    RecallOnDataAccess(u32),
    /// A link leads nowhere.
    #[error("link has no target, and becomes a plain file")]
    EmptyLink,
    /// A time is outside of what an image can hold.
    #[error(
        "{field} is outside of the years 1601 to 60056, and becomes the nearest time that an image can hold"
    )]
    ClampedTime {
        /// Which of the times.
        field: &'static str,
    },
    /// An extended attribute of Linux is dropped, as containerd does.
    #[error("extended attribute {name:?} is dropped: {why}")]
    DroppedXattr {
        /// Its name.
        name: String,
        /// The reason.
        why: &'static str,
    },
    /// Windows has no extended attributes without a value.
    #[error("extended attribute {0:?} has no value and is dropped: Windows has no such attributes")]
    EmptyEa(String),
}

/// What a member of a tar is, whatever layer it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with data.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, or a mount point.
    Symlink,
    /// One more name of a file that another member describes.
    HardLink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A pipe.
    Fifo,
    /// A header of another member, or of the whole tar.
    Other,
}

/// A member of a tar: its header, and what overrides it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The header as it is.
    pub header: &'a Header,
    /// The name, wherever it comes from.
    pub path: &'a [u8],
    /// Where a link leads, wherever that comes from.
    pub link: &'a [u8],
    /// The records that hold for it.
    pub records: &'a Records<'a>,
}

impl Member<'_> {
    /// Returns what the member is.
    pub fn kind(&self) -> Kind {
        match self.header.entry_type() {
            // Older archivers know no other way to say directory.
            EntryType::Regular if self.path.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::HardLink,
            EntryType::Char => Kind::CharDevice,
            EntryType::Block => Kind::BlockDevice,
            EntryType::Fifo => Kind::Fifo,
            _ => Kind::Other,
        }
    }

    /// Returns when the data was last written.
    pub fn last_write_time(&self) -> Result<FileTime, MetadataError> {
        self.last_write_nanos().map(FileTime::from_unix_nanos)
    }

    fn last_write_nanos(&self) -> Result<i128, MetadataError> {
        if let Some(nanos) = self.records.unix_nanos(key::MTIME)? {
            return Ok(nanos);
        }
        let seconds = header_number("mtime", &self.header.as_old().mtime)?;
        Ok(i128::from(seconds) * 1_000_000_000)
    }

    /// Yields a remark for each time that an image cannot hold.
    pub(super) fn clamped_times(&self) -> Result<Vec<Remark>, MetadataError> {
        let mut remarks = Vec::new();
        let mut check = |field, nanos: Option<i128>| {
            if nanos.is_some_and(|nanos| FileTime::checked_from_unix_nanos(nanos).is_none()) {
                remarks.push(Remark::ClampedTime { field });
            }
        };
        check(key::MTIME, Some(self.last_write_nanos()?));
        for field in [key::ATIME, key::CTIME, key::CREATION_TIME] {
            check(field, self.records.unix_nanos(field)?);
        }
        Ok(remarks)
    }

    pub(super) fn wrong_type(&self, layer: &'static str) -> MetadataError {
        MetadataError::Type { type_flag: self.header.entry_type().as_byte().into(), layer }
    }
}

/// Reads a field of a header: octal digits, or a binary number where the top bit is set. A blank one is 0, as some
/// archivers leave out what they think does not matter.
pub(super) fn header_number(field: &'static str, bytes: &[u8]) -> Result<i64, MetadataError> {
    let number = match bytes {
        [first, rest @ ..] if first & 0x80 != 0 => binary(*first, rest),
        _ => octal(bytes),
    };
    number.ok_or_else(|| MetadataError::Header { field, value: String::from_utf8_lossy(bytes).into_owned() })
}

fn octal(bytes: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(bytes).ok()?.trim_matches(['\0', ' ']);
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if text.is_empty() { Some(0) } else { i64::from_str_radix(text, 8).ok() }
}

/// Reads a big-endian number in two's complement, whose top bit is a mark and whose second bit is the sign.
fn binary(first: u8, rest: &[u8]) -> Option<i64> {
    let is_negative = first & 0x40 != 0;
    let top = if is_negative { i128::from(first) - 0x100 } else { i128::from(first & 0x3F) };
    let shift = |sum: i128, &byte: &u8| Some(sum.checked_mul(0x100)? + i128::from(byte));
    i64::try_from(rest.iter().try_fold(top, shift)?).ok()
}

/// The four times of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When the file was created.
    pub creation: FileTime,
    /// When the data was last written.
    pub last_write: FileTime,
    /// When anything was last changed.
    pub change: FileTime,
    /// When the file was last read.
    pub last_access: FileTime,
}

impl Times {
    /// Sets all four to one time.
    pub fn all(time: FileTime) -> Self {
        Self { creation: time, last_write: time, change: time, last_access: time }
    }
}

/// Everything about a file but its name and data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMetadata {
    /// Attributes, without the one of reparse points: that follows from `reparse`.
    pub attributes: Attributes,
    /// Times.
    pub times: Times,
    /// Security descriptor, self-relative.
    pub security: Cow<'static, [u8]>,
    /// A list of extended attributes; empty for none.
    pub eas: Vec<u8>,
    /// Reparse data; empty for all but reparse points.
    pub reparse: Vec<u8>,
    /// What a person should know of it.
    pub remarks: Vec<Remark>,
}

impl FileMetadata {
    /// Metadata with the default descriptor and nothing attached.
    pub(super) fn plain(attributes: Attributes, times: Times) -> Self {
        let security = Cow::Borrowed(&DEFAULT[..]);
        Self { attributes, times, security, eas: Vec::new(), reparse: Vec::new(), remarks: Vec::new() }
    }

    /// Lends it to a writer of images.
    pub fn as_metadata(&self) -> Metadata<'_> {
        Metadata {
            attributes: self.attributes,
            creation_time: self.times.creation,
            last_write_time: self.times.last_write,
            change_time: self.times.change,
            last_access_time: self.times.last_access,
            security: &self.security,
            eas: &self.eas,
            reparse: &self.reparse,
        }
    }
}
