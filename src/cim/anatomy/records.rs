//! The filesystem object, the file tables and their records.

use super::fields::{Fields, count, hex, number, optional_place, place};
use super::{Anatomy, Found, upcase};
use crate::cim::dump::timestamp;
use crate::cim::units::{FileTime, RegionOffset};

const FILESYSTEM: u64 = 24;
const TABLE_ENTRY: u64 = 16;

/// Files in a file table.
const PER_TABLE: u32 = 1024;

/// The longest record that is known.
const RECORD: usize = 96;

/// Types of streams.
pub(super) const DATA: u8 = 0;
pub(super) const LINK_TABLE: u8 = 1;
pub(super) const PE_IMAGE: u8 = 2;

/// A stream as it lies on disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawStream {
    pub(super) offset: RegionOffset,
    pub(super) len: u64,
    pub(super) kind: u8,
    /// Bits 56 to 63, of which the lowest says sparse.
    pub(super) bits: u8,
}

impl RawStream {
    /// Reads a stream at an offset.
    pub(super) fn read(fields: Fields<'_>, at: usize) -> Option<Self> {
        let (offset, word) = (fields.offset(at)?, fields.u64(at + 8)?);
        let [a, b, c, d, e, f, kind, bits] = word.to_le_bytes();
        Some(Self { offset, len: u64::from_le_bytes([a, b, c, d, e, f, 0, 0]), kind, bits })
    }

    pub(super) fn show(self) -> String {
        let Self { offset, len, kind, bits } = self;
        format!("at={} len={len} stream_type={kind} bits={}", place(offset), hex(Some(bits)))
    }
}

impl Anatomy<'_, '_> {
    /// Prints the filesystem object and all that it names.
    pub(super) fn filesystem(&mut self, offset: Option<RegionOffset>, found: &mut Found) {
        self.report.section(format_args!("filesystem object"));
        let Some(offset) = offset else {
            return self.report.fault(format_args!("the image file does not say where it lies"));
        };
        let Some(bytes) = self.object("the filesystem object", 0, offset, FILESYSTEM) else { return };
        let fields = Fields(bytes);
        self.report.line(format_args!(
            "at={} upcase={} tables={} table_count={} root={}",
            place(offset),
            optional_place(fields.offset(0)),
            optional_place(fields.offset(8)),
            number(fields.u32(16)),
            number(fields.u32(20))
        ));
        if let Some(offset) = fields.offset(0) {
            upcase::print(self, offset);
        }
        if let (Some(offset), Some(tables)) = (fields.offset(8), fields.u32(16)) {
            self.tables(offset, tables, found);
        }
    }

    fn tables(&mut self, offset: RegionOffset, stated: u32, found: &mut Found) {
        self.report.section(format_args!("file tables"));
        let len = u64::from(stated).saturating_mul(TABLE_ENTRY);
        let Some(bytes) = self.front("the file table directory", 0, offset, len) else { return };
        self.extents.add("the file table directory", 0, offset, count(bytes.len()));
        if count(bytes.len()) < len {
            self.report.fault(format_args!("of {len} bytes of the directory, {} are there", bytes.len()));
        }
        let entries = || bytes.chunks_exact(16).zip(0..).map(|(entry, table)| (Fields(entry), table));
        for (entry, table) in entries() {
            self.report.line(format_args!(
                "table {table}: at={} count={} entry_size={} reserved12={}",
                optional_place(entry.offset(0)),
                number(entry.u16(8)),
                number(entry.u16(10)),
                hex(entry.u32(12))
            ));
        }
        self.report.section(format_args!("records"));
        for (entry, table) in entries() {
            if !self.table(entry, table, found) {
                break;
            }
        }
    }

    /// Prints the records of a table; `false` where no more can be read.
    fn table(&mut self, entry: Fields<'_>, table: u32, found: &mut Found) -> bool {
        let (Some(offset), Some(records), Some(size)) = (entry.offset(0), entry.u16(8), entry.u16(10)) else {
            return true;
        };
        if records == 0 {
            return true;
        }
        let len = u64::from(records) * u64::from(size);
        let Some(bytes) = self.front("file table", table, offset, len) else { return self.budget.is_some() };
        self.extents.add("file table", table, offset, count(bytes.len()));
        if count(bytes.len()) < len || size == 0 || u32::from(records) > PER_TABLE {
            self.report.fault(format_args!(
                "file table {table}: {records} records of {size} bytes, of which {} bytes are there",
                bytes.len()
            ));
        }
        let first = table.saturating_mul(PER_TABLE).saturating_add(1);
        let mut zeros = 0;
        for (record, id) in bytes.chunks_exact(usize::from(size).max(1)).zip(first..) {
            if record.iter().all(|&byte| byte == 0) {
                zeros += 1;
                continue;
            }
            let size = usize::from(size);
            let at = offset.byte().saturating_add(count(size) * u64::from(id - first));
            self.record(id, RegionOffset::new(offset.region(), at).unwrap_or(offset), Fields(record), found);
        }
        if zeros > 0 {
            self.report.line(format_args!("file table {table}: {zeros} records are zeros"));
        }
        true
    }

    fn record(&mut self, id: u32, at: RegionOffset, record: Fields<'_>, found: &mut Found) {
        let stream = RawStream::read(record, 40);
        if self.report.has_room() {
            self.print_record(id, at, record, stream);
        } else {
            self.report.skip(6);
        }
        let offset = |at: usize| record.offset(at).filter(|offset| !offset.is_null());
        if let Some(stream) = stream {
            self.note_stream(id, stream, found);
        }
        if let Some(offset) = offset(56) {
            found.security.entry(offset).or_insert(id);
        }
        if let (Some(offset), Some(len)) = (offset(64), record.u16(2)) {
            found.eas.entry((offset, len)).or_insert(id);
        }
        if let Some(offset) = offset(72) {
            found.reparse.entry(offset).or_insert(id);
        }
        if let Some(offset) = offset(80) {
            found.streams.entry(offset).or_insert(id);
        }
    }

    /// Notes where the data of a stream lies, to be looked at later.
    pub(super) fn note_stream(&mut self, id: u32, stream: RawStream, found: &mut Found) {
        let RawStream { offset, len, kind, bits } = stream;
        if offset.is_null() {
            return;
        }
        match kind {
            DATA if bits & 1 == 0 => self.extents.add("data", id, offset, len),
            LINK_TABLE => drop(found.directories.entry(offset).or_insert(id)),
            PE_IMAGE => drop(found.pe_images.entry(offset).or_insert(id)),
            _ => {}
        }
    }

    fn print_record(&mut self, id: u32, at: RegionOffset, record: Fields<'_>, stream: Option<RawStream>) {
        let time = |at: usize| number(record.u64(at).map(|time| timestamp(FileTime::from_raw(time))));
        let offset = |at: usize| optional_place(record.offset(at));
        let report = &mut self.report;
        report.line(format_args!(
            "record {id} at={} flags={} ea_len={} reparse_tag={}",
            place(at),
            hex(record.u16(0)),
            number(record.u16(2)),
            hex(record.u32(4))
        ));
        let (created, written, changed, accessed) = (time(8), time(16), time(24), time(32));
        report.line(format_args!(
            "  created={created} written={written} changed={changed} accessed={accessed}"
        ));
        report.line(format_args!("  data: {}", number(stream.map(RawStream::show))));
        report.line(format_args!(
            "  security={} eas={} reparse={} streams={}",
            offset(56),
            offset(64),
            offset(72),
            offset(80)
        ));
        report.line(format_args!(
            "  parent={} base_region={} reserved94={}",
            number(record.u32(88)),
            number(record.u16(92)),
            hex(record.u16(94))
        ));
        let tail = record.rest(RECORD);
        let tail = if tail.is_empty() { "-".to_owned() } else { self.names.unknown(tail) };
        report.line(format_args!("  tail={tail}"));
    }
}
