//! Any blob unpacks within its limits or fails; both threading modes agree; what succeeds has the digests of its bytes.
#![no_main]

use std::io::Cursor;

use cimsnap::layer::digest::Digest;
use cimsnap::layer::stream::{LayerStream, Limits, StreamError, StreamErrorKind, StreamOptions, Threading};
use libfuzzer_sys::fuzz_target;

const MAX_SIZE: u64 = 4 << 20;

fuzz_target!(|blob: &[u8]| {
    assert_eq!(unpack(blob, Threading::Inline), unpack(blob, Threading::Thread));
});

fn unpack(blob: &[u8], threading: Threading) -> Result<Vec<u8>, StreamErrorKind> {
    try_unpack(blob, threading).map_err(|error| error.kind())
}

fn try_unpack(blob: &[u8], threading: Threading) -> Result<Vec<u8>, StreamError> {
    let limits = Limits { max_size: MAX_SIZE, zstd_window_log: 20, ..Limits::default() };
    let options = StreamOptions { limits, threading, ..StreamOptions::default() };
    let mut stream = LayerStream::open(Cursor::new(blob.to_vec()), options)?;
    let mut tar = Vec::new();
    loop {
        let chunk = stream.chunk()?;
        if chunk.is_empty() {
            break;
        }
        tar.extend_from_slice(chunk);
        let len = chunk.len();
        stream.advance(len);
    }
    let summary = stream.finish()?;
    assert!(summary.uncompressed.size <= MAX_SIZE);
    assert_eq!(summary.uncompressed.digest, Digest::of(&tar));
    assert_eq!(summary.compressed.digest, Digest::of(blob));
    Ok(tar)
}
