//! Reading the upper directory of an overlay, which belongs to somebody else.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bitflags::bitflags;
use rustix::fs::{self as sys, AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::cim::wsl::FileType;
use crate::layer::export::archive::RecordMap;
use crate::layer::export::error::{EntryError, ExportError};
use crate::layer::export::linux;

bitflags! {
    /// What an overlay notes of a file, in extended attributes.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Marks: u8 {
        /// Nothing shows through the directory.
        const OPAQUE = 1;
        /// The file stands for a deleted one.
        const WHITEOUT = 2;
        /// What is in the directory lies elsewhere.
        const REDIRECT = 4;
        /// The data of the file lies elsewhere.
        const METACOPY = 8;
    }
}

/// Where overlays keep their notes: mounted by root, or by anybody else.
const NOTES: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// Begins the rest of the name of an attribute that a program set through the overlay, and that looked like a note.
const ESCAPED: &[u8] = b"overlay.";

/// The longest list of names, and the longest value, that Linux hands out.
const MAX_XATTR: usize = 1 << 16;

/// A name in a directory that is open.
pub(super) struct Place<'a> {
    pub(super) upper: &'a Path,
    pub(super) directory: &'a OwnedFd,
    pub(super) name: &'a [u8],
    /// The path in the layer.
    pub(super) text: &'a [u8],
}

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC);

/// Opens the upper directory itself, to which a link may lead.
pub(super) fn open_root(upper: &Path) -> Result<OwnedFd, ExportError> {
    sys::open(upper, DIRECTORY, Mode::empty()).map_err(|error| unreadable(upper, b"", error))
}

pub(super) fn unreadable(upper: &Path, text: &[u8], error: impl Into<io::Error>) -> ExportError {
    ExportError::Read { path: upper.join(OsStr::from_bytes(text)), source: error.into() }
}

/// Returns what a file is; `None` for what Linux does not have.
pub(super) fn file_type(stat: &Stat) -> Option<FileType> {
    match sys::FileType::from_raw_mode(stat.st_mode) {
        sys::FileType::RegularFile => Some(FileType::Regular),
        sys::FileType::Directory => Some(FileType::Directory),
        sys::FileType::Symlink => Some(FileType::Symlink),
        sys::FileType::Fifo => Some(FileType::Fifo),
        sys::FileType::CharacterDevice => Some(FileType::CharDevice),
        sys::FileType::BlockDevice => Some(FileType::BlockDevice),
        sys::FileType::Socket => Some(FileType::Socket),
        sys::FileType::Unknown => None,
    }
}

impl Place<'_> {
    pub(super) fn unreadable(&self, error: impl Into<io::Error>) -> ExportError {
        unreadable(self.upper, self.text, error)
    }

    /// Lists the directory itself, in the order of the names.
    pub(super) fn list(&self) -> Result<Vec<(Vec<u8>, Stat)>, ExportError> {
        let mut found = Vec::new();
        for entry in sys::Dir::read_from(self.directory).map_err(|error| self.unreadable(error))? {
            let entry = entry.map_err(|error| self.unreadable(error))?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let stat = sys::statat(self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
            found.push((name.to_bytes().to_vec(), stat.map_err(|error| self.unreadable(error))?));
        }
        found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    pub(super) fn open_directory(&self) -> Result<OwnedFd, ExportError> {
        let name = OsStr::from_bytes(self.name);
        let opened = sys::openat(self.directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
        opened.map_err(|error| self.unreadable(error))
    }

    /// Opens a file, and returns its size. Opening a pipe that took the file's place must not wait for a writer.
    pub(super) fn open_file(&self, stat: &Stat) -> Result<(OwnedFd, u64), ExportError> {
        let name = OsStr::from_bytes(self.name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = sys::openat(self.directory, name, flags, Mode::empty());
        let opened = opened.map_err(|error| self.unreadable(error))?;
        let now = sys::fstat(&opened).map_err(|error| self.unreadable(error))?;
        let same = (now.st_dev, now.st_ino, now.st_mode) == (stat.st_dev, stat.st_ino, stat.st_mode);
        let size = u64::try_from(now.st_size).ok().filter(|_| same);
        let size = size.ok_or_else(|| ExportError::entry(self.text, EntryError::Changed))?;
        Ok((opened, size))
    }

    pub(super) fn read_link(&self) -> Result<Vec<u8>, ExportError> {
        let target = sys::readlinkat(self.directory, OsStr::from_bytes(self.name), Vec::new());
        Ok(target.map_err(|error| self.unreadable(error))?.into_bytes())
    }

    /// Returns whether the file stands for one that was deleted: in the older form, or in that for overlays on
    /// overlays, which cannot have the older one.
    pub(super) fn is_whiteout(&self, stat: &Stat) -> Result<bool, ExportError> {
        match file_type(stat) {
            Some(FileType::CharDevice) => Ok(stat.st_rdev == 0),
            Some(FileType::Regular) if stat.st_size == 0 => Ok(self.xattrs()?.1.contains(Marks::WHITEOUT)),
            _ => Ok(false),
        }
    }

    /// Returns records for the extended attributes of the file, and what the overlay notes in others.
    pub(super) fn xattrs(&self) -> Result<(RecordMap, Marks), ExportError> {
        let (mut records, mut marks) = (RecordMap::new(), Marks::empty());
        // No call takes a name in a directory that is open.
        let directory = format!("/proc/self/fd/{}/", self.directory.as_raw_fd());
        let path = [directory.as_bytes(), self.name].concat();
        let mut list = vec![0; MAX_XATTR];
        let len = match sys::llistxattr(path.as_slice(), &mut list[..]) {
            Err(Errno::NOTSUP) => 0,
            len => len.map_err(|error| self.unreadable(error))?,
        };
        list.truncate(len);
        let mut value = if list.is_empty() { Vec::new() } else { vec![0; MAX_XATTR] };
        for name in list.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let len = sys::lgetxattr(path.as_slice(), name, &mut value[..]);
            let value = value.get(..len.map_err(|error| self.unreadable(error))?).unwrap_or_default();
            match note(name) {
                Some(note) => match note.strip_prefix(ESCAPED) {
                    None => marks |= mark(note, value),
                    Some(_) => self.add(&mut records, &unescaped(name, note), value)?,
                },
                None => self.add(&mut records, name, value)?,
            }
        }
        Ok((records, marks))
    }

    fn add(&self, records: &mut RecordMap, name: &[u8], value: &[u8]) -> Result<(), ExportError> {
        let record = linux::xattr(name, value).map_err(|error| ExportError::entry(self.text, error))?;
        records.extend(record);
        Ok(())
    }
}

/// Returns what stands behind the prefix of a note; `None` for the names of other attributes.
fn note(name: &[u8]) -> Option<&[u8]> {
    NOTES.iter().find_map(|prefix| name.strip_prefix(*prefix))
}

/// Returns the name by which a program set an attribute.
fn unescaped(name: &[u8], note: &[u8]) -> Vec<u8> {
    let prefix = name.strip_suffix(note).unwrap_or_default();
    [prefix, note.strip_prefix(ESCAPED).unwrap_or_default()].concat()
}

/// Returns what a note says. Others, like where a file was copied from, mean nothing outside of the overlay.
fn mark(note: &[u8], value: &[u8]) -> Marks {
    match (note, value) {
        (b"opaque", b"y") => Marks::OPAQUE,
        (b"whiteout", _) => Marks::WHITEOUT,
        (b"redirect", _) => Marks::REDIRECT,
        (b"metacopy", _) => Marks::METACOPY,
        _ => Marks::empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_overlays_are_told_from_attributes() {
        assert_eq!(note(b"trusted.overlay.opaque"), Some(&b"opaque"[..]));
        assert_eq!(note(b"user.overlay.whiteout"), Some(&b"whiteout"[..]));
        assert_eq!(note(b"user.over"), None);
        assert_eq!(mark(b"opaque", b"y"), Marks::OPAQUE);
        assert_eq!(mark(b"opaque", b"x"), Marks::empty(), "whiteouts in it are attributes");
        assert_eq!(mark(b"origin", b"y"), Marks::empty());
        let escaped = b"trusted.overlay.overlay.opaque";
        let name = unescaped(escaped, note(escaped).unwrap());
        assert_eq!(name, b"trusted.overlay.opaque");
    }
}
