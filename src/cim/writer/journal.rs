//! Writing the journal of a layer set.

use std::sync::Arc;

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::append::AppendFile;
use super::expand::PeContent;
use super::metadata::LeafRecord;
use crate::cim::error::CimError;
use crate::cim::format::{
    EditKind, JournalHeader, RawJournalHeader, RawLeaf, RawPathFront, RawStream, RegionSet, Stream,
};
use crate::cim::io::{Directory, OutputFile};
use crate::cim::names::{ImagePath, NameRef};

/// A journal under construction. Edits go to the file as they come; deletions, which are few, wait in memory.
#[derive(Debug)]
pub(super) struct JournalWriter {
    file: AppendFile,
    hasher: blake3::Hasher,
    edits: PathCoder,
    deletions: Vec<u8>,
    deletion_paths: PathCoder,
    edit: Vec<u8>,
}

impl JournalWriter {
    pub(super) fn create(directory: &dyn Directory, name: &str, sync: bool) -> Result<Self, CimError> {
        let mut file = AppendFile::create(directory, name, sync)?;
        file.zeros(JournalHeader::LEN)?;
        Ok(Self {
            file,
            hasher: blake3::Hasher::new(),
            edits: PathCoder::default(),
            deletions: Vec::new(),
            deletion_paths: PathCoder::default(),
            edit: Vec::new(),
        })
    }

    pub(super) fn file(&mut self, path: &ImagePath, leaf: &LeafRecord, data: Stream) -> Result<(), CimError> {
        self.begin(EditKind::FILE, path);
        self.edit.extend_from_slice(raw_leaf(leaf).as_bytes());
        self.edit.extend_from_slice(RawStream::from(data).as_bytes());
        self.end()
    }

    pub(super) fn pe_image(
        &mut self,
        path: &ImagePath,
        leaf: &LeafRecord,
        image: &PeContent,
    ) -> Result<(), CimError> {
        self.begin(EditKind::PE_IMAGE, path);
        self.edit.extend_from_slice(raw_leaf(leaf).as_bytes());
        self.edit.extend_from_slice(U64::new(image.len.get()).as_bytes());
        self.edit.extend_from_slice(&image.to_bytes());
        self.end()
    }

    pub(super) fn directory(
        &mut self,
        kind: EditKind,
        path: &ImagePath,
        leaf: &LeafRecord,
    ) -> Result<(), CimError> {
        self.begin(kind, path);
        self.edit.extend_from_slice(raw_leaf(leaf).as_bytes());
        self.end()
    }

    pub(super) fn stream(
        &mut self,
        path: &ImagePath,
        name: NameRef<'_>,
        data: Stream,
    ) -> Result<(), CimError> {
        self.begin(EditKind::STREAM, path);
        self.edit.extend_from_slice(unit_count(name.units()).as_bytes());
        self.edit.extend_from_slice(name.units().as_bytes());
        self.edit.extend_from_slice(RawStream::from(data).as_bytes());
        self.end()
    }

    pub(super) fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        self.begin(EditKind::LINK, new);
        self.edits.encode(existing, &mut self.edit);
        self.end()
    }

    /// Notes what goes from the parent's tree, before any edit.
    pub(super) fn deletion(&mut self, kind: EditKind, path: &ImagePath) {
        self.deletions.push(kind.0);
        self.deletion_paths.encode(path, &mut self.deletions);
    }

    /// Writes the deletions and the header.
    pub(super) fn finish(
        &mut self,
        set: RegionSet,
        case_distinguished: bool,
    ) -> Result<Arc<dyn OutputFile>, CimError> {
        let edits_len = self.file.end().saturating_sub(JournalHeader::LEN);
        self.file.append(&self.deletions)?;
        self.hasher.update(&self.deletions);
        let deletions_len = u64::try_from(self.deletions.len()).expect("a usize fits a u64");
        let header = JournalHeader { set, case_distinguished, edits_len, deletions_len };
        let raw: RawJournalHeader = header.to_raw(&self.hasher);
        self.file.patch(0, raw.as_bytes())?;
        self.file.finish()?;
        Ok(self.file.output())
    }

    fn begin(&mut self, kind: EditKind, path: &ImagePath) {
        self.edit.clear();
        self.edit.push(kind.0);
        self.edits.encode(path, &mut self.edit);
    }

    fn end(&mut self) -> Result<(), CimError> {
        self.hasher.update(&self.edit);
        self.file.append(&self.edit)
    }
}

/// Remembers the last path, of which the next one usually shares the front.
#[derive(Debug, Default)]
struct PathCoder {
    last: Vec<U16>,
}

impl PathCoder {
    fn encode(&mut self, path: &ImagePath, out: &mut Vec<u8>) {
        let shared = self.last.iter().zip(path.units()).take_while(|(a, b)| a == b).count();
        let rest = &path.units()[shared..];
        let front = RawPathFront { shared: unit_count(&self.last[..shared]), rest: unit_count(rest) };
        out.extend_from_slice(front.as_bytes());
        out.extend_from_slice(rest.as_bytes());
        self.last.truncate(shared);
        self.last.extend_from_slice(rest);
    }
}

fn unit_count(units: &[U16]) -> U16 {
    U16::new(u16::try_from(units.len()).expect("paths were checked when they came in"))
}

fn raw_leaf(leaf: &LeafRecord) -> RawLeaf {
    RawLeaf {
        flags: U16::new(leaf.flags.bits()),
        ea_len: U16::new(leaf.ea_len),
        reparse_tag: U32::new(leaf.reparse_tag),
        times: leaf.times.map(|time| U64::new(time.raw())),
        security: U64::new(leaf.security.raw()),
        eas: U64::new(leaf.eas.raw()),
        reparse: U64::new(leaf.reparse.raw()),
    }
}
