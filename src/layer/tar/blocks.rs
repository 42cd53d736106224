//! The bytes of a tar stream: whole blocks, runs of data, and where reading stands.

use std::io::{self, BufRead};

use super::TarError;

/// Length of a header, and what data is padded to.
pub(super) const BLOCK: u64 = 512;

/// A block.
pub(super) type Block = [u8; 512];

/// Reads a stream and counts.
#[derive(Debug)]
pub(super) struct Blocks<R> {
    reader: R,
    at: u64,
}

impl<R: BufRead> Blocks<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, at: 0 }
    }

    pub(super) fn into_inner(self) -> R {
        self.reader
    }

    /// Returns how many bytes were taken.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// Takes a block; `None` where the stream ends before it.
    pub(super) fn block(&mut self) -> Result<Option<Block>, TarError> {
        let start = self.at;
        let mut block = [0; 512];
        match self.fill(&mut block, "a header") {
            Err(TarError::Truncated { at, .. }) if at == start => Ok(None),
            filled => filled.map(|()| Some(block)),
        }
    }

    /// Takes `len` bytes that are kept; the caller has bounded them.
    pub(super) fn bytes(&mut self, len: usize, what: &'static str) -> Result<Vec<u8>, TarError> {
        let mut bytes = vec![0; len];
        self.fill(&mut bytes, what)?;
        Ok(bytes)
    }

    /// Drops `len` bytes.
    pub(super) fn skip(&mut self, mut len: u64, what: &'static str) -> Result<(), TarError> {
        while len > 0 {
            let count = shorter(self.peek(what)?.len(), len);
            self.take(count);
            len = len.saturating_sub(count_u64(count));
        }
        Ok(())
    }

    /// Returns bytes that come next, at least one.
    pub(super) fn peek(&mut self, what: &'static str) -> Result<&[u8], TarError> {
        let at = self.at;
        // The borrow of a filled buffer would outlive a retry, so the retries come first.
        while let Err(error) = self.reader.fill_buf() {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(TarError::Read(error));
            }
        }
        match self.reader.fill_buf().map_err(TarError::Read)? {
            [] => Err(TarError::Truncated { what, at }),
            bytes => Ok(bytes),
        }
    }

    /// Takes bytes that were seen by [`peek`](Self::peek).
    pub(super) fn take(&mut self, count: usize) {
        self.reader.consume(count);
        self.at = self.at.saturating_add(count_u64(count));
    }

    fn fill(&mut self, mut bytes: &mut [u8], what: &'static str) -> Result<(), TarError> {
        while !bytes.is_empty() {
            let next = self.peek(what)?;
            let count = next.len().min(bytes.len());
            let (now, rest) = bytes.split_at_mut(count);
            now.copy_from_slice(next.get(..count).unwrap_or_default());
            self.take(count);
            bytes = rest;
        }
        Ok(())
    }
}

/// Returns the shorter of two lengths.
pub(super) fn shorter(here: usize, left: u64) -> usize {
    usize::try_from(left).map_or(here, |left| left.min(here))
}

pub(super) fn count_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
