//! The upper directory of an overlay becomes a layer.
//!
//! Programs in a container may have filled the directory, and may still run: nothing in it is followed. Every name is
//! looked up in its directory, which is held open, so that no link leads elsewhere.

mod lower;
mod merged;
mod scratch;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::vec::IntoIter;

use rustix::fs::{self as sys, Stat};
use tar::EntryType;

use super::archive::{Archive, Description};
use super::changeset::join;
use super::error::{EntryError, ExportError};
use super::names;
use super::{ExportSummary, linux};
use crate::cim::Image;
use crate::cim::wsl::{Device, FileType};
use lower::Lower;
pub use merged::export_upper_changeset;
use scratch::{Marks, Place};

/// Data is read in pieces of this size.
const PIECE: usize = 1 << 20;

/// Tells that a directory shows nothing of the parent.
const OPAQUE: &[u8] = b".wh..wh..opq";

const PERMISSION_MASK: u32 = 0o7777;

const NANOS: i128 = 1_000_000_000;

/// Writes the layer that makes what an overlay shows of the image that lies below it, as an uncompressed tar of Linux.
///
/// `upper` is the upper directory of an overlay that is not mounted, or that nobody writes to. With the image below it,
/// marks that a directory is opaque come only where they mean something.
///
/// Times of access and change are those of the host, and left out. Takes memory for the names of the directories that
/// are open and of hard-linked files.
pub fn export_upper(
    base: Option<&Image>,
    upper: &Path,
    out: impl Write,
) -> Result<ExportSummary, ExportError> {
    let root = scratch::open_root(upper)?;
    let lower = Lower::of_root(base)?;
    let archive = Archive::new(out);
    let (written, buffer) = (HashMap::new(), vec![0; PIECE]);
    let export = Export { base, upper, archive, written, buffer, summary: ExportSummary::default() };
    export.run(root, lower)
}

struct Export<'a, W> {
    base: Option<&'a Image>,
    upper: &'a Path,
    archive: Archive<W>,
    /// Where files with several names were written, by device and inode.
    written: HashMap<(u64, u64), Box<[u8]>>,
    buffer: Vec<u8>,
    summary: ExportSummary,
}

/// A directory that the walk is in.
struct Level {
    directory: OwnedFd,
    text: Vec<u8>,
    lower: Lower,
    names: IntoIter<(Vec<u8>, Stat)>,
}

impl<W: Write> Export<'_, W> {
    fn run(mut self, root: OwnedFd, lower: Lower) -> Result<ExportSummary, ExportError> {
        let stat = sys::fstat(&root).map_err(|error| scratch::unreadable(self.upper, b"", error))?;
        let mut open = vec![self.level(root, Vec::new(), &stat, lower)?];
        while let Some(level) = open.last_mut() {
            let Some((name, stat)) = level.names.next() else {
                open.pop();
                continue;
            };
            let text = join(&level.text, &name);
            let place = Place { upper: self.upper, directory: &level.directory, name: &name, text: &text };
            names::check(&name).map_err(|error| ExportError::entry(&text, error))?;
            let lower = level.lower.child(self.base, &name)?;
            if scratch::file_type(&stat) == Some(FileType::Directory) {
                let directory = place.open_directory()?;
                open.push(self.level(directory, text, &stat, lower)?);
                continue;
            }
            self.file(&place, &stat, &lower)?;
        }
        self.archive.finish()?;
        Ok(self.summary)
    }

    /// Writes a directory and the deletions in it, and lists the rest of it.
    fn level(
        &mut self,
        directory: OwnedFd,
        text: Vec<u8>,
        stat: &Stat,
        lower: Lower,
    ) -> Result<Level, ExportError> {
        let place = Place { upper: self.upper, directory: &directory, name: b".", text: &text };
        let (description, marks) = describe(&place, stat, FileType::Directory)?;
        let name = if text.is_empty() { b"./".to_vec() } else { [&text, &b"/"[..]].concat() };
        if marks.contains(Marks::REDIRECT) {
            return Err(ExportError::entry(&name, EntryError::Redirect));
        }
        self.summary.directories += 1;
        self.archive.entry(&name, &description)?;
        let is_opaque = marks.contains(Marks::OPAQUE);
        if is_opaque && lower.may_be_directory() {
            self.delete(&join(&text, OPAQUE))?;
        }
        let lower = if is_opaque { Lower::Absent } else { lower.as_directory() };
        let mut names = Vec::new();
        for (name, stat) in place.list()? {
            let text = join(&text, &name);
            let place = Place { upper: self.upper, directory: &directory, name: &name, text: &text };
            if !place.is_whiteout(&stat)? {
                names.push((name, stat));
            } else if lower.child(self.base, &name)?.may_be_there() {
                self.delete(&names::whiteout(&text))?;
            }
        }
        Ok(Level { directory, text, lower, names: names.into_iter() })
    }

    fn file(&mut self, place: &Place<'_>, stat: &Stat, lower: &Lower) -> Result<(), ExportError> {
        let named = |error| ExportError::entry(place.text, error);
        let file_type = scratch::file_type(stat).ok_or(named(EntryError::Changed))?;
        if file_type == FileType::Socket {
            self.summary.sockets += 1;
            // It hides what is below it all the same.
            return if lower.may_be_there() { self.delete(&names::whiteout(place.text)) } else { Ok(()) };
        }
        let (description, marks) = describe(place, stat, file_type)?;
        if marks.contains(Marks::METACOPY) {
            return Err(named(EntryError::Metacopy));
        }
        let identity = (stat.st_dev, stat.st_ino);
        if let Some(first) = self.written.get(&identity) {
            self.summary.links += 1;
            return self.archive.entry(place.text, &description.linked_to(first));
        }
        if stat.st_nlink > 1 {
            self.written.insert(identity, place.text.into());
        }
        self.summary.files += 1;
        match file_type {
            FileType::Regular => self.data(place, stat, &description),
            _ => self.archive.entry(place.text, &description),
        }
    }

    fn data(&mut self, place: &Place<'_>, stat: &Stat, description: &Description) -> Result<(), ExportError> {
        let size = place.write_data(stat, description, &mut self.buffer, &mut self.archive)?;
        self.summary.bytes = self.summary.bytes.saturating_add(size);
        Ok(())
    }

    fn delete(&mut self, text: &[u8]) -> Result<(), ExportError> {
        self.summary.whiteouts += 1;
        self.archive.entry(text, &Description::bare(EntryType::Regular))
    }
}

impl Place<'_> {
    /// Writes the entry of a regular file with its data. Returns the size.
    fn write_data<W: Write>(
        &self,
        stat: &Stat,
        description: &Description,
        buffer: &mut [u8],
        archive: &mut Archive<W>,
    ) -> Result<u64, ExportError> {
        let (file, size) = self.open_file(stat)?;
        archive.begin(self.text, description, size)?;
        let mut data = Read::take(File::from(file), size);
        loop {
            let count = data.read(buffer).map_err(|error| self.unreadable(error))?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            archive.data(bytes)?;
        }
        archive.end(self.text)?;
        Ok(size)
    }
}

/// Describes a file, and says what the overlay notes of it.
fn describe(
    place: &Place<'_>,
    stat: &Stat,
    file_type: FileType,
) -> Result<(Description, Marks), ExportError> {
    let (once, marks) = place.xattrs()?;
    let link = if file_type == FileType::Symlink { place.read_link()? } else { Vec::new() };
    let device = match file_type {
        FileType::CharDevice | FileType::BlockDevice => {
            Device { major: sys::major(stat.st_rdev), minor: sys::minor(stat.st_rdev) }
        }
        _ => Device::default(),
    };
    let description = Description {
        link,
        mode: stat.st_mode & PERMISSION_MASK,
        uid: stat.st_uid,
        gid: stat.st_gid,
        device,
        modified: i128::from(stat.st_mtime) * NANOS + i128::from(stat.st_mtime_nsec),
        once,
        ..Description::bare(linux::entry_type(file_type))
    };
    Ok((description, marks))
}
