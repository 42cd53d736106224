//! Reparse data: what makes a file a symbolic link, a mount point, or one of the special files of Linux.
//!
//! A buffer is a header of 8 bytes (24 for tags of other vendors, which add a GUID) and data in a form that the tag
//! decides. [`Reparse::parse`] reads one; the functions in [`build`] write those that layers need.

pub mod build;

#[cfg(test)]
mod tests;

use thiserror::Error;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::names::wtf8;

/// The longest buffer that Windows keeps.
pub const MAX_LEN: usize = 16_384;

/// The longest target of a symbolic link of Linux.
pub const MAX_LX_TARGET: usize = 4_096;

/// Says what reparse data means. Tags without a name are data like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub u32);

impl Tag {
    /// A junction: another directory stands in for this one.
    pub const MOUNT_POINT: Self = Self(0xA000_0003);
    /// A symbolic link.
    pub const SYMLINK: Self = Self(0xA000_000C);
    /// A symbolic link of Linux.
    pub const LX_SYMLINK: Self = Self(0xA000_001D);
    /// A socket.
    pub const AF_UNIX: Self = Self(0x8000_0023);
    /// A pipe of Linux.
    pub const LX_FIFO: Self = Self(0x8000_0024);
    /// A character device of Linux.
    pub const LX_CHR: Self = Self(0x8000_0025);
    /// A block device of Linux.
    pub const LX_BLK: Self = Self(0x8000_0026);

    /// Returns whether the tag is Microsoft's. Those of others carry a GUID.
    pub fn is_microsoft(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// Returns whether the file stands for another name, as a symlink or a junction does.
    pub fn is_name_surrogate(self) -> bool {
        self.0 & 0x2000_0000 != 0
    }

    /// Tags 0 and 1 stand for "none".
    fn is_reserved(self) -> bool {
        self.0 <= 1
    }
}

/// A rule that reparse data breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReparseError {
    /// Windows would not keep it.
    #[error("reparse data of {len} bytes is longer than {MAX_LEN}")]
    TooLong {
        /// Length in bytes.
        len: usize,
    },
    /// A header or the fixed part of the data is cut off.
    #[error("{what} of reparse data needs {need} bytes, but {have} are there")]
    Short {
        /// Which part.
        what: &'static str,
        /// Bytes that it needs.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// The tag says that this is no reparse point.
    #[error("reparse tag {0:#010x} is reserved")]
    ReservedTag(u32),
    /// The length in the header is not that of what follows.
    #[error("reparse data says it has {said} bytes behind its header, but {have} are there")]
    Length {
        /// What the header says.
        said: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// A name lies outside the data, or at half a UTF-16 unit.
    #[error(
        "{what} of reparse data, {len} bytes at offset {offset}, does not lie in the {have} bytes of names"
    )]
    Name {
        /// Which name.
        what: &'static str,
        /// Where it begins, in the part for names.
        offset: usize,
        /// Its length in bytes.
        len: usize,
        /// Bytes in the part for names.
        have: usize,
    },
    /// A version of the data of a symbolic link of Linux that nobody has written.
    #[error("symbolic link of Linux has version {0}, which is unknown")]
    LxVersion(u32),
    /// A link that leads nowhere.
    #[error("link has an empty target")]
    EmptyTarget,
    /// A link cannot hold the target.
    #[error("link target of {len} bytes is longer than {max}")]
    TargetTooLong {
        /// Length in bytes.
        len: usize,
        /// The most that fits.
        max: usize,
    },
    /// A link text that cannot become UTF-16.
    #[error("link target {0:?} is not valid UTF-8")]
    NotUnicode(String),
    /// A link text with a NUL.
    #[error("link target {0:?} holds a NUL")]
    NulInTarget(String),
}

/// The header: 4 + 2 + 2 bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawHeader {
    tag: U32,
    /// Of what follows the header, or the header and the GUID.
    data_len: U16,
    reserved: U16,
}

const HEADER_LEN: usize = 8;
const GUID_LEN: usize = 16;
const _: () = assert!(size_of::<RawHeader>() == HEADER_LEN);

/// Where the names of a link lie, in bytes from the end of its fixed part: 2 * 4 bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawNames {
    substitute_offset: U16,
    substitute_len: U16,
    print_offset: U16,
    print_len: U16,
}

const _: () = assert!(size_of::<RawNames>() == 8);

/// In the flags of a symbolic link: the substitute name is relative to where the link lies.
const RELATIVE: u32 = 1;

/// Version of the data of a Linux link whose target is the data of the file.
const LX_TARGET_IN_FILE: u32 = 1;
/// Version of the data of a Linux link that holds the target.
const LX_TARGET_HERE: u32 = 2;

/// Checked reparse data. Names are UTF-16 and may hold lone surrogates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reparse<'a> {
    /// A symbolic link.
    Symlink {
        /// Where it leads, as the kernel takes it.
        substitute: &'a [U16],
        /// Where it leads, as people read it.
        print: &'a [U16],
        /// Whether that is relative to where the link lies.
        relative: bool,
    },
    /// A junction.
    MountPoint {
        /// Where it leads, as the kernel takes it.
        substitute: &'a [U16],
        /// Where it leads, as people read it.
        print: &'a [U16],
    },
    /// A symbolic link of Linux, with its target.
    LxSymlink(&'a [u8]),
    /// An old symbolic link of Linux: its target is the data of the file.
    LxSymlinkInFile,
    /// A pipe of Linux.
    LxFifo,
    /// A character device of Linux.
    LxChr,
    /// A block device of Linux.
    LxBlk,
    /// A socket.
    AfUnix,
    /// Something that only its owner understands.
    Other(Tag),
}

impl<'a> Reparse<'a> {
    /// Checks a whole buffer and reads the kinds that this library knows.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ReparseError> {
        if bytes.len() > MAX_LEN {
            return Err(ReparseError::TooLong { len: bytes.len() });
        }
        let (header, data) = prefix::<RawHeader>("header", bytes)?;
        let tag = Tag(header.tag.get());
        if tag.is_reserved() {
            return Err(ReparseError::ReservedTag(tag.0));
        }
        let data = if tag.is_microsoft() { data } else { prefix::<[u8; GUID_LEN]>("GUID", data)?.1 };
        let said = usize::from(header.data_len.get());
        if said != data.len() {
            return Err(ReparseError::Length { said, have: data.len() });
        }
        match tag {
            Tag::SYMLINK => symlink(data),
            Tag::MOUNT_POINT => mount_point(data),
            Tag::LX_SYMLINK => lx_symlink(data),
            Tag::LX_FIFO => Ok(Self::LxFifo),
            Tag::LX_CHR => Ok(Self::LxChr),
            Tag::LX_BLK => Ok(Self::LxBlk),
            Tag::AF_UNIX => Ok(Self::AfUnix),
            other => Ok(Self::Other(other)),
        }
    }

    /// Returns the tag.
    pub fn tag(self) -> Tag {
        match self {
            Self::Symlink { .. } => Tag::SYMLINK,
            Self::MountPoint { .. } => Tag::MOUNT_POINT,
            Self::LxSymlink(_) | Self::LxSymlinkInFile => Tag::LX_SYMLINK,
            Self::LxFifo => Tag::LX_FIFO,
            Self::LxChr => Tag::LX_CHR,
            Self::LxBlk => Tag::LX_BLK,
            Self::AfUnix => Tag::AF_UNIX,
            Self::Other(tag) => tag,
        }
    }

    /// Returns where a link leads, as text that [`build`] makes the same link of: UTF-8, lone surrogates as three
    /// bytes. `None` for what is no link, or keeps its target elsewhere.
    pub fn link_text(self) -> Option<Vec<u8>> {
        match self {
            Self::Symlink { substitute, print, .. } | Self::MountPoint { substitute, print } => {
                Some(if print.is_empty() { from_nt(&wtf8::encode(substitute)) } else { wtf8::encode(print) })
            }
            Self::LxSymlink(target) => Some(target.to_vec()),
            _ => None,
        }
    }
}

/// Checks that bytes are a whole buffer of reparse data.
pub fn check(bytes: &[u8]) -> Result<(), ReparseError> {
    Reparse::parse(bytes).map(|_| ())
}

fn symlink(data: &[u8]) -> Result<Reparse<'_>, ReparseError> {
    let (names, rest) = prefix::<RawNames>("symbolic link", data)?;
    let (flags, rest) = prefix::<U32>("symbolic link", rest)?;
    let (substitute, print) = both_names(names, rest)?;
    Ok(Reparse::Symlink { substitute, print, relative: flags.get() & RELATIVE != 0 })
}

fn mount_point(data: &[u8]) -> Result<Reparse<'_>, ReparseError> {
    let (names, rest) = prefix::<RawNames>("mount point", data)?;
    let (substitute, print) = both_names(names, rest)?;
    Ok(Reparse::MountPoint { substitute, print })
}

fn lx_symlink(data: &[u8]) -> Result<Reparse<'_>, ReparseError> {
    let (version, target) = prefix::<U32>("symbolic link of Linux", data)?;
    match (version.get(), target) {
        (LX_TARGET_IN_FILE, []) => Ok(Reparse::LxSymlinkInFile),
        (LX_TARGET_IN_FILE, _) => Err(ReparseError::Length { said: 4, have: data.len() }),
        (LX_TARGET_HERE, target) => {
            build::check_lx_target(target)?;
            Ok(Reparse::LxSymlink(target))
        }
        (other, _) => Err(ReparseError::LxVersion(other)),
    }
}

fn both_names<'a>(names: &RawNames, paths: &'a [u8]) -> Result<(&'a [U16], &'a [U16]), ReparseError> {
    let name = |what, offset: U16, len: U16| {
        let (offset, len) = (usize::from(offset.get()), usize::from(len.get()));
        let wrong = || ReparseError::Name { what, offset, len, have: paths.len() };
        let bytes = paths.get(offset..offset + len).filter(|_| offset.is_multiple_of(2)).ok_or_else(wrong)?;
        <[U16]>::ref_from_bytes(bytes).map_err(|_| wrong())
    };
    Ok((
        name("substitute name", names.substitute_offset, names.substitute_len)?,
        name("print name", names.print_offset, names.print_len)?,
    ))
}

fn prefix<'a, T>(what: &'static str, bytes: &'a [u8]) -> Result<(&'a T, &'a [u8]), ReparseError>
where
    T: FromBytes + KnownLayout + Immutable,
{
    let short = |_| ReparseError::Short { what, need: size_of::<T>(), have: bytes.len() };
    T::ref_from_prefix(bytes).map_err(short)
}

/// Turns a path of the kernel's name space into what people write.
fn from_nt(substitute: &[u8]) -> Vec<u8> {
    match substitute.strip_prefix(br"\??\") {
        None => substitute.to_vec(),
        Some(path) => match path.strip_prefix(br"UNC\") {
            Some(share) => [br"\\", share].concat(),
            None if build::has_drive(path) => path.to_vec(),
            None => [br"\\?\", path].concat(),
        },
    }
}
