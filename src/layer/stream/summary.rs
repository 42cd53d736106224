//! What a stream must be, what it turned out to be, and where its time went.

use std::time::Duration;

use super::error::{Reason, StreamError};
use super::format::Format;
use crate::layer::digest::{Digest, DigestAndSize};

/// What a blob must turn out to be. What is not given is not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Digest of the blob.
    pub blob_digest: Option<Digest>,
    /// Size of the blob. A longer one is refused as soon as it passes this.
    pub blob_size: Option<u64>,
    /// Digest of the tar stream.
    pub diff_id: Option<Digest>,
}

/// What a stream turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    /// How the blob is compressed.
    pub format: Format,
    /// The blob.
    pub compressed: DigestAndSize,
    /// The tar stream; its digest is the diff id.
    pub uncompressed: DigestAndSize,
    /// Where the time went.
    pub timing: StreamTiming,
}

/// Where the time of a stream went, measured once for each buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamTiming {
    /// Whether the blob was decompressed on a thread of its own.
    pub threaded: bool,
    /// Decompressing side: reading the blob.
    pub reading: Duration,
    /// Decompressing side: inflating.
    pub inflating: Duration,
    /// Decompressing side: waiting for a buffer, because the caller is behind.
    pub stalled: Duration,
    /// Caller's side: waiting for bytes, because the decompressing side is behind. Zero without a thread.
    pub waiting: Duration,
    /// Caller's side: hashing blob and tar stream.
    pub hashing: Duration,
}

impl Expected {
    /// Compares. The blob comes first: when it is wrong, the tar stream is wrong for that reason.
    pub(super) fn check(&self, blob: DigestAndSize, tar: DigestAndSize) -> Result<(), StreamError> {
        self.check_blob(blob)?;
        if let Some(expected) = self.diff_id.filter(|expected| *expected != tar.digest) {
            return Err(Reason::DiffId { expected, found: tar.digest }.into());
        }
        Ok(())
    }

    /// Compares the blob alone.
    pub(super) fn check_blob(&self, blob: DigestAndSize) -> Result<(), StreamError> {
        if let Some(expected) = self.blob_size.filter(|expected| *expected != blob.size) {
            return Err(Reason::Size { expected, found: blob.size }.into());
        }
        if let Some(expected) = self.blob_digest.filter(|expected| *expected != blob.digest) {
            return Err(Reason::Digest { expected, found: blob.digest }.into());
        }
        Ok(())
    }
}
