//! Whole streams: what comes out, what is refused, and how it ends.

mod codecs;
mod hostile;
mod property;
mod threads;
mod verify;

use std::io::{self, Cursor, Read, Write};

use super::buffer::BUFFER_LEN;
use super::*;
use crate::layer::digest::{Digest, DigestAndSize};

pub(super) const BOTH: [Threading; 2] = [Threading::Inline, Threading::Thread];

/// A tar archive of one file with `len` bytes that do not compress to nothing.
pub(super) fn tar(len: usize) -> Vec<u8> {
    let mut archive = vec![0; 512];
    archive[..5].copy_from_slice(b"Files");
    archive[257..262].copy_from_slice(b"ustar");
    let mut seed = 1_u32;
    archive.extend((0..len).map(|at| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if at % 3 == 0 { seed.to_be_bytes()[0] } else { b'x' }
    }));
    archive
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One frame with a checksum.
pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn skippable(content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap();
    [&[0x5a, 0x2a, 0x4d, 0x18][..], &len.to_le_bytes(), content].concat()
}

pub(super) fn identity(bytes: &[u8]) -> DigestAndSize {
    DigestAndSize { digest: Digest::of(bytes), size: bytes.len() as u64 }
}

pub(super) fn with(threading: Threading) -> StreamOptions {
    StreamOptions { threading, ..StreamOptions::default() }
}

/// Reads all of a blob, then finishes.
pub(super) fn unpack(
    reader: impl Read + Send + 'static,
    options: StreamOptions,
) -> Result<(Vec<u8>, StreamSummary), StreamError> {
    let mut stream = LayerStream::open(reader, options)?;
    let mut out = Vec::new();
    loop {
        let chunk = stream.chunk()?;
        if chunk.is_empty() {
            break;
        }
        out.extend_from_slice(chunk);
        let len = chunk.len();
        stream.advance(len);
    }
    Ok((out, stream.finish()?))
}

/// Unpacks a blob on both paths; they must agree.
pub(super) fn unpack_both(blob: &[u8], options: &StreamOptions) -> Result<Vec<u8>, StreamErrorKind> {
    let [inline, thread] = BOTH.map(|threading| {
        let options = StreamOptions { threading, ..options.clone() };
        unpack(Cursor::new(blob.to_vec()), options).map_err(|error| error.kind()).map(|(out, summary)| {
            assert_eq!(summary.compressed, identity(blob));
            assert_eq!(summary.uncompressed, identity(&out));
            assert_eq!(summary.timing.threaded, threading == Threading::Thread);
            out
        })
    });
    assert_eq!(inline, thread);
    inline
}

/// Gives at most `step` bytes a read, after an interruption each time.
pub(super) struct Dribble {
    pub(super) bytes: Cursor<Vec<u8>>,
    pub(super) step: usize,
    pub(super) interrupt: bool,
}

impl Read for Dribble {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.interrupt = !self.interrupt;
        if self.interrupt {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = buf.len().min(self.step);
        self.bytes.read(&mut buf[..len])
    }
}
