//! The buffers that travel between the two sides, and the pool that bounds them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Size of a buffer: large enough that a hand-over costs nothing beside its bytes, small enough that what one side
/// wrote is still in the cache of the second level when the other side reads it.
pub(super) const BUFFER_LEN: usize = 256 * 1024;

/// Buffers of one stream, compressed and uncompressed ones together: 6 MiB.
pub(super) const BUFFERS: usize = 24;

const _: () = assert!(BUFFERS * BUFFER_LEN < 16 << 20);

/// A run of bytes, filled at the end and drained from the start.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

/// An empty buffer.
impl Default for Buffer {
    fn default() -> Self {
        Self { bytes: vec![0; BUFFER_LEN].into_boxed_slice(), start: 0, end: 0 }
    }
}

impl Buffer {
    /// The bytes that were filled in, drained or not.
    pub(super) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.end).unwrap_or_default()
    }

    /// The bytes that are left to drain.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// The room that is left to fill.
    pub(super) fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Counts the first `len` bytes of the room as filled.
    pub(super) fn fill(&mut self, len: usize) {
        self.end = self.end.saturating_add(len).min(self.bytes.len());
    }

    /// Counts the first `len` bytes of the rest as drained.
    pub(super) fn drain(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.end);
    }

    pub(super) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    pub(super) fn is_drained(&self) -> bool {
        self.start == self.end
    }
}

/// Where the decoder gets its buffers: at most [`BUFFERS`], made when first needed, used again when they come back.
#[derive(Debug)]
pub(super) struct Pool {
    unmade: usize,
    returned: Receiver<Buffer>,
    waited: Duration,
}

/// Where the consumer gives buffers back. Dropping it tells the decoder that nobody reads on.
#[derive(Debug)]
pub(super) struct Returns(Sender<Buffer>);

impl Pool {
    pub(super) fn new() -> (Self, Returns) {
        let (sender, returned) = channel();
        (Self { unmade: BUFFERS, returned, waited: Duration::ZERO }, Returns(sender))
    }

    /// Takes an empty buffer, waiting for one when all are in use. `None` when the consumer is gone.
    pub(super) fn take(&mut self) -> Option<Buffer> {
        let mut buffer = match (self.returned.try_recv(), self.unmade.checked_sub(1)) {
            (Ok(buffer), _) => buffer,
            (Err(_), Some(unmade)) => {
                self.unmade = unmade;
                Buffer::default()
            }
            (Err(_), None) => self.wait()?,
        };
        (buffer.start, buffer.end) = (0, 0);
        Some(buffer)
    }

    /// How long [`Pool::take`] has waited.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    fn wait(&mut self) -> Option<Buffer> {
        let start = Instant::now();
        let buffer = self.returned.recv().ok();
        self.waited = self.waited.saturating_add(start.elapsed());
        buffer
    }
}

impl Returns {
    /// Gives a buffer back. When the decoder has ended already, the buffer is freed.
    pub(super) fn give(&self, buffer: Buffer) {
        let _ = self.0.send(buffer);
    }
}
