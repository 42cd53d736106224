//! Hashing what is written: at once for most files, beside the writing for large ones.
//!
//! The thread beside reads the bytes back, out of the operating system's memory. That costs it a copy, and saves one
//! for the thread that writes, which is the one that everybody waits for.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use sha2::{Digest, Sha512};

use super::append::AppendFile;
use super::dedup::{DigestKinds, ObjectId};
use crate::cim::error::CimError;
use crate::cim::format::DIGEST_LEN;
use crate::cim::io::WrittenBytes;

/// Streams of this size and more are hashed by a thread of their own: starting one costs as much as hashing some
/// 100 KiB.
const THREADED: u64 = 8 << 20;

/// How much the thread reads at once: it stays in a core's own cache.
const PIECE: usize = 256 << 10;

/// How far writing goes on before the thread is told.
const STEP: u64 = 256 << 10;

/// The identity of an object in the making.
#[derive(Clone, Debug)]
pub(super) struct ObjectHasher {
    len: u64,
    blake3: Option<blake3::Hasher>,
    /// With the front of the object, which is the digest of a short one.
    sha512: Option<(Sha512, [u8; DIGEST_LEN])>,
}

impl ObjectHasher {
    pub(super) fn new(kinds: DigestKinds) -> Self {
        Self {
            len: 0,
            blake3: kinds.blake3.then(blake3::Hasher::new),
            sha512: kinds.sha512.then(|| (Sha512::new(), [0; DIGEST_LEN])),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some(hasher) = &mut self.blake3 {
            hasher.update(bytes);
        }
        if let Some((hasher, front)) = &mut self.sha512 {
            hasher.update(bytes);
            let filled = usize::try_from(self.len).map_or(DIGEST_LEN, |len| len.min(DIGEST_LEN));
            front[filled..].iter_mut().zip(bytes).for_each(|(front, &byte)| *front = byte);
        }
        self.len = self.len.saturating_add(u64::try_from(bytes.len()).expect("a usize fits a u64"));
    }

    fn zeros(&mut self, mut count: u64) {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        while count > 0 {
            let now = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
            self.update(&ZEROS[..now]);
            count -= u64::try_from(now).expect("a usize fits a u64");
        }
    }

    pub(super) fn finish(self) -> ObjectId {
        let is_short = usize::try_from(self.len).is_ok_and(|len| len <= DIGEST_LEN);
        let blake3 = self.blake3.map(|hasher| front(hasher.finalize().as_bytes()));
        let sha512 = self.sha512.map(|(hasher, start)| match is_short {
            true => start,
            false => front(&hasher.finalize()),
        });
        ObjectId { len: self.len, blake3, sha512 }
    }
}

fn front(hash: &[u8]) -> [u8; DIGEST_LEN] {
    *hash.first_chunk().expect("hashes are longer than digests")
}

/// The identity of a stream in the making.
#[derive(Debug)]
pub(super) enum StreamHasher {
    Inline(Box<ObjectHasher>),
    Threaded(HashThread),
}

impl StreamHasher {
    /// Begins a stream of a declared size, with `leading_zeros` zeros behind which `file` ends.
    pub(super) fn new(kinds: DigestKinds, size: u64, leading_zeros: u64, file: &AppendFile) -> Self {
        let mut hasher = ObjectHasher::new(kinds);
        hasher.zeros(leading_zeros);
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
            Self::Inline(hasher) => hasher.update(bytes),
            Self::Threaded(thread) => thread.go_on(flushed),
        }
    }

    /// Adds zeros that were appended to the file, like [`update`](Self::update).
    pub(super) fn zeros(&mut self, count: u64, flushed: u64) {
        match self {
            Self::Inline(hasher) => hasher.zeros(count),
            Self::Threaded(thread) => thread.go_on(flushed),
        }
    }

    /// Ends the stream, which the file ends with, with `trailing_zeros` more zeros.
    pub(super) fn finish(self, file: &mut AppendFile, trailing_zeros: u64) -> Result<ObjectId, CimError> {
        let mut hasher = match self {
            Self::Inline(hasher) => *hasher,
            Self::Threaded(thread) => {
                file.flush()?;
                thread.finish(file.flushed()).map_err(|error| file.unreadable(error))?
            }
        };
        hasher.zeros(trailing_zeros);
        Ok(hasher.finish())
    }
}

/// A thread that hashes a file behind who writes it.
#[derive(Debug)]
pub(super) struct HashThread {
    /// Both are there until the thread is to end.
    ends: Option<Sender<u64>>,
    thread: Option<JoinHandle<io::Result<ObjectHasher>>>,
    told: u64,
}

impl HashThread {
    fn start(hasher: ObjectHasher, reader: Box<dyn WrittenBytes>, from: u64) -> io::Result<Self> {
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

    fn finish(mut self, end: u64) -> io::Result<ObjectHasher> {
        self.tell(end);
        self.join().expect("nobody has joined it before")
    }

    fn tell(&self, end: u64) {
        // A thread that could not read has ended; its error comes out at the end.
        let _ended = self.ends.iter().try_for_each(|ends| ends.send(end));
    }

    /// Waits for the end of the thread.
    fn join(&mut self) -> Option<io::Result<ObjectHasher>> {
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
    mut hasher: ObjectHasher,
    reader: &dyn WrittenBytes,
    mut at: u64,
    ends: &Receiver<u64>,
) -> io::Result<ObjectHasher> {
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
        let kinds = DigestKinds { blake3: true, sha512: true };
        for (size, piece) in [(0, 1000), (THREADED, 1000), (THREADED, 100_000)] {
            let mut file = file();
            file.append(b"before").unwrap();
            file.zeros(1000).unwrap();
            let mut hasher = StreamHasher::new(kinds, size, 1000, &file);
            for piece in data.chunks(piece) {
                file.append(piece).unwrap();
                hasher.update(piece, file.flushed());
            }
            assert_eq!(hasher.finish(&mut file, 70_000).unwrap(), ObjectId::of(&whole, kinds));
        }
    }

    #[test]
    fn short_objects_are_their_own_digest_however_they_come() {
        let kinds = DigestKinds { blake3: false, sha512: true };
        for len in [0, 1, 23, 24, 25, 100] {
            let object: Vec<u8> = (1..=len).collect();
            let mut hasher = ObjectHasher::new(kinds);
            object.chunks(7).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), ObjectId::of(&object, kinds), "{len}");
        }
    }

    #[test]
    fn what_cannot_be_read_back_is_an_error() {
        let mut file = file();
        let hasher =
            HashThread::start(ObjectHasher::new(DigestKinds::default()), file.reader().unwrap(), 0).unwrap();
        file.append(b"short").unwrap();
        file.flush().unwrap();
        let error = hasher.finish(1000).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
