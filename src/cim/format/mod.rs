//! Bytes only: one file for each structure of `docs/format.md`, with no I/O and no allocation.
//!
//! Each structure has a raw form, which lies on disk as it is declared, and a checked form, which holds only values
//! that later arithmetic may trust. Values that this library does not know stay representable.

mod common;
mod file_table;
mod filesystem;
mod guid;
mod image_header;
mod journal;
mod link_table;
mod links;
mod object_ids;
mod pe_image;
mod record;
mod region;
mod stream;
mod version;

pub use common::{CommonHeader, FileKind};
pub use file_table::{FileTable, RawFileTable};
pub use filesystem::{Filesystem, RawFilesystem};
pub use guid::{Guid, RawGuid};
pub use image_header::{ImageHeader, RawImageHeader, RawRegionSet, RegionSet};
pub use journal::{EditCursor, EditKind, JournalHeader, RawJournalHeader, RawLeaf, RawPathFront};
pub use link_table::{LinkTable, LinkTableLayout, NameEntry, Value};
pub use links::{LinkEntry, RawLinksHeader};
pub use object_ids::{DIGEST_LEN, DigestKind, ObjectIdEntry, ObjectIdHeader, RawObjectIdHeader};
pub use pe_image::{PeImage, RawPeImage, RawPeMapping};
pub use record::{Attributes, RawFileRecord, RecordFlags};
pub use region::{RawRegionHeader, RegionHeader, RegionType, SMALL_DATA_LIMIT};
pub use stream::{RawStream, Stream, StreamKind};
pub use version::{Major, Version};

use zerocopy::{FromBytes, Immutable, KnownLayout};

use super::error::Fault;

/// Reads a structure from the front of `bytes`.
fn front<'a, T>(what: &'static str, bytes: &'a [u8]) -> Result<&'a T, Fault>
where
    T: FromBytes + KnownLayout + Immutable + zerocopy::Unaligned,
{
    let have = len(bytes);
    match T::ref_from_prefix(bytes) {
        Ok((value, _)) => Ok(value),
        Err(_) => Err(Fault::Short { what, need: size_of_u64::<T>(), have }),
    }
}

/// Reads `count` structures from the front of `bytes`.
fn front_slice<'a, T>(what: &'static str, bytes: &'a [u8], count: u64) -> Result<&'a [T], Fault>
where
    T: FromBytes + Immutable + zerocopy::Unaligned,
{
    let short = || Fault::Short { what, need: count.saturating_mul(size_of_u64::<T>()), have: len(bytes) };
    let count = usize::try_from(count).map_err(|_| short())?;
    match <[T]>::ref_from_prefix_with_elems(bytes, count) {
        Ok((values, _)) => Ok(values),
        Err(_) => Err(short()),
    }
}

/// Returns a slice's length as the format counts.
fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a usize fits a u64")
}

/// Returns a type's size as the format counts.
const fn size_of_u64<T>() -> u64 {
    // A cast, because conversions by trait cannot run at compile time; no type is near 2^64 bytes.
    #[expect(clippy::as_conversions, reason = "usize to u64 widens on every supported target")]
    {
        size_of::<T>() as u64
    }
}
