//! From the blob of a layer to its tar stream: decompressed, hashed on both sides, verified.
//!
//! ```text
//!   blob ──► read ──► inflate ───────────┐  pieces   ┌──► hash blob, hash tar ──► caller
//!                        ▲               └──────────►┘                              │
//!   decompressing thread └────────────── buffers ◄──────────────────────────────────┘  caller's thread
//! ```
//!
//! Inflating and hashing cost about the same, so they run side by side: two threads a layer, which is what two cores
//! can use. The caller's thread hashes both sides in step, right before it hands a buffer out, while the bytes are in
//! its cache. A blob that fits in one buffer is done on the caller's thread alone: starting a thread costs 0.1 ms, as
//! much as it saves on a blob of 128 to 256 KiB.
//!
//! # What is verified
//!
//! * The content tells the format, and the media type must agree ([`MediaType`]).
//! * Every gzip member and zstd frame must end and match its own checksum, and nothing but another one may follow it.
//!   That includes zeros: gzip(1) ignores them, but no builder writes them, and the reader of containerd refuses them.
//! * The size and the digest of the blob and the digest of the tar stream are those expected, as far as they are
//!   given ([`Expected`]). A blob that is too long is refused as soon as it is, the rest is known at
//!   [`LayerStream::finish`].
//! * The tar stream stays within its [`Limits`].
//!
//! Bytes that do not decompress are often not the bytes that were asked for. So where the size of the blob is known, the rest of
//! it is read after such an error, and a wrong digest or size is reported in its place; [`LayerStream::verdict`] does so where the
//! tar stream is at fault.
//!
//! An error stays: every later call gives it again. A panic of the reader on the decompressing thread is an error too;
//! while a blob is opened, the reader runs on the caller's thread and its panic is the caller's.
//!
//! # Memory
//!
//! At most 24 buffers of 256 KiB are made, 6 MiB, and only as many as are in use at once. A decoder that is ahead
//! waits for one to come back. Inflating gzip takes some 50 KiB more, zstd its window, which a frame may declare up to
//! [`Limits::zstd_window_log`].
//!
//! # Choice of crates
//!
//! Bytes of tar for each second of processor time, for tars of 300 MB at gzip level 6 (2.0:1 and 2.7:1), where
//! `flate2` on `zlib-rs` is 1:
//!
//! | decoder | speed | verdict |
//! |---|---|---|
//! | `flate2` on `zlib-rs` | 1 | Rust only, builds everywhere, streams, tells where a member ends |
//! | `flate2` on `zlib-ng` | 0.97 to 1.07 | C and cmake for nothing |
//! | `isal-rs`, its reader | 1.06 to 1.11 | refuses valid blobs, see below |
//! | `libdeflater`, output reused | 1.25 to 1.30 | holds blob and tar in memory, ignores what follows the first member |
//! | `libdeflater`, output fresh | 0.89 to 0.96 | new pages cost more than it gains |
//! | `zstd`, the same tars at level 3 | 1.6 to 2.7 | |
//!
//! `isal-rs` 0.5.3 counts the steps that make no output and gives up at the second one in a member, so that a valid
//! blob fails when it arrives in short reads or has a long header; and its reader keeps a pointer into itself, which
//! dangles once it is moved. Calling its C library directly would be unsafe code and two more build tools for a tenth.

#![cfg_attr(not(test), deny(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod boundary;
mod buffer;
mod decoder;
mod error;
mod format;
mod gzip;
mod inflate;
mod limits;
mod source;
mod summary;
mod supply;
#[cfg(test)]
mod tests;
mod zstd;

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use error::{StreamError, StreamErrorKind};
pub use format::{Format, MediaType};
pub use limits::Limits;
pub use summary::{Expected, StreamSummary, StreamTiming};

use super::digest::Hasher;
use buffer::{Buffer, Pool};
use decoder::{Decoder, Piece, ProducerTiming};
use source::Source;
use supply::Supply;

/// How to open a blob.
#[derive(Clone, Debug, Default)]
pub struct StreamOptions {
    /// What the descriptor says of the content. Without it the content alone decides.
    pub media_type: Option<MediaType>,
    /// What the blob and its tar stream must turn out to be.
    pub expected: Expected,
    /// What a hostile blob may cost.
    pub limits: Limits,
    /// Where to decompress.
    pub threading: Threading,
}

/// Where to decompress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threading {
    /// On a thread of its own, unless the whole blob fits in one buffer.
    #[default]
    Auto,
    /// On a thread of its own.
    Thread,
    /// On the caller's thread.
    Inline,
}

/// The tar stream of a layer blob.
///
/// It is read through [`BufRead`], which hands out whole buffers without a copy, or [`LayerStream::chunk`], the same
/// with typed errors. Only [`LayerStream::finish`] proves what was read: until then every byte is hearsay.
pub struct LayerStream {
    format: Format,
    supply: Supply,
    /// What the caller has not taken yet. Hashed already.
    current: Option<Buffer>,
    tar: Hasher,
    /// `None` when the blob is the tar stream, which need not be hashed twice.
    blob: Option<Hasher>,
    state: State,
    expected: Expected,
    timing: StreamTiming,
    /// Tells the decoder that only the digest of the blob is wanted.
    unwanted: Arc<AtomicBool>,
}

enum State {
    Open,
    Ended,
    Failed(StreamError),
}

impl LayerStream {
    /// Opens a blob: reads its start, tells its format, and checks that against the media type.
    pub fn open(reader: impl Read + Send + 'static, options: StreamOptions) -> Result<Self, StreamError> {
        let StreamOptions { media_type, expected, limits, threading } = options;
        let (mut pool, returns) = Pool::new();
        let mut source = Source::new(Box::new(reader), expected.blob_size);
        // The consumer's end is in this function, so there is a buffer.
        let mut head = pool.take().unwrap_or_default();
        source.fill(&mut head)?;
        let format = match format::choose(head.filled(), media_type.as_ref()) {
            Ok(format) => format,
            Err(error) => return Err(judged(error, source, &head, &expected)),
        };
        let inflate = inflate::open(format, limits.zstd_window_log).map_err(|fault| fault.at(format, 0))?;
        let inline = threading.is_inline(source.has_ended());
        let unwanted = Arc::<AtomicBool>::default();
        let decoder = Decoder::new((format, inflate), (source, head), pool, limits, unwanted.clone());
        let supply = match inline {
            true => Supply::Inline(Box::new(decoder), returns),
            false => Supply::spawn(decoder, returns)?,
        };
        let blob = (format != Format::Tar).then(Hasher::default);
        Ok(Self {
            format,
            timing: StreamTiming { threaded: supply.is_threaded(), ..StreamTiming::default() },
            supply,
            current: None,
            tar: Hasher::default(),
            blob,
            state: State::Open,
            expected,
            unwanted,
        })
    }

    /// Returns how the blob is compressed.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns bytes of the tar stream that were not taken yet: up to a whole buffer, none at the end.
    pub fn chunk(&mut self) -> Result<&[u8], StreamError> {
        self.load()?;
        Ok(self.current.as_ref().map(Buffer::rest).unwrap_or_default())
    }

    /// Takes the first `len` bytes of the last chunk, or all of it when it is shorter.
    pub fn advance(&mut self, len: usize) {
        if let Some(current) = &mut self.current {
            current.drain(len);
        }
    }

    /// Reads to the end, so that bytes behind the end mark of the tar archive are hashed too, and compares what came
    /// with what was expected.
    pub fn finish(mut self) -> Result<StreamSummary, StreamError> {
        while !self.chunk()?.is_empty() {
            self.advance(usize::MAX);
        }
        let uncompressed = self.tar.finish();
        let compressed = self.blob.map_or(uncompressed, Hasher::finish);
        self.expected.check(compressed, uncompressed)?;
        Ok(StreamSummary { format: self.format, compressed, uncompressed, timing: self.timing })
    }

    /// Reads the rest of a blob whose tar stream is of no use, and returns how the blob differs from what was expected, if that is
    /// known. Reads nothing unless the size of the blob is.
    pub fn verdict(mut self) -> Option<StreamError> {
        self.expected.blob_size?;
        self.unwanted.store(true, Ordering::Relaxed);
        loop {
            match self.chunk() {
                Ok([]) => break,
                Ok(_) => self.advance(usize::MAX),
                Err(error) => return Some(error).filter(StreamError::is_of_other_blob),
            }
        }
        let blob = self.blob.unwrap_or(self.tar).finish();
        self.expected.check_blob(blob).err()
    }

    /// Compares a blob that does not decompress, all of which was read.
    fn judge(&mut self, error: StreamError) -> StreamError {
        let is_whole = self.expected.blob_size.is_some() && error.is_of_content();
        match self.blob.take_if(|_| is_whole) {
            Some(blob) => self.expected.check_blob(blob.finish()).err().unwrap_or(error),
            None => error,
        }
    }

    /// Makes sure that the current buffer holds bytes, unless the stream has ended.
    fn load(&mut self) -> Result<(), StreamError> {
        loop {
            if let Some(drained) = self.current.take_if(|current| current.is_drained()) {
                self.supply.give_back(drained);
            }
            match &self.state {
                State::Failed(error) => return Err(error.clone()),
                State::Ended => return Ok(()),
                State::Open if self.current.is_some() => return Ok(()),
                State::Open => self.receive(),
            }
        }
    }

    fn receive(&mut self) {
        let start = Instant::now();
        let piece = self.supply.next();
        if self.timing.threaded {
            self.timing.waiting = self.timing.waiting.saturating_add(start.elapsed());
        }
        match piece {
            Ok(Piece::Blob(buffer)) => {
                if let Some(blob) = &mut self.blob {
                    timed(&mut self.timing.hashing, || blob.update(buffer.filled()));
                }
                self.supply.give_back(buffer);
            }
            Ok(Piece::Tar(buffer)) => {
                timed(&mut self.timing.hashing, || self.tar.update(buffer.filled()));
                self.current = Some(buffer);
            }
            Ok(Piece::End(timing)) => self.end(timing),
            Err(error) => self.state = State::Failed(self.judge(error)),
        }
    }

    fn end(&mut self, timing: ProducerTiming) {
        self.timing.reading = timing.reading;
        self.timing.inflating = timing.inflating;
        self.timing.stalled = timing.stalled;
        self.state = State::Ended;
    }
}

impl Threading {
    fn is_inline(self, whole_blob_is_here: bool) -> bool {
        match self {
            Self::Auto => whole_blob_is_here,
            Self::Thread => false,
            Self::Inline => true,
        }
    }
}

impl Read for LayerStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.chunk()?.read(buf)?;
        self.advance(len);
        Ok(len)
    }
}

impl BufRead for LayerStream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.chunk()?)
    }

    fn consume(&mut self, len: usize) {
        self.advance(len);
    }
}

impl std::fmt::Debug for LayerStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LayerStream").field("format", &self.format).finish_non_exhaustive()
    }
}

/// Reads the rest of a blob that cannot be opened, and compares it.
fn judged(error: StreamError, mut source: Source, head: &Buffer, expected: &Expected) -> StreamError {
    if !source.is_bounded() {
        return error;
    }
    let mut blob = Hasher::default();
    blob.update(head.filled());
    while !source.has_ended() {
        let mut buffer = Buffer::default();
        if let Err(error) = source.fill(&mut buffer) {
            return error;
        }
        blob.update(buffer.filled());
    }
    expected.check_blob(blob.finish()).err().unwrap_or(error)
}

fn timed(total: &mut Duration, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    *total = total.saturating_add(start.elapsed());
}
