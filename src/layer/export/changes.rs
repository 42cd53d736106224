//! The pass over two images.

use std::io::Write;

use tar::EntryType;

use super::archive::{Archive, Description};
use super::error::{EntryError, ExportError};
use super::hives::Hives;
use super::links::{Links, Plan};
use super::names::{self, Names};
use super::{ExportSummary, linux, windows};
use crate::cim::diff::{Pair, Walk};
use crate::cim::format::Stream;
use crate::cim::reader::File;
use crate::cim::wsl::FileType;
use crate::cim::{Image, ImagePath};
use crate::layer::import::LayerOs;

/// Data is written in pieces of this size.
const PIECE: usize = 1 << 20;

pub(super) struct Changes<'a, W> {
    os: LayerOs,
    names: Names,
    top: &'a Image,
    links: Links<'a>,
    hives: Hives<'a>,
    archive: Archive<W>,
    /// The directory that was written last, or that the last entry is in. Those above it were written, too.
    made: ImagePath,
    summary: ExportSummary,
}

impl<'a, W: Write> Changes<'a, W> {
    pub(super) fn new(
        base: Option<&'a Image>,
        top: &'a Image,
        os: LayerOs,
        out: W,
    ) -> Result<Self, ExportError> {
        let names = Names::new(os);
        let mut links = Links::find(base, top, names)?;
        let hives = Hives::find(base, top, os, &mut links)?;
        let (archive, made) = (Archive::new(out), ImagePath::ROOT);
        Ok(Self { os, names, top, links, hives, archive, made, summary: ExportSummary::default() })
    }

    /// Writes what differs.
    pub(super) fn run(mut self, base: Option<&'a Image>) -> Result<ExportSummary, ExportError> {
        let mut walk = Walk::new(base, self.top, names::order);
        while let Some(pair) = walk.next()? {
            let Pair { left, right: Some(right) } = pair else { continue };
            let text = self.text(walk.path())?;
            if !right.is_directory() {
                if let Some(text) = text {
                    self.file(walk.path(), &text, left, right)?;
                }
                continue;
            }
            let left = left.filter(File::is_directory);
            if let Some(text) = text {
                self.directory(walk.path(), text, left, right)?;
            }
            if right.is_reparse_point() {
                continue;
            }
            let left = left.filter(|left| !left.is_reparse_point());
            walk.enter(Pair { left, right: Some(right) })?;
            for name in walk.left_alone() {
                self.whiteout(&walk.path().join(name)?)?;
            }
        }
        self.missing_hives()?;
        self.archive.finish()?;
        Ok(self.summary)
    }

    /// Writes hives that the image does not have, but an import needs.
    fn missing_hives(&mut self) -> Result<(), ExportError> {
        let mut missing = Vec::new();
        for path in self.hives.paths() {
            if self.top.find(path)?.is_none() {
                missing.push(path.clone());
            }
        }
        for path in missing {
            self.make_parents(&path)?;
            let hive = Description { mode: 0o644, ..Description::bare(EntryType::Regular) };
            self.hive(&path, &path.to_wtf8(), &hive)?;
        }
        Ok(())
    }

    /// Writes a hive that is not the one of the image.
    fn hive(&mut self, path: &ImagePath, text: &[u8], description: &Description) -> Result<(), ExportError> {
        let bytes = self.hives.data(path).unwrap_or_default();
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.archive.begin(text, description, len)?;
        self.archive.data(bytes)?;
        self.summary.files += 1;
        self.summary.bytes = self.summary.bytes.saturating_add(len);
        self.archive.end(text)
    }

    /// Writes a directory that changed.
    fn directory(
        &mut self,
        path: &ImagePath,
        text: Vec<u8>,
        left: Option<File>,
        right: File,
    ) -> Result<(), ExportError> {
        let is_link = right.is_reparse_point();
        if is_link && right.data.len.get() > 0 {
            return Err(ExportError::entry(&text, EntryError::ReparseData));
        }
        let is_same = left.map(|left| self.links.is_same(&left, &right)).transpose()?.unwrap_or(false);
        if is_same {
            return Ok(());
        }
        self.make_parents(path)?;
        self.write_directory(path, text, &right)
    }

    fn write_directory(&mut self, path: &ImagePath, text: Vec<u8>, file: &File) -> Result<(), ExportError> {
        let description = self.describe(&text, file)?;
        // A link of Windows to a directory is a link to tar.
        let is_link = file.is_reparse_point();
        let name = if is_link { text.clone() } else { self.names.of_directory(text.clone()) };
        self.archive.entry(&name, &description)?;
        self.summary.directories += 1;
        if !is_link {
            self.made = path.clone();
        }
        self.streams(&text, file, &description)
    }

    fn file(
        &mut self,
        path: &ImagePath,
        text: &[u8],
        left: Option<File>,
        right: File,
    ) -> Result<(), ExportError> {
        if self.hives.data(path).is_some() {
            self.make_parents(path)?;
            let description = self.describe(text, &right)?;
            self.hive(path, text, &description)?;
            return self.streams(text, &right, &description);
        }
        match self.links.plan(left.as_ref(), &right)? {
            Plan::Keep => Ok(()),
            Plan::Link(target) => {
                self.names.check_link(text, &target).map_err(|error| ExportError::entry(text, error))?;
                self.make_parents(path)?;
                let description = self.describe(text, &right)?.linked_to(&target);
                self.summary.links += 1;
                self.archive.entry(text, &description)
            }
            Plan::Write if self.is_socket(text, &right)? => {
                self.summary.sockets += 1;
                if left.is_some() { self.whiteout(path) } else { Ok(()) }
            }
            Plan::Write => {
                self.make_parents(path)?;
                self.links.wrote(&right, text);
                self.write_file(text, &right)
            }
        }
    }

    fn write_file(&mut self, text: &[u8], file: &File) -> Result<(), ExportError> {
        let description = self.describe(text, file)?;
        self.summary.files += 1;
        if description.kind == EntryType::Regular {
            self.data(text, &description, file.data)?;
        } else if file.data.len.get() > 0 && self.os == LayerOs::Windows {
            return Err(ExportError::entry(text, EntryError::ReparseData));
        } else {
            self.archive.entry(text, &description)?;
        }
        self.streams(text, file, &description)
    }

    /// Writes the alternate streams of a file, which must follow it.
    fn streams(&mut self, owner: &[u8], file: &File, description: &Description) -> Result<(), ExportError> {
        let mut streams = self.top.list_streams(file)?.collect::<Result<Vec<_>, _>>()?;
        streams.sort_unstable_by(|(a, _), (b, _)| a.raw_cmp(*b));
        for (name, data) in streams {
            let text = [owner, b":", &name.to_wtf8()].concat();
            name.check().map_err(|error| ExportError::entry(&text, error))?;
            let stream = Description::bare(EntryType::Regular);
            let stream = Description { mode: 0o644, modified: description.modified, ..stream };
            self.summary.streams += 1;
            self.data(&text, &stream, data)?;
        }
        Ok(())
    }

    fn data(&mut self, text: &[u8], description: &Description, data: Stream) -> Result<(), ExportError> {
        let data = self.top.data(data).map_err(|error| ExportError::entry(text, error))?;
        self.archive.begin(text, description, data.len())?;
        data.chunks(PIECE).try_for_each(|chunk| self.archive.data(chunk.bytes()))?;
        self.summary.bytes = self.summary.bytes.saturating_add(data.len());
        self.archive.end(text)
    }

    fn whiteout(&mut self, path: &ImagePath) -> Result<(), ExportError> {
        let named = |error| ExportError::entry(&path.to_wtf8(), error);
        let Some(text) = self.names.whiteout(path).map_err(named)? else { return Ok(()) };
        self.make_parents(path)?;
        self.summary.whiteouts += 1;
        self.archive.entry(&text, &Description::bare(EntryType::Regular))
    }

    /// Writes the directories above a path: programs that unpack a layer by itself know them from nowhere else.
    fn make_parents(&mut self, path: &ImagePath) -> Result<(), ExportError> {
        let parent = path.parent().unwrap_or_default();
        let known = self.made.components().zip(parent.components()).take_while(|(a, b)| a == b).count();
        let mut at = ImagePath::ROOT;
        let mut directory = self.top.file(self.top.root())?;
        for (depth, name) in parent.components().enumerate() {
            at = at.join(name)?;
            let Some(id) = self.top.child_exact(&directory, name)? else { continue };
            directory = self.top.file(id)?;
            if depth >= known
                && let Some(text) = self.text(&at)?
            {
                self.write_directory(&at, text, &directory)?;
            }
        }
        self.made = parent;
        Ok(())
    }

    fn is_socket(&self, text: &[u8], file: &File) -> Result<bool, ExportError> {
        let linux = self.os == LayerOs::Linux && file.is_reparse_point();
        let is_socket = |file| linux::file_type(file).map(|found| found == FileType::Socket);
        if linux { is_socket(file).map_err(|error| ExportError::entry(text, error)) } else { Ok(false) }
    }

    fn describe(&self, text: &[u8], file: &File) -> Result<Description, ExportError> {
        let described = match self.os {
            LayerOs::Linux => linux::describe(self.top, file),
            LayerOs::Windows => windows::describe(self.top, file),
        };
        described.map_err(|error| ExportError::entry(text, error))
    }

    fn text(&self, path: &ImagePath) -> Result<Option<Vec<u8>>, ExportError> {
        if self.hives.is_left_out(path) {
            return Ok(None);
        }
        self.names.text(path).map_err(|error| ExportError::entry(&path.to_wtf8(), error))
    }
}
