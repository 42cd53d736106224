//! Hashing what is written: at once for most files, beside the writing for large ones.
//!
//! The thread beside reads the bytes back, out of the operating system's memory. That costs it a copy, and saves one
//! for the thread that writes, which is the one that everybody waits for.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use super::append::AppendFile;
use crate::cim::error::CimError;
use crate::cim::io::WrittenBytes;

/// Streams of this size and more are hashed by a thread of their own: starting one costs as much as hashing some
/// 100 KiB.
const THREADED: u64 = 8 << 20;

/// How much the thread reads at once: it stays in a core's own cache.
const PIECE: usize = 256 << 10;

/// How far writing goes on before the thread is told.
const STEP: u64 = 256 << 10;

/// The hash of a stream in the making.
#[derive(Debug)]
pub(super) enum StreamHasher {
    Inline(Box<blake3::Hasher>),
    Threaded(HashThread),
}

impl StreamHasher {
    /// Begins a stream of a declared size, with `leading_zeros` zeros behind which `file` ends.
    pub(super) fn new(size: u64, leading_zeros: u64, file: &AppendFile) -> Self {
        let mut hasher = blake3::Hasher::new();
        update_zeros(&mut hasher, leading_zeros);
        if size < THREADED {
            return Self::Inline(Box::new(hasher));
        }
        let started = file.reader().and_then(|reader| HashThread::start(hasher.clone(), reader, file.end()));
        // Without another thread it takes longer, and no more.
        started.map_or_else(|_| Self::Inline(Box::new(hasher)), Self::Threaded)
    }

    /// Adds bytes that were appended to the file, which can be read back up to `flushed`.
    pub(super) fn update(&mut self, bytes: &[u8], flushed: u64) {
        match self {
            Self::Inline(hasher) => {
                hasher.update(bytes);
            }
            Self::Threaded(thread) => thread.go_on(flushed),
        }
    }

    /// Ends the stream, which the file ends with, with `trailing_zeros` more zeros.
    pub(super) fn finish(self, file: &mut AppendFile, trailing_zeros: u64) -> Result<blake3::Hash, CimError> {
        let mut hasher = match self {
            Self::Inline(hasher) => *hasher,
            Self::Threaded(thread) => {
                file.flush()?;
                thread.finish(file.flushed()).map_err(|error| file.unreadable(error))?
            }
        };
        update_zeros(&mut hasher, trailing_zeros);
        Ok(hasher.finalize())
    }
}

/// A thread that hashes a file behind who writes it.
#[derive(Debug)]
pub(super) struct HashThread {
    /// Both are there until the thread is to end.
    ends: Option<Sender<u64>>,
    thread: Option<JoinHandle<io::Result<blake3::Hasher>>>,
    told: u64,
}

impl HashThread {
    fn start(hasher: blake3::Hasher, reader: Box<dyn WrittenBytes>, from: u64) -> io::Result<Self> {
        let (ends, to_hash) = channel();
        let thread = Builder::new().name("cim-hash".to_owned());
        let thread = thread.spawn(move || follow(hasher, &*reader, from, &to_hash))?;
        Ok(Self { ends: Some(ends), thread: Some(thread), told: from })
    }

    fn go_on(&mut self, end: u64) {
        if end.saturating_sub(self.told) >= STEP {
            self.told = end;
            self.tell(end);
        }
    }

    fn finish(mut self, end: u64) -> io::Result<blake3::Hasher> {
        self.tell(end);
        self.join().expect("nobody has joined it before")
    }

    fn tell(&self, end: u64) {
        // A thread that could not read has ended; its error comes out at the end.
        let _ended = self.ends.iter().try_for_each(|ends| ends.send(end));
    }

    /// Waits for the end of the thread.
    fn join(&mut self) -> Option<io::Result<blake3::Hasher>> {
        self.ends = None;
        self.thread.take().map(|thread| thread.join().expect("hashing does not panic"))
    }
}

/// Whoever gives up a file has it for himself again: nothing else keeps it open, or its room on the disk.
impl Drop for HashThread {
    fn drop(&mut self) {
        let _unwanted = self.join();
    }
}

/// Hashes a file from an offset on, as far as each of `ends` tells.
fn follow(
    mut hasher: blake3::Hasher,
    reader: &dyn WrittenBytes,
    mut at: u64,
    ends: &Receiver<u64>,
) -> io::Result<blake3::Hasher> {
    let mut buffer = vec![0; PIECE];
    for end in ends {
        while at < end {
            let most = usize::try_from(end - at).map_or(PIECE, |left| left.min(PIECE));
            let len = reader.read_at(&mut buffer[..most], at)?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hasher.update(&buffer[..len]);
            at += u64::try_from(len).expect("a usize fits a u64");
        }
    }
    Ok(hasher)
}

fn update_zeros(hasher: &mut blake3::Hasher, mut count: u64) {
    static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
    while count > 0 {
        let now = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
        hasher.update(&ZEROS[..now]);
        count -= u64::try_from(now).expect("a usize fits a u64");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cim::io::MemoryDirectory;

    fn file() -> AppendFile {
        AppendFile::create(&MemoryDirectory::new(), "file", false).unwrap()
    }

    #[test]
    fn threads_and_zeros_hash_alike() {
        let data: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
        let mut whole = vec![0; 1000];
        whole.extend_from_slice(&data);
        whole.extend_from_slice(&[0; 70_000]);
        for (size, piece) in [(0, 1000), (THREADED, 1000), (THREADED, 100_000)] {
            let mut file = file();
            file.append(b"before").unwrap();
            file.zeros(1000).unwrap();
            let mut hasher = StreamHasher::new(size, 1000, &file);
            for piece in data.chunks(piece) {
                file.append(piece).unwrap();
                hasher.update(piece, file.flushed());
            }
            assert_eq!(hasher.finish(&mut file, 70_000).unwrap(), blake3::hash(&whole));
        }
    }

    #[test]
    fn what_cannot_be_read_back_is_an_error() {
        let mut file = file();
        let hasher = HashThread::start(blake3::Hasher::new(), file.reader().unwrap(), 0).unwrap();
        file.append(b"short").unwrap();
        file.flush().unwrap();
        let error = hasher.finish(1000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
