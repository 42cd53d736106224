//! Linux metadata in an image, by the conventions of WSL: owner, mode, type, names and extended attributes of a Linux file
//! as EAs and reparse points.
//!
//! | EA | value |
//! |---|---|
//! | `$LXUID` | u32 user; 0xFFFFFFFF says nothing |
//! | `$LXGID` | u32 group; 0xFFFFFFFF says nothing |
//! | `$LXMOD` | u32 mode with type bits |
//! | `$LXDEV` | u32 major, u32 minor |
//! | `LX.` + name, `LXATTR.` + number | an extended attribute, see `xattrs` |
//!
//! The escapes of names are in `names`.

mod names;
mod xattrs;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, IntoBytes};

pub use names::{append_name, is_name, name_units, unescape};
pub use xattrs::{EXACT_PREFIX, Namespace, is_overlay_note, xattr};

use super::ea::{Ea, EaBuilder, EaError, EaList};
use super::error::Fault;
use super::reparse::{Reparse, Tag};

const UID: &[u8] = b"$LXUID";
const GID: &[u8] = b"$LXGID";
const MODE: &[u8] = b"$LXMOD";
const DEVICE: &[u8] = b"$LXDEV";

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
    pub fn of_tag(tag: Tag) -> Option<Self> {
        match tag {
            Tag::LX_SYMLINK | Tag::SYMLINK | Tag::MOUNT_POINT => Some(Self::Symlink),
            Tag::LX_FIFO => Some(Self::Fifo),
            Tag::LX_CHR => Some(Self::CharDevice),
            Tag::LX_BLK => Some(Self::BlockDevice),
            Tag::AF_UNIX => Some(Self::Socket),
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

impl Device {
    /// Returns whether overlays take a character device of this number for a whiteout. The kernel drops the bits that it
    /// has no room for: 12 are left of `major`, and 20 of `minor`.
    pub fn is_whiteout(self) -> bool {
        self.major & 0xFFF == 0 && self.minor & 0xF_FFFF == 0
    }
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
        EaList::parse(list)?.iter().for_each(|ea| metadata.take(ea));
        Ok(metadata)
    }

    fn take(&mut self, ea: Ea<'_>) {
        if !ea.name.starts_with(b"$") {
            return;
        }
        if ea.name.eq_ignore_ascii_case(UID) {
            self.uid = number(ea.value).filter(|&uid| uid != u32::MAX);
        } else if ea.name.eq_ignore_ascii_case(GID) {
            self.gid = number(ea.value).filter(|&gid| gid != u32::MAX);
        } else if ea.name.eq_ignore_ascii_case(MODE) {
            self.mode = number(ea.value);
        } else if ea.name.eq_ignore_ascii_case(DEVICE) {
            let pair = <[U32; 2]>::read_from_bytes(ea.value).ok();
            self.device = pair.map(|[major, minor]| Device { major: major.get(), minor: minor.get() });
        }
    }

    /// Makes the list of EAs of a file: what is there of the four, then extended attributes in the order of their names.
    pub fn write<'a>(
        &self,
        xattrs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<Vec<u8>, EaError> {
        let mut eas = EaBuilder::new();
        for (name, number) in [(UID, self.uid), (GID, self.gid), (MODE, self.mode)] {
            if let Some(number) = number {
                eas.push(0, name, &number.to_le_bytes())?;
            }
        }
        if let Some(Device { major, minor }) = self.device {
            eas.push(0, DEVICE, [U32::new(major), U32::new(minor)].as_bytes())?;
        }
        xattrs::push(&mut eas, xattrs)?;
        Ok(eas.in_order())
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

/// Returns whether an EA is one of the four that say owner, mode and device.
pub fn is_metadata(ea: &Ea<'_>) -> bool {
    [UID, GID, MODE, DEVICE].iter().any(|name| ea.name.eq_ignore_ascii_case(name))
}

/// Where a symbolic link of Linux leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinuxLink<'a> {
    /// To this target.
    Target(&'a [u8]),
    /// To the target that is the file's data: an older form.
    InData,
}

/// Returns where a symbolic link of Linux leads; `None` for other reparse points.
pub fn linux_link(reparse: Reparse<'_>) -> Option<LinuxLink<'_>> {
    match reparse {
        Reparse::LxSymlink(target) => Some(LinuxLink::Target(target)),
        Reparse::LxSymlinkInFile => Some(LinuxLink::InData),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut eas = EaBuilder::new();
        entries.iter().for_each(|(name, value)| eas.push(0, name, value).unwrap());
        eas.in_order()
    }

    fn device() -> Vec<u8> {
        list(&[
            (UID, &1000u32.to_le_bytes()),
            (GID, &[0xFF; 4]),
            (MODE, &0o020_644u32.to_le_bytes()),
            (DEVICE, b"\x01\0\0\0\x03\0\0\0"),
        ])
    }

    #[test]
    fn metadata_is_read() {
        let metadata = LinuxMetadata::read(&device()).unwrap();
        let device = Some(Device { major: 1, minor: 3 });
        assert_eq!(metadata, LinuxMetadata { uid: Some(1000), gid: None, mode: Some(0o020_644), device });
        assert!(metadata.is_present());
        assert!(!LinuxMetadata::read(&[]).unwrap().is_present());
    }

    #[test]
    fn a_mode_counts_only_for_its_type() {
        let metadata = LinuxMetadata::read(&device()).unwrap();
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
    fn links_of_both_versions_are_read() {
        let link = |buffer: &'static [u8]| linux_link(Reparse::parse(buffer).unwrap());
        assert_eq!(link(b"\x1d\0\0\xa0\x05\0\0\0\x02\0\0\0a"), Some(LinuxLink::Target(b"a")));
        assert_eq!(link(b"\x1d\0\0\xa0\x04\0\0\0\x01\0\0\0"), Some(LinuxLink::InData));
        assert_eq!(link(b"\x24\0\0\x80\0\0\0\0"), None);
    }

    #[test]
    fn what_is_written_is_read() {
        let metadata = LinuxMetadata::read(&device()).unwrap();
        let eas = metadata.write([(&b"user.b"[..], &b"2"[..]), (b"user.a", b"")]).unwrap();
        assert_eq!(LinuxMetadata::read(&eas).unwrap(), metadata);
        let list = EaList::parse(&eas).unwrap();
        let names: Vec<_> = list.iter().filter_map(|ea| Some(xattr(&ea)?.0.into_owned())).collect();
        assert_eq!(names, [b"user.a", b"user.b"]);
    }
}
