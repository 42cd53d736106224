//! How a journal points at what lies in the regions of its set.

use super::expand::PeContent;
use super::metadata::LeafRecord;
use crate::cim::error::Fault;
use crate::cim::format::{PeImage, RawLeaf, RawStream, RecordFlags, RegionSet, Stream, StreamKind};
use crate::cim::units::{FileTime, RegionOffset, StreamLen};

/// Counts the offsets of a journal as regions are counted of which those of its set are some.
#[derive(Clone, Copy, Debug)]
pub(super) struct References {
    /// How many regions the set has.
    count: u16,
    /// Index of the first of them.
    first: u16,
}

impl References {
    pub(super) fn new(set: RegionSet, first: u16) -> Self {
        Self { count: set.count, first }
    }

    pub(super) fn leaf(&self, raw: RawLeaf) -> Result<LeafRecord, Fault> {
        Ok(LeafRecord {
            flags: RecordFlags::from_bits_retain(raw.flags.get()),
            times: raw.times.map(|time| FileTime::from_raw(time.get())),
            security: self.offset("a security descriptor", raw.security.get())?,
            eas: self.offset("extended attributes", raw.eas.get())?,
            ea_len: raw.ea_len.get(),
            reparse: self.offset("reparse data", raw.reparse.get())?,
            reparse_tag: raw.reparse_tag.get(),
        })
    }

    pub(super) fn data(&self, raw: RawStream) -> Result<Stream, Fault> {
        let stream = Stream::from(raw);
        if !matches!(stream.kind, StreamKind::Data | StreamKind::Sparse) {
            let reason = format!("data has the stream type {}", raw.kind());
            return Err(Fault::Malformed { what: "the journal", reason });
        }
        Ok(Stream { offset: self.offset("stream data", stream.offset.raw())?, ..stream })
    }

    pub(super) fn pe_image(&self, len: StreamLen, image: &PeImage<'_>) -> Result<PeContent, Fault> {
        image.check(len)?;
        Ok(PeContent {
            len,
            data: self.offset("the data of a PE image", image.data.raw())?,
            data_len: image.data_len,
            image_len: image.image_len,
            flags: image.flags,
            mappings: image.mappings.to_vec(),
        })
    }

    fn offset(&self, what: &'static str, raw: u64) -> Result<RegionOffset, Fault> {
        let local = RegionOffset::from_raw(raw);
        let (region, count) = (local.region(), self.count);
        let outside = Fault::NoSuchRegion { what, region, count: count.into() };
        if !local.is_null() && region >= count {
            return Err(outside);
        }
        local.relocate(self.first).ok_or(outside)
    }
}
