//! Linux metadata in an image, by the conventions of WSL: how owner, mode, type, names and extended attributes of a
//! Linux file are read back from EAs and reparse points.
//!
//! | EA | value |
//! |---|---|
//! | `$LXUID` | u32 user; 0xFFFFFFFF says nothing |
//! | `$LXGID` | u32 group; 0xFFFFFFFF says nothing |
//! | `$LXMOD` | u32 mode with type bits |
//! | `$LXDEV` | u32 major, u32 minor |
//! | `LX.` + name | `aexl`, then the value of the extended attribute of that name in lower case |

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use super::eas::{self, Ea};
use super::error::Fault;
use super::names::is_forbidden;
use super::reparse::{self, ReparseTag};

const UID: &[u8] = b"$LXUID";
const GID: &[u8] = b"$LXGID";
const MODE: &[u8] = b"$LXMOD";
const DEVICE: &[u8] = b"$LXDEV";

/// Begins the name of an EA that holds an extended attribute of Linux.
const XATTR_PREFIX: &[u8] = b"LX.";

/// Begins the value of such an EA.
const XATTR_MAGIC: &[u8] = b"aexl";

/// What is added to a byte that Windows forbids in names.
const ESCAPE: u16 = 0xF000;

/// The type bits of a mode.
const TYPE_MASK: u32 = 0o170_000;

/// The permission bits of a mode, with set-id and sticky bits.
const PERMISSION_MASK: u32 = 0o7777;

/// What a Linux file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileType {
    /// A file with data.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A socket.
    Socket,
}

impl FileType {
    /// Returns what a reparse point of a tag is; `None` for tags that are no Linux type.
    pub fn of_tag(tag: ReparseTag) -> Option<Self> {
        match tag {
            ReparseTag::LX_SYMLINK | ReparseTag::SYMLINK | ReparseTag::MOUNT_POINT => Some(Self::Symlink),
            ReparseTag::LX_FIFO => Some(Self::Fifo),
            ReparseTag::LX_CHR => Some(Self::CharDevice),
            ReparseTag::LX_BLK => Some(Self::BlockDevice),
            ReparseTag::AF_UNIX => Some(Self::Socket),
            _ => None,
        }
    }

    /// Returns the type bits of a mode.
    pub const fn mode_bits(self) -> u32 {
        match self {
            Self::Fifo => 0o010_000,
            Self::CharDevice => 0o020_000,
            Self::Directory => 0o040_000,
            Self::BlockDevice => 0o060_000,
            Self::Regular => 0o100_000,
            Self::Symlink => 0o120_000,
            Self::Socket => 0o140_000,
        }
    }
}

/// The number of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Device {
    /// Which driver.
    pub major: u32,
    /// Which of its devices.
    pub minor: u32,
}

/// Owner, mode and device as the EAs of a file say, each if it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinuxMetadata {
    /// The user.
    pub uid: Option<u32>,
    /// The group.
    pub gid: Option<u32>,
    /// The mode with its type bits, unchecked; see [`permissions`](Self::permissions).
    pub mode: Option<u32>,
    /// The device that a device file stands for.
    pub device: Option<Device>,
}

impl LinuxMetadata {
    /// Reads a list of EAs. A value of the wrong length counts as absent.
    pub fn read(list: &[u8]) -> Result<Self, Fault> {
        let mut metadata = Self::default();
        for ea in eas::iter(list) {
            metadata.take(ea?);
        }
        Ok(metadata)
    }

    fn take(&mut self, ea: Ea<'_>) {
        if !ea.name.starts_with(b"$") {
            return;
        }
        if ea.is(UID) {
            self.uid = number(ea.value).filter(|&uid| uid != u32::MAX);
        } else if ea.is(GID) {
            self.gid = number(ea.value).filter(|&gid| gid != u32::MAX);
        } else if ea.is(MODE) {
            self.mode = number(ea.value);
        } else if ea.is(DEVICE) {
            let pair = <[U32; 2]>::read_from_bytes(ea.value).ok();
            self.device = pair.map(|[major, minor]| Device { major: major.get(), minor: minor.get() });
        }
    }

    /// Returns whether any of the four is there: the mark of a file that came from Linux.
    pub fn is_present(&self) -> bool {
        *self != Self::default()
    }

    /// Returns the permission bits; `None` where the mode is absent, has unknown bits, or is of another type than
    /// the file.
    pub fn permissions(&self, file_type: FileType) -> Option<u32> {
        let mode = self.mode?;
        let known = mode & !(TYPE_MASK | PERMISSION_MASK) == 0;
        (known && mode & TYPE_MASK == file_type.mode_bits()).then_some(mode & PERMISSION_MASK)
    }
}

fn number(value: &[u8]) -> Option<u32> {
    U32::read_from_bytes(value).ok().map(U32::get)
}

/// Returns the name, in the case it has on disk, and the value of the Linux extended attribute that an EA holds;
/// `None` for other EAs. Shown names are in lower case.
pub fn xattr<'a>(ea: &Ea<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let (prefix, name) = ea.name.split_at_checked(XATTR_PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(XATTR_PREFIX) || name.is_empty() {
        return None;
    }
    Some((name, ea.value.strip_prefix(XATTR_MAGIC)?))
}

/// Where a symbolic link of Linux leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinuxLink<'a> {
    /// To this target.
    Target(&'a [u8]),
    /// To the target that is the file's data: an older form.
    InData,
}

/// Reads a symbolic link of Linux; `None` for other reparse points.
pub fn linux_link(buffer: &[u8]) -> Result<Option<LinuxLink<'_>>, Fault> {
    let (tag, data) = reparse::split(buffer)?;
    if tag != ReparseTag::LX_SYMLINK {
        return Ok(None);
    }
    let malformed = |reason: &str| Fault::Malformed { what: "the reparse data", reason: reason.to_owned() };
    let (version, target) =
        U32::read_from_prefix(data).map_err(|_| malformed("the version of a symbolic link is missing"))?;
    match version.get() {
        1 => Ok(Some(LinuxLink::InData)),
        2 => Ok(Some(LinuxLink::Target(target))),
        _ => Err(malformed("the version of a symbolic link is unknown")),
    }
}

/// Returns the unit that stands in an image for a unit of a Linux name.
pub fn escape(unit: u16) -> u16 {
    if is_forbidden(unit) { unit | ESCAPE } else { unit }
}

/// Returns the unit of a Linux name that a unit in an image stands for.
pub fn unescape(unit: u16) -> u16 {
    let low = unit & 0xFF;
    // NUL and the separator are in no Linux name, so nothing stands for them.
    let escapes = unit & 0xFF00 == ESCAPE && is_forbidden(low) && low != 0 && low != u16::from(b'/');
    if escapes { low } else { unit }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &[u8] = b"\x14\0\0\0\0\x06\x04\0$LXUID\0\xe8\x03\0\0\
        \x14\0\0\0\0\x06\x04\0$LXGID\0\xff\xff\xff\xff\
        \x14\0\0\0\0\x06\x04\0$LXMOD\0\xa4\x21\0\0\
        \0\0\0\0\0\x06\x08\0$LXDEV\0\x01\0\0\0\x03\0\0\0";

    #[test]
    fn metadata_is_read() {
        let metadata = LinuxMetadata::read(OWNER).unwrap();
        let device = Some(Device { major: 1, minor: 3 });
        assert_eq!(metadata, LinuxMetadata { uid: Some(1000), gid: None, mode: Some(0o020_644), device });
        assert!(metadata.is_present());
        assert!(!LinuxMetadata::read(&[]).unwrap().is_present());
    }

    #[test]
    fn a_mode_counts_only_for_its_type() {
        let metadata = LinuxMetadata::read(OWNER).unwrap();
        assert_eq!(metadata.permissions(FileType::CharDevice), Some(0o644));
        assert_eq!(metadata.permissions(FileType::Regular), None);
        let odd = LinuxMetadata { mode: Some(0x1_0000 | 0o100_644), ..metadata };
        assert_eq!(odd.permissions(FileType::Regular), None);
    }

    #[test]
    fn values_of_the_wrong_length_are_absent() {
        let short = b"\0\0\0\0\0\x06\x03\0$LXUID\0\xe8\x03\0\0";
        assert!(!LinuxMetadata::read(short).unwrap().is_present());
        assert!(LinuxMetadata::read(&short[..10]).is_err());
    }

    #[test]
    fn xattrs_are_told_by_prefix_and_magic() {
        let ea = |name, value| Ea { flags: 0, name, value };
        let capability = ea(b"LX.SECURITY.CAPABILITY", b"aexl\x01\x02");
        assert_eq!(xattr(&capability), Some((&b"SECURITY.CAPABILITY"[..], &[1, 2][..])));
        assert_eq!(xattr(&ea(b"lx.user.a", b"aexl")), Some((&b"user.a"[..], &[][..])));
        assert_eq!(xattr(&ea(b"LX.USER.A", b"axel\x01")), None);
        assert_eq!(xattr(&ea(b"LX.", b"aexl")), None);
        assert_eq!(xattr(&ea(b"$LXUID", b"aexl")), None);
    }

    #[test]
    fn links_of_both_versions_are_read() {
        let two = b"\x1d\0\0\xa0\x05\0\0\0\x02\0\0\0a";
        assert_eq!(linux_link(two).unwrap(), Some(LinuxLink::Target(b"a")));
        let one = b"\x1d\0\0\xa0\x04\0\0\0\x01\0\0\0";
        assert_eq!(linux_link(one).unwrap(), Some(LinuxLink::InData));
        assert!(linux_link(b"\x1d\0\0\xa0\x04\0\0\0\x03\0\0\0").is_err());
        assert!(linux_link(b"\x1d\0\0\xa0\x02\0\0\0\x02\0").is_err());
        assert_eq!(linux_link(b"\x24\0\0\x80\0\0\0\0").unwrap(), None);
    }

    #[test]
    fn escapes_lead_back() {
        for unit in (1..0x80u16).filter(|&unit| unit != u16::from(b'/')) {
            assert_eq!(unescape(escape(unit)), unit, "{unit:#x}");
        }
        assert_eq!(escape(u16::from(b':')), 0xF03A);
        assert_eq!(unescape(0xF05C), u16::from(b'\\'));
        for kept in [0xF000, 0xF02F, 0xF041, 0xF07F, 0xE03A, 0x3A] {
            assert_eq!(unescape(kept), kept, "{kept:#x}");
        }
    }
}
