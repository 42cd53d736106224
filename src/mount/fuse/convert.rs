//! Between the view and the kernel: numbers, times, types.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, INodeNo};

use crate::cim::wsl::{Device, FileType};
use crate::cim::{FileId, FileTime};
use crate::mount::view::Attributes;

/// The kernel's number for the root.
const ROOT: u32 = 1;

/// Inode numbers are file ids, except that the root is 1 to the kernel. In an image whose root has another id, the two
/// numbers change places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    root: u32,
}

impl Numbers {
    pub(super) fn new(root: FileId) -> Self {
        Self { root: root.raw() }
    }

    /// Returns the file of an inode number; `None` for a number that no file can have.
    pub(super) fn file(self, ino: u64) -> Option<FileId> {
        FileId::from_raw(self.swap(u32::try_from(ino).ok()?))
    }

    pub(super) fn inode(self, id: FileId) -> INodeNo {
        INodeNo(self.swap(id.raw()).into())
    }

    fn swap(self, number: u32) -> u32 {
        match number {
            ROOT => self.root,
            number if number == self.root => ROOT,
            number => number,
        }
    }
}

/// Translates attributes.
pub(super) fn attributes(of: &Attributes, ino: INodeNo) -> FileAttr {
    FileAttr {
        ino,
        size: of.size,
        blocks: of.blocks,
        atime: time(of.accessed),
        mtime: time(of.modified),
        ctime: time(of.changed),
        crtime: UNIX_EPOCH,
        kind: kind(of.file_type),
        perm: u16::try_from(of.permissions & 0o7777).expect("masked to 12 bits"),
        nlink: of.links,
        uid: of.uid,
        gid: of.gid,
        rdev: device(of.device),
        blksize: BLOCK_SIZE,
        flags: 0,
    }
}

/// The unit of `statfs`, and the advice of `stat` for reading.
pub(super) const BLOCK_SIZE: u32 = 4096;

/// Attributes for a name whose file cannot be read, so that it is listed and asking for it fails.
pub(super) fn unreadable(ino: INodeNo) -> FileAttr {
    FileAttr {
        ino,
        size: 0,
        blocks: 0,
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind: fuser::FileType::RegularFile,
        perm: 0,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: BLOCK_SIZE,
        flags: 0,
    }
}

pub(super) fn kind(of: FileType) -> fuser::FileType {
    match of {
        FileType::Regular => fuser::FileType::RegularFile,
        FileType::Directory => fuser::FileType::Directory,
        FileType::Symlink => fuser::FileType::Symlink,
        FileType::Fifo => fuser::FileType::NamedPipe,
        FileType::CharDevice => fuser::FileType::CharDevice,
        FileType::BlockDevice => fuser::FileType::BlockDevice,
        FileType::Socket => fuser::FileType::Socket,
    }
}

const NANOS: u128 = 1_000_000_000;

/// Every time that an image can name fits: the last is in the year 60,055.
fn time(of: FileTime) -> SystemTime {
    let nanos = of.unix_nanos();
    let whole = u64::try_from(nanos.unsigned_abs() / NANOS).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos.unsigned_abs() % NANOS).expect("the rest is below 10^9");
    let distance = Duration::new(whole, rest);
    let time = if nanos < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}

/// Packs a device number as the kernel unpacks it: 12 bits of major, 20 of minor.
fn device(of: Device) -> u32 {
    (of.minor & 0xFF) | (of.major & 0xFFF) << 8 | (of.minor & 0xF_FF00) << 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_1_and_the_numbers_stay_unique() {
        for root in [1, 5] {
            let numbers = Numbers::new(FileId::from_raw(root).unwrap());
            assert_eq!(numbers.file(1).unwrap().raw(), root);
            for ino in 1..10 {
                assert_eq!(numbers.inode(numbers.file(ino).unwrap()), INodeNo(ino));
            }
        }
        let numbers = Numbers::new(FileId::ROOT);
        assert!(numbers.file(0).is_none() && numbers.file(1 << 32).is_none());
    }

    #[test]
    fn times_keep_their_100_ns() {
        let of = |raw| time(FileTime::from_raw(raw));
        assert_eq!(
            of(FileTime::UNIX_EPOCH.raw() + 15_000_001),
            UNIX_EPOCH + Duration::from_nanos(1_500_000_100)
        );
        assert_eq!(of(0), UNIX_EPOCH - Duration::from_secs(11_644_473_600));
        assert!(of(u64::MAX) > UNIX_EPOCH);
    }

    #[test]
    fn devices_pack_as_linux_does() {
        assert_eq!(device(Device { major: 1, minor: 3 }), 0x103);
        assert_eq!(device(Device { major: 0xFFF, minor: 0xF_FFFF }), 0xFFFF_FFFF);
        assert_eq!(device(Device { major: 8, minor: 0x123 }), 0x10_0823);
    }
}
