//! What can go wrong between a blob and its tar stream.

use std::io;
use std::sync::Arc;

use thiserror::Error;

use super::format::Format;
use crate::layer::digest::Digest;

/// An error of a layer stream.
///
/// It is cheap to clone: a stream that failed gives the same error to every later call. Through the [`io::Read`]
/// side it travels inside an [`io::Error`]; [`StreamError::from_io`] finds it there.
#[derive(Clone, Debug, Error)]
#[error(transparent)]
pub struct StreamError(Arc<Reason>);

/// What a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StreamErrorKind {
    /// The blob cannot be read.
    Read,
    /// The content is neither gzip, zstd nor tar.
    UnknownFormat,
    /// The text is not the media type of a layer.
    UnknownMediaType,
    /// The content is in another format than the media type says.
    MediaTypeMismatch,
    /// The compressed stream ends before its end.
    Truncated,
    /// Something follows the compressed stream.
    TrailingGarbage,
    /// The compressed stream does not decode.
    Corrupt,
    /// The stream decodes, but not to the bytes that were compressed.
    Checksum,
    /// The stream passes a limit: its size, its ratio or the memory that decoding needs.
    LimitExceeded,
    /// The size of the blob is not the expected one.
    SizeMismatch,
    /// The digest of the blob is not the expected one.
    DigestMismatch,
    /// The digest of the tar stream is not the expected diff id.
    DiffIdMismatch,
    /// The decompressing thread could not start, or it panicked.
    Thread,
}

#[derive(Debug, Error)]
pub(super) enum Reason {
    #[error("cannot read the layer blob at byte {at}")]
    Read { at: u64, source: io::Error },
    #[error("the reader of the layer blob claims {claimed} bytes for a buffer of {room}")]
    ReaderLies { claimed: usize, room: usize },
    #[error("the layer blob is neither gzip, zstd nor tar: it starts with the bytes {head}")]
    UnknownFormat { head: String },
    #[error("{text:?} is not the media type of a layer")]
    UnknownMediaType { text: String },
    #[error("the media type {media_type} says that the layer blob is {says}, but its content is {found}")]
    MediaTypeMismatch { media_type: String, says: Format, found: &'static str },
    #[error("the {format} stream breaks off after {at} bytes")]
    Truncated { format: Format, at: u64 },
    #[error("the {format} stream ends at byte {at}, but garbage follows it")]
    TrailingGarbage { format: Format, at: u64 },
    #[error("the {format} stream is corrupt near byte {at}: {cause}")]
    Corrupt { format: Format, at: u64, cause: String },
    #[error("the {format} stream does not match its own checksum near byte {at}")]
    Checksum { format: Format, at: u64 },
    #[error("the layer unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("{read} bytes of the layer blob unpack to {made}, more than {limit} times as much")]
    Ratio { read: u64, made: u64, limit: u64 },
    #[error("the {format} stream needs a window of more than 2^{log} bytes")]
    Window { format: Format, log: u32 },
    #[error("the layer blob is longer than the expected {expected} bytes")]
    TooLong { expected: u64 },
    #[error("the layer blob has {found} bytes, not the expected {expected}")]
    Size { expected: u64, found: u64 },
    #[error("the layer blob has the digest {found}, not the expected {expected}")]
    Digest { expected: Digest, found: Digest },
    #[error("the layer has the diff id {found}, not the expected {expected}")]
    DiffId { expected: Digest, found: Digest },
    #[error("the rest of the layer is not wanted")]
    Unwanted,
    #[error("cannot start a thread to decompress the layer")]
    Spawn { source: io::Error },
    #[error("the thread that decompresses the layer panicked: {message}")]
    Panicked { message: String },
}

impl From<Reason> for StreamError {
    fn from(reason: Reason) -> Self {
        Self(Arc::new(reason))
    }
}

impl StreamError {
    /// Returns what a caller can act on.
    pub fn kind(&self) -> StreamErrorKind {
        match &*self.0 {
            Reason::Read { .. } | Reason::ReaderLies { .. } => StreamErrorKind::Read,
            Reason::UnknownFormat { .. } => StreamErrorKind::UnknownFormat,
            Reason::UnknownMediaType { .. } => StreamErrorKind::UnknownMediaType,
            Reason::MediaTypeMismatch { .. } => StreamErrorKind::MediaTypeMismatch,
            Reason::Truncated { .. } => StreamErrorKind::Truncated,
            Reason::TrailingGarbage { .. } => StreamErrorKind::TrailingGarbage,
            Reason::Corrupt { .. } | Reason::Unwanted => StreamErrorKind::Corrupt,
            Reason::Checksum { .. } => StreamErrorKind::Checksum,
            Reason::TooLarge { .. } | Reason::Ratio { .. } | Reason::Window { .. } => {
                StreamErrorKind::LimitExceeded
            }
            Reason::TooLong { .. } | Reason::Size { .. } => StreamErrorKind::SizeMismatch,
            Reason::Digest { .. } => StreamErrorKind::DigestMismatch,
            Reason::DiffId { .. } => StreamErrorKind::DiffIdMismatch,
            Reason::Spawn { .. } | Reason::Panicked { .. } => StreamErrorKind::Thread,
        }
    }

    /// Returns whether the content of the blob is at fault, so that its digest may be wrong too.
    pub(super) fn is_of_content(&self) -> bool {
        matches!(
            self.kind(),
            StreamErrorKind::UnknownFormat
                | StreamErrorKind::MediaTypeMismatch
                | StreamErrorKind::Truncated
                | StreamErrorKind::TrailingGarbage
                | StreamErrorKind::Corrupt
                | StreamErrorKind::Checksum
                | StreamErrorKind::LimitExceeded
        )
    }

    /// Returns whether the blob is another one than was expected.
    pub fn is_of_other_blob(&self) -> bool {
        matches!(self.kind(), StreamErrorKind::SizeMismatch | StreamErrorKind::DigestMismatch)
    }

    /// Returns the digest of a blob that is not the expected one.
    pub fn found_digest(&self) -> Option<Digest> {
        match &*self.0 {
            Reason::Digest { found, .. } => Some(*found),
            _ => None,
        }
    }

    /// Finds the stream error inside an error of the [`io::Read`] side.
    pub fn from_io(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<StreamError> for io::Error {
    fn from(error: StreamError) -> Self {
        let kind = match &*error.0 {
            Reason::Read { source, .. } | Reason::Spawn { source } => source.kind(),
            Reason::Truncated { .. } => io::ErrorKind::UnexpectedEof,
            Reason::ReaderLies { .. } | Reason::Panicked { .. } => io::ErrorKind::Other,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
