//! A directory of this machine.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use anyhow::Context;
use cimsnap::cim::FileTime;
use cimsnap::cim::wsl::{Device, FileType, LinuxMetadata};
use cimsnap::layer::linux;
use cimsnap::layer::metadata::{FileMetadata, Times};
use rustix::fs::SeekFrom;

use super::target::{Data, Item, Target};
use crate::cli::Result;
use crate::cli::failure::Failure;

/// Adds a directory and all below it, in the order of names: the same files always give the same image. So the times
/// of the last access and change, which copying alters, are taken from that of the last write.
pub(super) fn add(target: &mut Target<'_>, root: &Path) -> Result<()> {
    // The root may be given by a link; below it links are files of their own.
    let root = fs::canonicalize(root).with_context(|| format!("cannot read {}", root.display()))?;
    let mut walk = Walk { target, first_names: HashMap::new() };
    walk.add(&root, b"")?;
    let mut open = vec![(root, Vec::new(), Vec::new())];
    let (path, _, names) = &mut open[0];
    *names = list(path)?;
    while let Some((directory, inside, names)) = open.last_mut() {
        let Some(name) = names.pop() else {
            open.pop();
            continue;
        };
        let path = directory.join(&name);
        let inside = [inside.as_slice(), b"/", name.as_bytes()].concat();
        if walk.add(&path, &inside)? {
            let names = list(&path)?;
            open.push((path, inside, names));
        }
    }
    Ok(())
}

/// Lists a directory, last name first.
fn list(path: &Path) -> Result<Vec<OsString>> {
    let names = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect())
        .with_context(|| format!("cannot list {}", path.display()));
    let mut names: Vec<OsString> = names?;
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

struct Walk<'a, 'w> {
    target: &'a mut Target<'w>,
    /// Files with several names, by device and number, with the first name that was seen.
    first_names: HashMap<(u64, u64), Vec<u8>>,
}

impl Walk<'_, '_> {
    /// Adds one file; returns whether it is a directory.
    fn add(&mut self, path: &Path, inside: &[u8]) -> Result<bool> {
        let cannot_read = || format!("cannot read {}", path.display());
        let metadata = fs::symlink_metadata(path).with_context(cannot_read)?;
        let file_type = metadata.file_type();
        if metadata.nlink() > 1 && !file_type.is_dir() {
            let key = (metadata.dev(), metadata.ino());
            if let Some(first) = self.first_names.get(&key) {
                self.target.link(inside, first)?;
                return Ok(false);
            }
            self.first_names.insert(key, inside.to_vec());
        }
        let kind = kind(file_type);
        let link = match kind {
            FileType::Symlink => fs::read_link(path).with_context(cannot_read)?.into_os_string().into_vec(),
            _ => Vec::new(),
        };
        let described = describe(path, &metadata, kind, &link).with_context(cannot_read)?;
        let item = match kind {
            FileType::Directory => Item::Directory,
            FileType::Regular => {
                let mut file = File::open(path).with_context(cannot_read)?;
                // Of the file that was opened, which may be another one by now.
                let size = file.metadata().with_context(cannot_read)?.len();
                let mut fill = |data: &mut Data<'_>| copy(path, &mut file, data, size);
                self.target.put(inside, described, Item::File { size, fill: &mut fill })?;
                return Ok(false);
            }
            FileType::Symlink => Item::Symlink { target: &link, to_directory: path.is_dir() },
            FileType::Fifo => Item::Special("a pipe"),
            FileType::Socket => Item::Special("a socket"),
            FileType::CharDevice | FileType::BlockDevice => Item::Special("a device"),
        };
        self.target.put(inside, described, item)?;
        Ok(kind == FileType::Directory)
    }
}

fn kind(file_type: fs::FileType) -> FileType {
    match file_type {
        kind if kind.is_dir() => FileType::Directory,
        kind if kind.is_symlink() => FileType::Symlink,
        kind if kind.is_fifo() => FileType::Fifo,
        kind if kind.is_socket() => FileType::Socket,
        kind if kind.is_block_device() => FileType::BlockDevice,
        kind if kind.is_char_device() => FileType::CharDevice,
        _ => FileType::Regular,
    }
}

fn copy(path: &Path, file: &mut File, data: &mut Data<'_>, size: u64) -> Result<()> {
    if !is_hole(file)? && !data.copy(file, size)? {
        return Err(Failure::Shrank { path: path.display().to_string() }.into());
    }
    Ok(())
}

/// Returns whether a file has nothing but zeros, as far as the file system knows.
fn is_hole(file: &mut File) -> io::Result<bool> {
    match rustix::fs::seek(&*file, SeekFrom::Data(0)) {
        Err(rustix::io::Errno::NXIO) => Ok(true),
        // A file system that cannot tell.
        Err(rustix::io::Errno::INVAL) => Ok(false),
        found => {
            found?;
            file.rewind()?;
            Ok(false)
        }
    }
}

fn describe(path: &Path, metadata: &fs::Metadata, kind: FileType, link: &[u8]) -> Result<FileMetadata> {
    let nanos = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
    let number = metadata.rdev();
    let is_device = matches!(kind, FileType::CharDevice | FileType::BlockDevice);
    let linux = LinuxMetadata {
        uid: Some(metadata.uid()),
        gid: Some(metadata.gid()),
        mode: Some(kind.mode_bits() | (metadata.mode() & 0o7777)),
        device: is_device
            .then(|| Device { major: rustix::fs::major(number), minor: rustix::fs::minor(number) }),
    };
    let xattrs = xattrs(path)?;
    let xattrs = xattrs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    Ok(linux::metadata::describe(kind, &linux, xattrs, link, Times::all(FileTime::from_unix_nanos(nanos)))?)
}

/// Reads the extended attributes of a file, not of what it links to.
fn xattrs(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    // As much as Linux hands out at most.
    let mut buffer = vec![0; 65_536];
    let list = match rustix::fs::llistxattr(path, &mut buffer) {
        Err(rustix::io::Errno::NOTSUP) => return Ok(Vec::new()),
        len => buffer[..len?].to_vec(),
    };
    let mut xattrs = Vec::new();
    for name in list.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let len = rustix::fs::lgetxattr(path, name, &mut buffer)?;
        xattrs.push((name.to_vec(), buffer[..len].to_vec()));
    }
    Ok(xattrs)
}
