//! Link tables: the names of directories, and the alternate streams of files.

use super::fields::{Fields, count, hex, number, place};
use super::records::RawStream;
use super::{Anatomy, Found};
use crate::cim::units::RegionOffset;

const HEADER: u64 = 8;
const NAME_OFFSET: usize = 4;

/// Sizes of what a name stands for: a file id, or a stream.
const FILE_ID: usize = 4;
const STREAM: usize = 16;

/// A link table, as far as it lies in its region.
#[derive(Clone, Copy, Debug)]
struct Table<'a> {
    fields: Fields<'a>,
    /// Entries whose value and name offset lie in the table.
    entries: usize,
    value_len: usize,
}

impl<'a> Table<'a> {
    fn value(self, index: usize) -> Fields<'a> {
        Fields(self.fields.rest(8 + index * self.value_len))
    }

    /// Returns where the name of an entry lies in the table, and its bytes as far as they are there.
    fn name(self, index: usize) -> (Option<u32>, Option<&'a [u8]>) {
        let at = self.fields.u32(8 + self.entries_end() + index * NAME_OFFSET);
        let name = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| {
            let len = self.fields.u16(at)?;
            self.fields.bytes(at.checked_add(2)?, usize::from(len) * 2)
        });
        (at, name)
    }

    /// Returns the length of the values, which the name offsets follow.
    fn entries_end(self) -> usize {
        self.stated() * self.value_len
    }

    fn stated(self) -> usize {
        self.fields.u32(4).and_then(|stated| usize::try_from(stated).ok()).unwrap_or(0)
    }
}

impl<'a> Anatomy<'a, '_> {
    /// Prints all link tables. Streams that are found there are noted.
    pub(super) fn link_tables(&mut self, found: &mut Found) {
        self.report.section(format_args!("directories"));
        for (&offset, &id) in &found.directories {
            let Some(table) = self.link_table("link table", id, offset, FILE_ID) else { continue };
            for index in 0..table.entries {
                let file = number(table.value(index).u32(0));
                self.entry(table, index, format_args!("-> {file}"));
            }
        }
        self.report.section(format_args!("alternate streams"));
        let mut streams = Vec::new();
        for (&offset, &id) in &found.streams {
            let Some(table) = self.link_table("stream table", id, offset, STREAM) else { continue };
            for index in 0..table.entries {
                let stream = RawStream::read(table.value(index), 0);
                self.entry(table, index, format_args!("{}", number(stream.map(RawStream::show))));
                streams.extend(stream.map(|stream| (id, stream)));
            }
        }
        for (id, stream) in streams {
            self.note_stream(id, stream, found);
        }
    }

    fn link_table(
        &mut self,
        what: &'static str,
        id: u32,
        offset: RegionOffset,
        value_len: usize,
    ) -> Option<Table<'a>> {
        let header = Fields(self.front(what, id, offset, HEADER)?);
        let (len, stated) = (header.u32(0), header.u32(4));
        self.report.line(format_args!(
            "{what} of {id} at={} len={} count={}",
            place(offset),
            number(len),
            number(stated)
        ));
        let len = u64::from(len?);
        let bytes = self.front(what, id, offset, len)?;
        self.extents.add(what, id, offset, count(bytes.len()));
        let entry = value_len + NAME_OFFSET;
        let entries = usize::try_from(stated?).unwrap_or(usize::MAX);
        let there = bytes.len().saturating_sub(8) / entry;
        if entries > there || count(bytes.len()) < len {
            self.report.fault(format_args!(
                "{what} of {id}: {entries} names in {len} bytes, of which {} are there",
                bytes.len()
            ));
        }
        // Where the values do not fit, the name offsets behind them cannot be found.
        let entries = if entries > there { 0 } else { entries };
        Some(Table { fields: Fields(bytes), entries, value_len })
    }

    fn entry(&mut self, table: Table<'_>, index: usize, value: std::fmt::Arguments<'_>) {
        if !self.report.has_room() {
            return self.report.skip(1);
        }
        let (at, name) = table.name(index);
        match name {
            Some(name) => {
                self.report.line(format_args!("  {} {value} name_at={}", self.names.name(name), hex(at)))
            }
            None => self.report.fault(format_args!("  entry {index} {value}: no name at {}", hex(at))),
        }
    }
}
