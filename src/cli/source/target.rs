//! An image that files are put into.

use std::io::Read;

use anyhow::Context;
use cimsnap::cim::reparse::build;
use cimsnap::cim::writer::StreamWriter;
use cimsnap::cim::{Attributes, FileTime, ImagePath, Writer};
use cimsnap::escape::Escaped;
use cimsnap::layer::linux::metadata::implied_directory;
use cimsnap::layer::metadata::FileMetadata;
use clap::ValueEnum;
use serde::Serialize;

use crate::cli::Result;
use crate::cli::failure::Failure;
use crate::cli::image::{linux_path, shown, windows_path};
use crate::cli::ui::Progress;

/// Whose files an image holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    /// Owner, mode, xattrs, devices and any name are kept, as WSL keeps them.
    #[default]
    Linux,
    /// Names must be valid on Windows; owner and mode are left out.
    Windows,
}

/// What went into an image.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    /// Names of files of any kind but directories.
    pub(crate) files: u64,
    /// Directories.
    pub(crate) directories: u64,
    /// Bytes of data.
    pub(crate) bytes: u64,
}

/// What a file of a source is, and what it holds.
pub(super) enum Item<'a> {
    Directory,
    /// A file whose bytes come one after the other.
    File {
        size: u64,
        fill: &'a mut dyn FnMut(&mut Data<'_>) -> Result<()>,
    },
    Symlink {
        target: &'a [u8],
        to_directory: bool,
    },
    /// What Windows does not have.
    Special(&'static str),
}

/// Takes the bytes of a file.
pub(super) struct Data<'a> {
    stream: StreamWriter<'a>,
    progress: &'a Progress,
    buffer: &'a mut [u8],
}

impl Data<'_> {
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.append(bytes)?;
        self.progress.advance(u64::try_from(bytes.len())?);
        Ok(())
    }

    pub(super) fn zeros(&mut self, mut count: u64) -> Result<()> {
        static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
        while count > 0 {
            let len = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
            self.append(&ZEROS[..len])?;
            count -= u64::try_from(len)?;
        }
        Ok(())
    }

    /// Appends so many bytes of a reader; `false` where there are not as many.
    pub(super) fn copy(&mut self, reader: &mut dyn Read, mut count: u64) -> Result<bool> {
        while count > 0 {
            let most = usize::try_from(count).map_or(BUFFER, |count| count.min(BUFFER));
            let len = reader.read(&mut self.buffer[..most])?;
            if len == 0 {
                return Ok(false);
            }
            self.stream.append(&self.buffer[..len])?;
            let len = u64::try_from(len)?;
            self.progress.advance(len);
            count -= len;
        }
        Ok(true)
    }
}

/// An image that files are put into, in any order.
pub(super) struct Target<'a> {
    writer: &'a mut Writer,
    system: System,
    progress: &'a Progress,
    counts: Counts,
    buffer: Vec<u8>,
    /// The directory that was last seen to be there.
    parent: Option<ImagePath>,
    /// Hard links whose file had not come yet: new path, existing path.
    links: Vec<(ImagePath, ImagePath)>,
}

const BUFFER: usize = 1 << 20;

impl<'a> Target<'a> {
    pub(super) fn new(writer: &'a mut Writer, system: System, progress: &'a Progress) -> Self {
        let (counts, buffer) = (Counts::default(), vec![0; BUFFER]);
        Self { writer, system, progress, counts, buffer, parent: None, links: Vec::new() }
    }

    /// Puts a file in place of what has the path.
    pub(super) fn put(&mut self, path: &[u8], metadata: FileMetadata, item: Item<'_>) -> Result<()> {
        let at = self.path(path)?;
        self.try_put(&at, metadata, item).with_context(|| format!("cannot add {}", shown(&at)))
    }

    /// Gives a file another name.
    pub(super) fn link(&mut self, path: &[u8], existing: &[u8]) -> Result<()> {
        let (at, existing) = (self.path(path)?, self.path(existing)?);
        self.make_parents(&at, FileTime::default())?;
        self.counts.files += 1;
        if self.writer.kind(&existing)?.is_none() {
            self.links.push((at, existing));
            return Ok(());
        }
        self.make_link(&at, &existing)
    }

    /// Makes the links that were left, in as many rounds as links to links need.
    pub(super) fn finish(mut self) -> Result<Counts> {
        while !self.links.is_empty() {
            let waiting = std::mem::take(&mut self.links);
            let before = waiting.len();
            for (at, existing) in waiting {
                match self.writer.kind(&existing)? {
                    Some(_) => self.make_link(&at, &existing)?,
                    None => self.links.push((at, existing)),
                }
            }
            if self.links.len() == before {
                let (at, existing) = self.links.swap_remove(0);
                self.make_link(&at, &existing)?;
            }
        }
        Ok(self.counts)
    }

    fn make_link(&mut self, at: &ImagePath, existing: &ImagePath) -> Result<()> {
        let linked = self.writer.link(at, existing);
        linked.with_context(|| format!("cannot link {} to {}", shown(at), shown(existing)))
    }

    fn path(&self, path: &[u8]) -> Result<ImagePath> {
        let made = match self.system {
            System::Linux => linux_path(path),
            System::Windows => windows_path(path),
        };
        made.with_context(|| format!("cannot add {}", Escaped(String::from_utf8_lossy(path))))
    }

    fn try_put(&mut self, at: &ImagePath, metadata: FileMetadata, item: Item<'_>) -> Result<()> {
        self.make_parents(at, metadata.times.last_write)?;
        let metadata = self.adapted(at, metadata, &item)?;
        let metadata = metadata.as_metadata();
        if metadata.is_directory() {
            self.writer.create_directory(at, &metadata)?;
            self.counts.directories += u64::from(!at.is_root());
            return Ok(());
        }
        // A directory may have gone.
        self.parent = None;
        self.counts.files += 1;
        let Item::File { size, fill } = item else {
            return Ok(self.writer.create_file(at, &metadata, 0)?.finish()?);
        };
        self.counts.bytes += size;
        let stream = self.writer.create_file(at, &metadata, size)?;
        let mut data = Data { stream, progress: self.progress, buffer: &mut self.buffer };
        fill(&mut data)?;
        Ok(data.stream.finish()?)
    }

    /// Leaves out what Windows does not know, where the image is for Windows.
    fn adapted(&self, at: &ImagePath, metadata: FileMetadata, item: &Item<'_>) -> Result<FileMetadata> {
        if self.system == System::Linux {
            return Ok(metadata);
        }
        let (attributes, reparse) = match *item {
            Item::Directory => (Attributes::DIRECTORY, Vec::new()),
            Item::File { .. } => (Attributes::ARCHIVE, Vec::new()),
            // Linux asks where a link leads when it goes there, Windows knows beforehand.
            Item::Symlink { target, to_directory: true } => (Attributes::DIRECTORY, build::symlink(target)?),
            Item::Symlink { target, .. } => (Attributes::empty(), build::symlink(target)?),
            Item::Special(kind) => return Err(Failure::NotOnWindows { path: shown(at), kind }.into()),
        };
        Ok(FileMetadata { attributes, reparse, eas: Vec::new(), ..metadata })
    }

    /// Makes the directories above a path that no source has told of.
    fn make_parents(&mut self, at: &ImagePath, time: FileTime) -> Result<()> {
        let Some(parent) = at.parent() else { return Ok(()) };
        if self.parent.as_ref() == Some(&parent) {
            return Ok(());
        }
        let mut missing = Vec::new();
        let mut above = Some(parent.clone());
        while let Some(directory) = above {
            match self.writer.kind(&directory)? {
                Some(true) => break,
                Some(false) => return Err(Failure::NotADirectory { path: shown(&directory) }.into()),
                None => {}
            }
            above = directory.parent();
            missing.push(directory);
        }
        for directory in missing.iter().rev() {
            let metadata = self.adapted(directory, implied_directory(time), &Item::Directory)?;
            self.writer.create_directory(directory, &metadata.as_metadata())?;
            self.counts.directories += 1;
        }
        self.parent = Some(parent);
        Ok(())
    }
}
