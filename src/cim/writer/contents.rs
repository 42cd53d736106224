//! What is in a layer set, for whoever makes something else of it than a fork.

use std::iter;

use super::fork::LayerSet;
use super::metadata::{LeafRecord, Metadata};
use super::references::References;
use super::replay::Stop;
use crate::cim::error::{CimError, Place};
use crate::cim::format::{EditCursor, EditKind, JournalHeader, PeImage};
use crate::cim::names::{ImagePath, Name, NameRef};
use crate::cim::reader::{Data, Regions};

/// What is in a layer set: what it takes away from its parent, and then what it brings.
#[derive(Debug)]
pub struct LayerContents<'l> {
    journal: &'l str,
    deletions: &'l [u8],
    edits: &'l [u8],
    references: References,
    regions: Regions,
}

/// What a layer does to a path.
#[derive(Clone, Debug)]
pub struct LayerEdit<'a> {
    /// The path.
    pub path: ImagePath,
    /// What is done to it.
    pub change: Change<'a>,
}

/// What is done to a path.
#[derive(Clone, Debug)]
pub enum Change<'a> {
    /// A file takes the place of whatever has it.
    File(Metadata<'a>, Data<'a>),
    /// A directory does; it takes over the children of one that is there.
    Directory(Metadata<'a>),
    /// A directory, where there is none.
    MissingDirectory(Metadata<'a>),
    /// It gets an alternate stream.
    Stream(Name, Data<'a>),
    /// It becomes another name of this file.
    Link(ImagePath),
    /// What the parent has there goes.
    Delete,
    /// What the parent has in it goes.
    Clear,
}

impl LayerSet {
    /// Opens what is in the layer.
    pub fn contents(&self) -> Result<LayerContents<'_>, CimError> {
        let corrupt = |fault| CimError::corrupt(Place { file: self.name.clone(), offset: 0 }, fault);
        let (header, edits, deletions) = JournalHeader::parse(self.journal.as_slice()).map_err(corrupt)?;
        let regions = Regions::open(&**self.site.directory(), iter::once(header.set))?;
        let references = References::new(header.set, 0);
        Ok(LayerContents { journal: &self.name, deletions, edits, references, regions })
    }
}

impl LayerContents<'_> {
    /// Yields what is taken away from the parent, all of it before anything comes.
    pub fn deletions(&self) -> impl Iterator<Item = Result<LayerEdit<'_>, CimError>> {
        self.read(self.deletions)
    }

    /// Yields all else, in the order of the layer.
    pub fn edits(&self) -> impl Iterator<Item = Result<LayerEdit<'_>, CimError>> {
        self.read(self.edits)
    }

    /// Yields the edits of a section, up to the first that is none.
    fn read<'a>(&'a self, section: &'a [u8]) -> impl Iterator<Item = Result<LayerEdit<'a>, CimError>> {
        let mut cursor = Some(EditCursor::new(section));
        iter::from_fn(move || {
            let reading = cursor.as_mut()?;
            let at = section.len().saturating_sub(usize::try_from(reading.left()).unwrap_or(usize::MAX));
            let edit = self
                .next(reading)
                .map_err(|stop| stop.at(self.journal, u64::try_from(at).unwrap_or(u64::MAX)));
            if edit.is_err() {
                cursor = None;
            }
            edit.transpose()
        })
    }

    fn next<'a>(&'a self, cursor: &mut EditCursor<'a>) -> Result<Option<LayerEdit<'a>>, Stop> {
        let Some(kind) = cursor.kind()? else { return Ok(None) };
        let path = ImagePath::from_units(cursor.path()?)?;
        let change = match kind {
            EditKind::FILE => {
                let leaf = self.references.leaf(cursor.leaf()?)?;
                let data = self.references.data(cursor.stream()?)?;
                Change::File(self.metadata(&leaf, false)?, self.regions.data(data)?)
            }
            EditKind::PE_IMAGE => {
                let leaf = self.references.leaf(cursor.leaf()?)?;
                let (len, image) = cursor.pe_image()?;
                let image = PeImage { data: self.references.pe_image(len, &image)?.data, ..image };
                Change::File(self.metadata(&leaf, false)?, self.regions.expanded(len, image)?)
            }
            EditKind::DIRECTORY => {
                Change::Directory(self.metadata(&self.references.leaf(cursor.leaf()?)?, true)?)
            }
            EditKind::MISSING_DIRECTORY => {
                Change::MissingDirectory(self.metadata(&self.references.leaf(cursor.leaf()?)?, true)?)
            }
            EditKind::STREAM => {
                let name = Name::from_ref(NameRef::from_units(cursor.name()?))?;
                Change::Stream(name, self.regions.data(self.references.data(cursor.stream()?)?)?)
            }
            EditKind::LINK => Change::Link(ImagePath::from_units(cursor.path()?)?),
            EditKind::DELETE => Change::Delete,
            EditKind::CLEAR => Change::Clear,
            unknown => return Err(unknown.fault().into()),
        };
        Ok(Some(LayerEdit { path, change }))
    }

    /// Collects what a record keeps of a file, as whoever made it said.
    fn metadata(&self, leaf: &LeafRecord, directory: bool) -> Result<Metadata<'_>, CimError> {
        let counted = |what, offset| self.regions.counted(what, offset).map(Option::unwrap_or_default);
        let reparse = counted("reparse data", leaf.reparse)?;
        let [creation_time, last_write_time, change_time, last_access_time] = leaf.times;
        Ok(Metadata {
            attributes: leaf.flags.attributes(directory, !reparse.is_empty()),
            creation_time,
            last_write_time,
            change_time,
            last_access_time,
            security: counted("a security descriptor", leaf.security)?,
            eas: self.regions.object("extended attributes", leaf.eas, leaf.ea_len.into())?,
            reparse,
        })
    }
}
