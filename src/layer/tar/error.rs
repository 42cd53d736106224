//! What can be wrong with a tar stream.

use std::io;

use thiserror::Error;

use crate::layer::pax::PaxError;

/// Why a tar stream cannot be read. Offsets count from its beginning.
#[derive(Debug, Error)]
pub enum TarError {
    /// The stream below failed; a [`StreamError`](crate::layer::stream::StreamError) is inside.
    #[error("cannot read the tar stream")]
    Read(#[source] io::Error),
    /// The stream ends inside an entry or a header.
    #[error("the tar stream breaks off in {what} at byte {at}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where the stream ends.
        at: u64,
    },
    /// A block that should be a header is none.
    #[error("the block at byte {at} of the tar stream is no header: its checksum is wrong")]
    Checksum {
        /// Where the block begins.
        at: u64,
    },
    /// One block of zeros, which is neither a header nor the end.
    #[error("a single block of zeros stands before byte {at} of the tar stream: two are its end")]
    HalfEnd {
        /// Where the block behind the zeros begins.
        at: u64,
    },
    /// A field of a header is no number.
    #[error("the {field} in the tar header before byte {at} is no number that can be")]
    Number {
        /// The field.
        field: &'static str,
        /// Where the header ends.
        at: u64,
    },
    /// A header that describes the next entry is too long.
    #[error("{what} of {len} bytes before byte {at} of the tar stream is longer than {limit}")]
    TooLong {
        /// The header.
        what: &'static str,
        /// Its length.
        len: u64,
        /// The longest that is read.
        limit: u64,
        /// Where it begins.
        at: u64,
    },
    /// Two headers of a kind describe the same entry, so that readers differ in what they make of it.
    #[error("{what} stands twice before byte {at} of the tar stream")]
    Twice {
        /// The header.
        what: &'static str,
        /// Where the second one begins.
        at: u64,
    },
    /// The stream ends behind a header that describes the next entry.
    #[error("the tar stream ends at byte {at} where an entry must follow")]
    NoEntry {
        /// Where it ends.
        at: u64,
    },
    /// The map of a sparse file is wrong.
    #[error("the sparse file before byte {at} of the tar stream is malformed: {reason}")]
    Sparse {
        /// Where its data begins.
        at: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// PAX records are malformed.
    #[error("the pax header before byte {at} of the tar stream is malformed")]
    Pax {
        /// Where it ends.
        at: u64,
        /// What is wrong.
        source: PaxError,
    },
}
