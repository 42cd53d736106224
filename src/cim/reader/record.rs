//! File records as they lie on disk, and what in them this library cannot read.

use std::fmt;

use super::{Image, Regions};
use crate::cim::error::{CimError, Fault, Unsupported};
use crate::cim::format::{RawFileRecord, RawStream, RecordFlags, Stream, StreamKind};
use crate::cim::units::{FileId, RegionOffset};

/// A file record as it lies on disk.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Where it lies.
    pub place: RegionOffset,
    /// The known fields; those that a shorter record lacks are zero.
    pub raw: RawFileRecord,
    /// The bytes behind the known fields.
    pub tail: &'a [u8],
    /// Whether the record has a parent's id.
    pub has_parent: bool,
}

impl Record<'_> {
    /// Returns whether the record belongs to no file. Records without a parent's id do not say so.
    pub fn is_free(&self) -> bool {
        self.has_parent && self.raw.parent.get() == 0
    }
}

/// A part of a version 3 image that this library does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// The record has a tail that is not zero.
    Tail,
    /// The record has flag bits of unknown meaning.
    Flags(u16),
    /// Something in the record; looking the file up tells what.
    Record,
    /// A stream has an unknown type.
    Stream(u8),
    /// An object lies in a region of an unknown type.
    Region(u8),
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tail => f.write_str("a nonzero record tail"),
            Self::Flags(flags) => write!(f, "record flags {flags:#06x}"),
            Self::Record => f.write_str("a part of the record"),
            Self::Stream(kind) => write!(f, "stream type {kind}"),
            Self::Region(kind) => write!(f, "region type {kind}"),
        }
    }
}

impl Image {
    /// Reads a file's record as it lies on disk, free or not.
    pub fn record(&self, id: FileId) -> Result<Record<'_>, CimError> {
        let beyond = || self.regions.corrupt(self.filesystem.tables, Fault::NoSuchFile { id: id.raw() });
        let (table, bytes) = self.table(id.table())?.ok_or_else(beyond)?;
        let major = self.table_major(table);
        let (raw, tail) = table.record(bytes, id.slot(), major).ok_or_else(beyond)?;
        let slot = u64::try_from(id.slot()).expect("a slot is below 1024");
        let byte = table.offset.byte().saturating_add(slot.saturating_mul(u64::from(table.entry_size)));
        let place = RegionOffset::new(table.offset.region(), byte).unwrap_or(table.offset);
        Ok(Record { place, raw, tail, has_parent: table.has_parents(major) })
    }

    /// Finds what keeps a file from being read. Only version 3 has parts that are unknown but not wrong.
    pub(super) fn unknown_feature(&self, record: &Record<'_>) -> Option<Feature> {
        if !self.is_experimental() {
            return None;
        }
        let raw = &record.raw;
        let flags = RecordFlags::from_bits_retain(raw.flags.get()) - RecordFlags::KNOWN;
        let in_known_region = |offset: RegionOffset| self.regions.unknown_type(offset).map(Feature::Region);
        let stream = Stream::from(raw.data);
        if record.tail.iter().any(|&byte| byte != 0) {
            return Some(Feature::Tail);
        }
        if !flags.is_empty() {
            return Some(Feature::Flags(flags.bits()));
        }
        if let StreamKind::Unknown(kind) = stream.kind {
            return Some(Feature::Stream(kind));
        }
        let offsets = [raw.security, raw.eas, raw.reparse, raw.streams];
        let offsets = offsets.map(|offset| RegionOffset::from_raw(offset.get()));
        offsets.into_iter().chain([stream.offset]).find_map(in_known_region)
    }

    /// Says that a stream is of a type that cannot be read.
    pub(super) fn unknown_stream(&self, stream: Stream, kind: u8) -> CimError {
        if self.is_experimental() {
            // The type of a file that cannot be read for another reason may be a known one.
            let is_known = RawStream::from(stream).kind() <= RawStream::LAST_KNOWN;
            let feature = if is_known { Feature::Record } else { Feature::Stream(kind) };
            let file = self.name.to_string();
            return Unsupported::Feature { file, feature }.into();
        }
        self.regions.corrupt(stream.offset, Fault::StreamType(kind))
    }
}

impl Regions {
    /// Returns the type of the region that an offset leads to, if this library does not know it.
    fn unknown_type(&self, offset: RegionOffset) -> Option<u8> {
        let region = self.get(offset.region())?;
        let unknown = !offset.is_null() && !region.kind().is_known();
        unknown.then_some(region.kind().0)
    }
}
