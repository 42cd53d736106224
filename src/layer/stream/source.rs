//! The blob: read into whole buffers, counted, and never past its expected size.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use super::buffer::Buffer;
use super::error::{Reason, StreamError};

/// A reader of compressed bytes.
pub(super) struct Source {
    reader: Box<dyn Read + Send>,
    expected: Option<u64>,
    read: u64,
    ended: bool,
    spent: Duration,
}

impl Source {
    pub(super) fn new(reader: Box<dyn Read + Send>, expected: Option<u64>) -> Self {
        Self { reader, expected, read: 0, ended: false, spent: Duration::ZERO }
    }

    /// Fills `buffer`; leaves room in it only when the blob has ended.
    pub(super) fn fill(&mut self, buffer: &mut Buffer) -> Result<(), StreamError> {
        let start = Instant::now();
        let result = self.read_until_full(buffer);
        self.spent = self.spent.saturating_add(start.elapsed());
        result
    }

    /// Whether it is known how long the blob is at most.
    pub(super) fn is_bounded(&self) -> bool {
        self.expected.is_some()
    }

    /// Whether the reader has said that nothing follows.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// How long the reader took.
    pub(super) fn spent(&self) -> Duration {
        self.spent
    }

    fn read_until_full(&mut self, buffer: &mut Buffer) -> Result<(), StreamError> {
        while !self.ended && !buffer.is_full() {
            let room = buffer.room();
            let (claimed, room) = match self.reader.read(room) {
                Ok(len) => (len, room.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(Reason::Read { at: self.read, source }.into()),
            };
            if claimed > room {
                return Err(Reason::ReaderLies { claimed, room }.into());
            }
            buffer.fill(claimed);
            self.ended = claimed == 0;
            self.count(claimed)?;
        }
        Ok(())
    }

    /// Counts what was read. A blob that passes its expected size is refused at once: it may have no end.
    fn count(&mut self, len: usize) -> Result<(), StreamError> {
        // Saturating: no blob reaches 2^64 bytes.
        self.read = self.read.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
        match self.expected {
            Some(expected) if self.read > expected => Err(Reason::TooLong { expected }.into()),
            _ => Ok(()),
        }
    }
}
