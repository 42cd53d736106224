//! A stream: where data or a table lies and how long it is (docs/format.md, "Stream").

use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::cim::units::{RegionOffset, StreamLen};

/// A stream as it lies on disk: offset, then length (bits 0..47), type (48..55) and the sparse bit (56).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned,
)]
#[repr(C)]
pub struct RawStream {
    offset: U64,
    len_and_type: U64,
}

const _: () = assert!(size_of::<RawStream>() == 16); // 8 + 8

const TYPE_SHIFT: u32 = 48;
const SPARSE: u64 = 1 << 56;

const TYPE_DATA: u8 = 0;
const TYPE_LINK_TABLE: u8 = 1;
const TYPE_PE_IMAGE: u8 = 2;

/// What a stream's offset points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Data, in one piece.
    Data,
    /// Nothing: the stream reads as zeros.
    Sparse,
    /// The names of a directory.
    LinkTable,
    /// A description of an executable whose sections lie page-aligned.
    PeImage,
    /// Something that this library cannot read, by the type on disk.
    Unknown(u8),
}

/// A checked stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stream {
    /// Where the data or table lies; null for sparse and empty streams.
    pub offset: RegionOffset,
    /// Length: of the data, or of the link table's bytes.
    pub len: StreamLen,
    /// What the offset points to.
    pub kind: StreamKind,
}

impl Stream {
    /// A data stream of no bytes.
    pub const EMPTY: Self =
        Self { offset: RegionOffset::NULL, len: StreamLen::from_bits(0), kind: StreamKind::Data };

    /// The stream of an empty directory.
    pub const EMPTY_DIRECTORY: Self =
        Self { offset: RegionOffset::NULL, len: StreamLen::from_bits(0), kind: StreamKind::LinkTable };

    /// Returns whether this is a directory's stream.
    pub fn is_directory(self) -> bool {
        self.kind == StreamKind::LinkTable
    }
}

impl From<RawStream> for Stream {
    fn from(raw: RawStream) -> Self {
        let word = raw.len_and_type.get();
        let kind = match RawStream::kind(raw) {
            TYPE_DATA if word & SPARSE != 0 => StreamKind::Sparse,
            TYPE_DATA => StreamKind::Data,
            TYPE_LINK_TABLE => StreamKind::LinkTable,
            TYPE_PE_IMAGE => StreamKind::PeImage,
            other => StreamKind::Unknown(other),
        };
        Self { offset: RegionOffset::from_raw(raw.offset.get()), len: StreamLen::from_bits(word), kind }
    }
}

impl RawStream {
    /// The highest type that is known.
    pub const LAST_KNOWN: u8 = TYPE_PE_IMAGE;

    /// Returns the type as it lies on disk.
    pub fn kind(self) -> u8 {
        u8::try_from((self.len_and_type.get() >> TYPE_SHIFT) & 0xFF).expect("masked to 8 bits")
    }
}

impl From<Stream> for RawStream {
    fn from(stream: Stream) -> Self {
        let (kind, sparse) = match stream.kind {
            StreamKind::Data => (TYPE_DATA, 0),
            StreamKind::Sparse => (TYPE_DATA, SPARSE),
            StreamKind::LinkTable => (TYPE_LINK_TABLE, 0),
            StreamKind::PeImage => (TYPE_PE_IMAGE, 0),
            StreamKind::Unknown(other) => (other, 0),
        };
        Self {
            offset: U64::new(stream.offset.raw()),
            len_and_type: U64::new(stream.len.get() | u64::from(kind) << TYPE_SHIFT | sparse),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_read_back() {
        let known = [StreamKind::Data, StreamKind::Sparse, StreamKind::LinkTable, StreamKind::PeImage];
        for kind in known.into_iter().chain([StreamKind::Unknown(9)]) {
            let offset = RegionOffset::new(3, 0x5000).unwrap();
            let stream = Stream { offset, len: StreamLen::MAX, kind };
            assert_eq!(Stream::from(RawStream::from(stream)), stream);
        }
    }
}
