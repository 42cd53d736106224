//! The pass over the entries of a layer.

use std::io::BufRead;

use super::data::Holes;
use super::error::{EntryError, ImportError, NameError, shown};
use super::links::Links;
use super::os::LayerOs;
use super::place::Place;
use super::{ImportLimits, Report};
use crate::cim::{CimError, FileTime, ImagePath, Name};
use crate::engine::{DataSink, LayerSink};
use crate::layer::metadata::{FileMetadata, Kind};
use crate::layer::tar::{Entry, TarReader};

/// The most remarks that are kept.
const MAX_REMARKS: usize = 100;

/// Turns entries into edits.
pub(super) struct Importer<S> {
    os: LayerOs,
    sink: S,
    limits: ImportLimits,
    links: Links,
    /// The directory that the last entry was in, or was. It is there, and so are those above it.
    made: ImagePath,
    /// The file or directory whose alternate streams may follow.
    owner: Option<ImagePath>,
    entries: u64,
    /// Bytes of the paths of deletions.
    deletions: usize,
    holes: Holes,
    report: Report,
}

impl<S: LayerSink> Importer<S> {
    pub(super) fn new(os: LayerOs, mut sink: S, limits: ImportLimits) -> Result<Self, ImportError> {
        let root = os.implied_directory(FileTime::from_unix_nanos(0));
        sink.ensure_directory(&ImagePath::ROOT, &root.as_metadata())?;
        let links = Links::new(os.case(), limits.link_bytes);
        let (made, holes) = (ImagePath::ROOT, Holes::new(limits.hole_bytes));
        Ok(Self {
            os,
            sink,
            limits,
            links,
            made,
            owner: None,
            entries: 0,
            deletions: 0,
            holes,
            report: Report::default(),
        })
    }

    /// Takes one entry.
    pub(super) fn entry<R: BufRead>(
        &mut self,
        entry: &Entry,
        tar: &mut TarReader<R>,
    ) -> Result<(), ImportError> {
        self.count_entry()?;
        let place = self.os.place(&entry.path).map_err(|error| ImportError::entry(&entry.path, error))?;
        let owner = self.owner.take();
        let deleted = match place {
            Place::Ignored => return Ok(()),
            Place::At(path) => return self.put(path, entry, tar),
            Place::Stream(path, name) => return self.put_stream(owner, &path, &name, entry, tar),
            Place::Deleted(path) => {
                self.count_deletion(&path)?;
                self.sink.delete(&path)
            }
            Place::Opaque(path) => {
                self.count_deletion(&path)?;
                self.sink.clear_directory(&path)
            }
        };
        deleted.map_err(|error| ImportError::entry(&entry.path, error))
    }

    /// Makes the links, and hands out what the engine has.
    pub(super) fn finish(self) -> Result<(S, Report), ImportError> {
        let mut sink = self.sink;
        self.links.resolve(|new, existing| Ok(sink.link(new, existing)?))?;
        Ok((sink, self.report))
    }

    fn put<R: BufRead>(
        &mut self,
        path: ImagePath,
        entry: &Entry,
        tar: &mut TarReader<R>,
    ) -> Result<(), ImportError> {
        let named = |error: EntryError| ImportError::entry(&entry.path, error);
        let records = tar.records(entry)?;
        let member = entry.member(&records);
        let time = member.last_write_time().map_err(|error| named(error.into()))?;
        self.make_parents(&path, time)?;
        if member.kind() == Kind::HardLink {
            let target = self.os.target(&path, &entry.link);
            let target =
                target.map_err(|source| named(EntryError::Target { target: shown(&entry.link), source }))?;
            self.report.counts.links = self.report.counts.links.saturating_add(1);
            return self.links.add(&path, &target);
        }
        let metadata = self.os.metadata(&member).map_err(|error| named(error.into()))?;
        let is_directory = metadata.as_metadata().is_directory();
        self.links.supersede(&path, is_directory);
        match is_directory {
            true => self.put_directory(&path, &metadata).map_err(|error| named(error.into()))?,
            false => self.put_file(&path, &metadata, entry, tar)?,
        }
        if is_directory {
            self.made = path.clone();
        }
        self.owner = Some(path);
        self.remark(entry, metadata);
        Ok(())
    }

    /// Adds an alternate stream to the file that stood before it. More may follow.
    fn put_stream<R: BufRead>(
        &mut self,
        owner: Option<ImagePath>,
        path: &ImagePath,
        name: &Name,
        entry: &Entry,
        tar: &mut TarReader<R>,
    ) -> Result<(), ImportError> {
        let is_file = entry.member(&tar.records(entry)?).kind() == Kind::File;
        let Some(owner) = owner.filter(|owner| is_file && owner.is_same(path)) else {
            return Err(ImportError::entry(&entry.path, NameError::LoneStream));
        };
        self.report.counts.streams = self.report.counts.streams.saturating_add(1);
        self.report.counts.bytes = self.report.counts.bytes.saturating_add(entry.size);
        let data = self.sink.create_stream(&owner, name, entry.size);
        let data = data.map_err(|error| ImportError::entry(&entry.path, error))?;
        self.holes.copy(entry, tar, data)?;
        self.owner = Some(owner);
        Ok(())
    }

    fn put_directory(&mut self, path: &ImagePath, metadata: &FileMetadata) -> Result<(), CimError> {
        if !metadata.reparse.is_empty() {
            // A link takes over nothing; a file in between sees to that.
            self.sink.create_file(path, &Default::default(), 0)?.finish()?;
        }
        self.report.counts.directories = self.report.counts.directories.saturating_add(1);
        self.sink.create_directory(path, &metadata.as_metadata())
    }

    fn put_file<R: BufRead>(
        &mut self,
        path: &ImagePath,
        metadata: &FileMetadata,
        entry: &Entry,
        tar: &mut TarReader<R>,
    ) -> Result<(), ImportError> {
        self.report.counts.files = self.report.counts.files.saturating_add(1);
        self.report.counts.bytes = self.report.counts.bytes.saturating_add(entry.size);
        let data = self.sink.create_file(path, &metadata.as_metadata(), entry.size);
        let data = data.map_err(|error| ImportError::entry(&entry.path, error))?;
        self.holes.copy(entry, tar, data)
    }

    /// Makes the directories above a path, as far as the last entry has not shown that they are there.
    fn make_parents(&mut self, path: &ImagePath, time: FileTime) -> Result<(), ImportError> {
        let parent = path.parent().unwrap_or_default();
        let made = std::mem::take(&mut self.made);
        let known = made.components().zip(parent.components()).take_while(|(a, b)| a == b).count();
        let metadata = self.os.implied_directory(time);
        let mut directory = ImagePath::ROOT;
        for (depth, name) in parent.components().enumerate() {
            directory = directory.join(name)?;
            if depth >= known {
                self.count_entry()?;
                self.links.supersede(&directory, true);
                self.sink.ensure_directory(&directory, &metadata.as_metadata())?;
            }
        }
        self.made = parent;
        Ok(())
    }

    fn count_entry(&mut self) -> Result<(), ImportError> {
        self.entries = self.entries.saturating_add(1);
        if self.entries > self.limits.entries {
            return Err(ImportError::TooMuch { what: "entries", limit: self.limits.entries });
        }
        Ok(())
    }

    fn count_deletion(&mut self, path: &ImagePath) -> Result<(), ImportError> {
        self.report.counts.deletions = self.report.counts.deletions.saturating_add(1);
        self.deletions = self.deletions.saturating_add(size_of_val(path.units()));
        if self.deletions > self.limits.deletion_bytes {
            let limit = u64::try_from(self.limits.deletion_bytes).unwrap_or(u64::MAX);
            return Err(ImportError::TooMuch { what: "bytes of deletions", limit });
        }
        Ok(())
    }

    fn remark(&mut self, entry: &Entry, metadata: FileMetadata) {
        for remark in metadata.remarks {
            self.report.counts.remarks = self.report.counts.remarks.saturating_add(1);
            if self.report.remarks.len() < MAX_REMARKS {
                self.report.remarks.push((shown(&entry.path), remark));
            }
        }
    }
}
