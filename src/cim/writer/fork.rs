//! Fork at commit: a layer set and its parent become an image.

use std::collections::BTreeMap;
use std::sync::Arc;

use zerocopy::little_endian::U16;

use super::dedup::InheritedObjects;
use super::draft::Draft;
use super::replay::replay;
use super::set::SetWriter;
use super::tree::Tree;
use super::{CaseRule, Site, Writer, WriterOptions, open_base, random_guid, region_count};
use crate::cim::error::{CimError, Fault, NotFound, Place};
use crate::cim::files::{self, ImageName};
use crate::cim::format::{EditCursor, EditKind, Guid, ImageHeader, JournalHeader, RegionSet};
use crate::cim::io::Bytes;
use crate::cim::names::{ImagePath, upcase};
use crate::cim::reader::Image;
use crate::cim::reparse::Tag;

/// A published layer set.
#[derive(Debug)]
pub struct LayerSet {
    pub(super) site: Site,
    pub(super) name: String,
    header: JournalHeader,
    pub(super) journal: Bytes,
}

impl LayerSet {
    /// Opens a layer set and checks its journal. Images of it are made where it lies.
    pub fn open(site: impl Into<Site>, guid: Guid) -> Result<Self, CimError> {
        let site = site.into();
        let directory = site.directory();
        let name = files::journal(guid);
        let path = directory.path().join(&name);
        let journal = directory.open(&name).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => NotFound::Image(path.clone()).into(),
            _ => CimError::io("open", &path, error),
        })?;
        let corrupt = |fault| CimError::corrupt(Place { file: name.clone(), offset: 0 }, fault);
        let (header, _, _) = JournalHeader::parse(journal.as_slice()).map_err(corrupt)?;
        JournalHeader::prove(journal.as_slice(), || journal.forget()).map_err(corrupt)?;
        if header.set.guid != guid {
            let reason = format!("it is of the set {}", header.set.guid);
            return Err(corrupt(Fault::Malformed { what: "the journal", reason }));
        }
        Ok(Self { site, name, header, journal })
    }

    /// Returns the region set of the layer's leaf objects.
    pub fn set(&self) -> RegionSet {
        self.header.set
    }

    /// Returns the paths of symbolic links of Windows without attributes: of them the layer does not say whether they
    /// lead to files or to directories.
    pub fn undecided_links(&self) -> Result<Vec<ImagePath>, CimError> {
        let found =
            JournalHeader::parse(self.journal.as_slice()).and_then(|(_, edits, _)| undecided_links(edits));
        found.map_err(|fault| CimError::corrupt(Place { file: self.name.clone(), offset: 0 }, fault))?
    }

    /// Makes an image: the layer over `parent`, or alone.
    pub fn commit(
        &self,
        parent: Option<&ImageName>,
        new: &ImageName,
        options: WriterOptions,
    ) -> Result<ImageHeader, CimError> {
        self.fork(parent, new, options)?.commit()
    }

    /// Begins an image that has the layer over `parent`, or alone, for more to be written to it. Names compare as they
    /// do in the layer, whatever `options` says.
    pub fn fork(
        &self,
        parent: Option<&ImageName>,
        new: &ImageName,
        options: WriterOptions,
    ) -> Result<Writer, CimError> {
        let claim = self.site.clone().lease()?.claim_new(new.as_str())?;
        let directory = self.site.directory();
        let base = match parent {
            Some(parent) => Some(Arc::new(open_base(directory, parent)?)),
            None => None,
        };
        let first = base.as_deref().map_or(Ok(0), |base| region_count(base.regions()))?;
        let mut parents: Vec<RegionSet> = base.iter().flat_map(|base| base.header().sets()).collect();
        let mut regions = base.as_deref().map(Image::regions).cloned().unwrap_or_default();
        let (layer_first, added) = match place_of(self.header.set, &parents) {
            Some(known) => (known, 0),
            None => {
                parents.push(self.header.set);
                regions.add(&**directory, self.header.set)?;
                (first, self.header.set.count)
            }
        };
        let case = if self.header.case_distinguished { CaseRule::Distinguish } else { CaseRule::Fold };
        let tree = Tree::new(base, first, case)?;
        let replayed = replay(&self.journal, tree, layer_first, &regions);
        let tree = replayed.map_err(|(offset, stop)| stop.at(&self.name, offset))?;
        let guid = match options.set {
            Some(guid) => guid,
            None => random_guid()?,
        };
        let own_first = first.saturating_add(added);
        let inherited = InheritedObjects::default();
        let set = SetWriter::new(directory.clone(), guid, own_first, inherited, options)?;
        Ok(Writer { name: new.clone(), parents, regions, draft: Draft::new(tree, set), _claim: claim })
    }
}

/// Goes through the edits of a journal. Of those with the same path the last one counts.
fn undecided_links(edits: &[u8]) -> Result<Result<Vec<ImagePath>, CimError>, Fault> {
    let mut cursor = EditCursor::new(edits);
    let mut found = BTreeMap::new();
    while let Some(kind) = cursor.kind()? {
        let path = cursor.path()?.to_vec();
        let is_undecided = match kind {
            EditKind::FILE => {
                let leaf = cursor.leaf()?;
                cursor.stream()?;
                Tag(leaf.reparse_tag.get()) == Tag::SYMLINK && leaf.flags.get() == 0
            }
            EditKind::PE_IMAGE => {
                cursor.leaf()?;
                cursor.pe_image()?;
                false
            }
            EditKind::STREAM => {
                cursor.name()?;
                cursor.stream()?;
                continue;
            }
            EditKind::DIRECTORY | EditKind::MISSING_DIRECTORY => {
                cursor.leaf()?;
                false
            }
            EditKind::LINK => {
                cursor.path()?;
                false
            }
            _ => false,
        };
        if is_undecided || !found.is_empty() {
            note(&mut found, &path, is_undecided);
        }
    }
    Ok(found.into_values().map(|path| ImagePath::from_units(&path)).collect())
}

/// Keeps a path, or forgets it, however it is spelled.
fn note(found: &mut BTreeMap<Vec<u16>, Vec<U16>>, path: &[U16], is_undecided: bool) {
    let upcase = upcase::standard();
    let key = path.iter().map(|unit| upcase.unit(unit.get())).collect();
    match is_undecided {
        true => drop(found.insert(key, path.to_vec())),
        false => drop(found.remove(&key)),
    }
}

/// Returns the first region of a layer set that an image has already: the same layer lies over itself, or it is empty.
fn place_of(set: RegionSet, parents: &[RegionSet]) -> Option<u16> {
    let before = parents.iter().take_while(|parent| parent.guid != set.guid);
    let first = before.map(|parent| parent.count).fold(0, u16::saturating_add);
    let is_there = parents.iter().any(|parent| parent.guid == set.guid);
    (is_there || set.count == 0).then_some(first)
}
