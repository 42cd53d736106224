//! POSIX ACLs in the form that Linux exchanges with programs: the values of `system.posix_acl_access` and
//! `system.posix_acl_default`.
//!
//! A value is the version, a u32, then entries of 8 bytes: tag u16, permissions u16, user or group id u32. All numbers are
//! little-endian. The checks and their order are those of the kernel's `setxattr`, except for the limit on the number of
//! entries, which file systems set.

use thiserror::Error;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The version that the kernel knows.
const VERSION: u32 = 2;

/// The most entries: the kernel reads no more than a page from a FUSE file system. ext4 holds fewer.
pub const MAX_ENTRIES: usize = (4096 - size_of::<U32>()) / size_of::<Entry>();

const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// All permissions: read, write, execute.
const ALL: u16 = 7;

/// The id of an entry that needs none, and of no user or group.
const NO_ID: u32 = u32::MAX;

/// Which of its two ACLs a file has under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AclKind {
    /// Decides who may do what with the file.
    Access,
    /// Belongs to a directory: new files in it inherit it.
    Default,
}

impl AclKind {
    /// Returns the name of the extended attribute.
    pub const fn xattr(self) -> &'static [u8] {
        match self {
            Self::Access => b"system.posix_acl_access",
            Self::Default => b"system.posix_acl_default",
        }
    }

    /// Returns which ACL an extended attribute holds; `None` for other attributes.
    pub fn of_xattr(name: &[u8]) -> Option<Self> {
        [Self::Access, Self::Default].into_iter().find(|kind| kind.xattr() == name)
    }
}

/// A rule that an ACL breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each message says what its fields mean")]
pub enum AclError {
    #[error("POSIX ACL has version {0}, not 2")]
    Version(u32),
    #[error("POSIX ACL of {len} bytes is cut off")]
    Length { len: usize },
    #[error("POSIX ACL has an entry with the unknown tag {0:#06x}")]
    Tag(u16),
    #[error("POSIX ACL has an entry for a user or group without an id")]
    NoId,
    #[error("POSIX ACL has an entry with the unknown permissions {0:#06x}")]
    Permissions(u16),
    #[error("POSIX ACL has an entry with tag {0:#06x} out of order or twice")]
    Order(u16),
    #[error("POSIX ACL has no entry for owner, group, other or mask, which it needs")]
    Incomplete,
    #[error("POSIX ACL has {count} entries, more than {MAX_ENTRIES}")]
    TooMany { count: usize },
    #[error("a file that is not a directory has a default POSIX ACL")]
    DefaultOfFile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Entry {
    tag: U16,
    permissions: U16,
    id: U32,
}

/// An ACL, with at least one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosixAcl {
    entries: Vec<Entry>,
}

impl PosixAcl {
    /// Reads an ACL, as far as the kernel checks one for every kind of file. No bytes and no entries are no ACL.
    pub fn parse(value: &[u8]) -> Result<Option<Self>, AclError> {
        if value.is_empty() {
            return Ok(None);
        }
        let length = || AclError::Length { len: value.len() };
        let (version, entries) = U32::read_from_prefix(value).map_err(|_| length())?;
        if version.get() != VERSION {
            return Err(AclError::Version(version.get()));
        }
        let mut entries = <[Entry]>::ref_from_bytes(entries).map_err(|_| length())?.to_vec();
        entries.iter_mut().try_for_each(Entry::parse)?;
        Ok((!entries.is_empty()).then_some(Self { entries }))
    }

    /// Checks that the ACL makes sense.
    pub fn check(&self) -> Result<(), AclError> {
        let mut next = Next::Owner;
        let mut needs_mask = false;
        for entry in &self.entries {
            let (tag, permissions) = (entry.tag.get(), entry.permissions.get());
            if permissions & !ALL != 0 {
                return Err(AclError::Permissions(permissions));
            }
            needs_mask |= matches!(tag, USER | GROUP);
            next = match (next, tag) {
                (Next::Owner, USER_OBJ) | (Next::Users, USER) => Next::Users,
                (Next::Users, GROUP_OBJ) | (Next::Groups, GROUP) => Next::Groups,
                (Next::Groups, MASK) => Next::Other,
                (Next::Groups, OTHER) if needs_mask => return Err(AclError::Incomplete),
                (Next::Groups | Next::Other, OTHER) => Next::End,
                _ => return Err(AclError::Order(tag)),
            };
        }
        match next {
            Next::End if self.entries.len() > MAX_ENTRIES => {
                Err(AclError::TooMany { count: self.entries.len() })
            }
            Next::End => Ok(()),
            _ => Err(AclError::Incomplete),
        }
    }

    /// Sets the permissions of owner, mask and others to those of a mode, as `chmod` does. Without a mask, those of the
    /// group.
    pub fn set_mode(&mut self, mode: u32) {
        let group = if self.entries.iter().any(|entry| entry.tag.get() == MASK) { MASK } else { GROUP_OBJ };
        for entry in &mut self.entries {
            let shift = match entry.tag.get() {
                USER_OBJ => 6,
                tag if tag == group => 3,
                OTHER => 0,
                _ => continue,
            };
            let bits = u16::try_from(mode >> shift & u32::from(ALL)).expect("three bits are left");
            entry.permissions = U16::new(bits);
        }
    }

    /// Returns whether the ACL says no more than a mode can.
    pub fn is_mode(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry.tag.get(), USER_OBJ | GROUP_OBJ | OTHER))
    }

    /// Returns the value of the extended attribute.
    pub fn to_xattr(&self) -> Vec<u8> {
        [&VERSION.to_le_bytes(), self.entries.as_bytes()].concat()
    }
}

/// What a list may go on with.
#[derive(Clone, Copy)]
enum Next {
    Owner,
    Users,
    Groups,
    Other,
    End,
}

impl Entry {
    /// Checks tag and id, and clears an id that has no meaning.
    fn parse(&mut self) -> Result<(), AclError> {
        match self.tag.get() {
            USER | GROUP if self.id.get() == NO_ID => return Err(AclError::NoId),
            USER | GROUP => {}
            USER_OBJ | GROUP_OBJ | MASK | OTHER => self.id = U32::new(NO_ID),
            tag => return Err(AclError::Tag(tag)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let entry = |&(tag, permissions, id): &(u16, u16, u32)| {
            [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
        };
        let entries: Vec<u8> = entries.iter().flat_map(entry).collect();
        [&VERSION.to_le_bytes()[..], &entries].concat()
    }

    const FULL: [(u16, u16, u32); 6] = [
        (USER_OBJ, 6, NO_ID),
        (USER, 7, 1000),
        (GROUP_OBJ, 4, NO_ID),
        (GROUP, 5, 50),
        (MASK, 7, NO_ID),
        (OTHER, 4, NO_ID),
    ];

    fn acl(entries: &[(u16, u16, u32)]) -> Result<PosixAcl, AclError> {
        let acl = PosixAcl::parse(&value(entries))?.expect("entries");
        acl.check().map(|()| acl)
    }

    #[test]
    fn chmod_changes_owner_mask_and_others() {
        let mut full = acl(&FULL).unwrap();
        full.set_mode(0o6521);
        let mut expected = FULL;
        (expected[0].1, expected[4].1, expected[5].1) = (5, 2, 1);
        assert_eq!(full.to_xattr(), value(&expected));
        assert!(!full.is_mode());
        let mut small = acl(&[FULL[0], FULL[2], FULL[5]]).unwrap();
        small.set_mode(0o750);
        assert_eq!(
            small.to_xattr(),
            value(&[(USER_OBJ, 7, NO_ID), (GROUP_OBJ, 5, NO_ID), (OTHER, 0, NO_ID)])
        );
        assert!(small.is_mode());
        let masked = acl(&[FULL[0], FULL[2], FULL[4], FULL[5]]).unwrap();
        assert!(!masked.is_mode());
    }

    #[test]
    fn ids_without_meaning_are_cleared() {
        let odd = acl(&[(USER_OBJ, 6, 5), (GROUP_OBJ, 4, 0), (OTHER, 4, 7)]).unwrap();
        assert_eq!(odd.to_xattr(), value(&[FULL[0], FULL[2], FULL[5]]));
    }

    #[test]
    fn the_number_of_entries_is_limited() {
        let many = |count: u32| {
            let users = (0..count).map(|id| (USER, 7, id));
            acl(&[FULL[0]].into_iter().chain(users).chain(FULL[2..].iter().copied()).collect::<Vec<_>>())
        };
        assert!(many(506).is_ok());
        assert_eq!(many(507), Err(AclError::TooMany { count: 512 }));
        assert_eq!(MAX_ENTRIES, 511);
    }

    /// Asks the kernel what it makes of a value, on a file system that has ACLs.
    #[cfg(target_os = "linux")]
    fn kernel(name: &str, at: &std::path::Path, value: &[u8]) -> Result<Option<Vec<u8>>, rustix::io::Errno> {
        rustix::fs::lsetxattr(at, name, value, rustix::fs::XattrFlags::empty())?;
        let mut found = vec![0; 65_536];
        match rustix::fs::lgetxattr(at, name, &mut found) {
            Err(rustix::io::Errno::NODATA) => Ok(None),
            len => {
                found.truncate(len?);
                Ok(Some(found))
            }
        }
    }

    fn ours(value: &[u8]) -> Result<Option<Vec<u8>>, AclError> {
        let Some(acl) = PosixAcl::parse(value)? else { return Ok(None) };
        acl.check()?;
        Ok(Some(acl.to_xattr()))
    }

    #[cfg(target_os = "linux")]
    proptest! {
        #[test]
        fn values_are_judged_as_the_kernel_does(
            version in prop_oneof![9 => Just(2u32), 1 => any::<u32>()],
            from in 0usize..6,
            edits in prop::collection::vec(
                (0usize..7, any::<bool>(), (0u16..7, 0u16..9, prop_oneof![0u32..5, Just(NO_ID)])),
                0..3,
            ),
            cut in prop_oneof![9 => Just(0usize), 1 => 0usize..12],
        ) {
            // Begins with an ACL that is valid in part, because few lists at random are.
            let mut entries = if from < 2 { vec![FULL[0], FULL[2], FULL[5]] } else { FULL.to_vec() };
            for (at, replace, (tag, permissions, id)) in edits {
                let entry = (1 << tag, permissions, id);
                let at = at.min(entries.len());
                match entries.get_mut(at).filter(|_| replace) {
                    Some(old) => *old = entry,
                    None => entries.insert(at, entry),
                }
            }
            let mut value = value(&entries);
            value[..4].copy_from_slice(&version.to_le_bytes());
            value.truncate(value.len() - cut.min(value.len()));
            // A default ACL is kept as it is, whatever it says.
            let directory = tempfile::tempdir().unwrap();
            let kernel = kernel("system.posix_acl_default", directory.path(), &value);
            match (ours(&value), kernel) {
                (Ok(ours), Ok(kernel)) => prop_assert_eq!(ours, kernel),
                (Err(AclError::Version(_)), Err(rustix::io::Errno::OPNOTSUPP)) => {}
                (Err(_), Err(rustix::io::Errno::INVAL)) => {}
                (ours, kernel) => prop_assert!(false, "{:?} {:?}", ours, kernel),
            }
        }

        #[test]
        fn chmod_is_that_of_the_kernel(mode in 0u32..0o1000, masked: bool, named: bool) {
            let directory = tempfile::tempdir().unwrap();
            let entries: Vec<_> = FULL.iter().copied()
                .filter(|entry| named || !matches!(entry.0, USER | GROUP))
                .filter(|entry| masked || named || entry.0 != MASK)
                .collect();
            let name = "system.posix_acl_access";
            let mut ours = acl(&entries).unwrap();
            kernel(name, directory.path(), &ours.to_xattr()).unwrap();
            rustix::fs::chmod(directory.path(), rustix::fs::Mode::from_raw_mode(mode)).unwrap();
            ours.set_mode(mode);
            let mut found = vec![0; 1024];
            match rustix::fs::lgetxattr(directory.path(), name, &mut found) {
                Err(rustix::io::Errno::NODATA) => prop_assert!(ours.is_mode()),
                len => {
                    found.truncate(len.unwrap());
                    prop_assert_eq!(&found, &ours.to_xattr());
                    prop_assert!(!ours.is_mode());
                }
            }
        }
    }
}
