//! Images that no writer would write, made byte by byte.

use std::path::Path;

use cimsnap::cim::files;
use cimsnap::cim::format::{
    FileTable, Filesystem, Guid, ImageHeader, LinkTableLayout, RawFileRecord, RawFileTable, RegionHeader,
    RegionSet, RegionType, Stream, StreamKind, Version,
};
use cimsnap::cim::names::upcase;
use cimsnap::cim::{FileId, Name, RegionOffset, StreamLen};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromZeros, IntoBytes};

/// The only region of an image.
pub(crate) struct Raw {
    region: Vec<u8>,
}

impl Raw {
    pub(crate) fn new() -> Self {
        Self { region: RegionHeader { index: 0, kind: RegionType::METADATA }.to_raw().as_bytes().to_vec() }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> RegionOffset {
        self.region.resize(self.region.len().next_multiple_of(8), 0);
        let at = RegionOffset::new(0, self.region.len() as u64).unwrap();
        self.region.extend_from_slice(bytes);
        at
    }

    /// Adds a directory's names, in the order in which they are given.
    pub(crate) fn directory(&mut self, names: &[(Name, u32)]) -> Stream {
        let units = names.iter().map(|(name, _)| name.as_ref().units().len() as u64).sum();
        let layout = LinkTableLayout::<U32>::new(names.len(), units).unwrap();
        let mut bytes = Vec::new();
        let entries = || names.iter().map(|(name, id)| (name.as_ref(), U32::new(*id)));
        layout.emit(entries, |part| bytes.extend_from_slice(part));
        let len = StreamLen::new(u64::from(layout.len())).unwrap();
        Stream { offset: self.append(&bytes), len, kind: StreamKind::LinkTable }
    }

    /// Adds the file tables of records; the first one has id 1.
    pub(crate) fn tables(&mut self, records: &[RawFileRecord]) -> Vec<RawFileTable> {
        let table = |table: &[RawFileRecord]| {
            FileTable::new(self.append(table.as_bytes()), table.len() as u16).to_raw()
        };
        records.chunks(1024).map(table).collect()
    }

    /// Writes the image `raw.cim`, of which file 1 is the root.
    pub(crate) fn write(mut self, directory: &Path, tables: &[RawFileTable]) {
        let upcase = self.append(upcase::standard().table().as_bytes());
        let (table_count, tables) = (tables.len() as u32, self.append(tables.as_bytes()));
        let filesystem = Filesystem { upcase, tables, table_count, root: FileId::ROOT }.to_raw();
        let filesystem = self.append(filesystem.as_bytes());
        let own = RegionSet { guid: Guid::from_content([1; 16]), count: 1 };
        let header = ImageHeader { version: Version::WRITTEN, parents: Vec::new(), own, filesystem };
        std::fs::write(directory.join(files::region(own.guid, 0)), self.region).unwrap();
        std::fs::write(directory.join("raw.cim"), header.to_bytes().unwrap()).unwrap();
    }
}

pub(crate) fn record(parent: u32, data: Stream) -> RawFileRecord {
    RawFileRecord { data: data.into(), parent: U32::new(parent), ..RawFileRecord::new_zeroed() }
}

pub(crate) fn table(offset: RegionOffset, count: u16, entry_size: u16) -> RawFileTable {
    let mut raw = FileTable::new(offset, count).to_raw();
    raw.as_mut_bytes()[10..12].copy_from_slice(&entry_size.to_le_bytes());
    raw
}

pub(crate) fn security(record: &mut RawFileRecord, at: RegionOffset) {
    record.security = U64::new(at.raw());
}
