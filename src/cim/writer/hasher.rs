//! Hashing what is written: at once for most files, beside the writing for large ones.

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Streams of this size and more are hashed by a thread of their own: reading, hashing and writing take about the
/// same time, and starting a thread costs as much as hashing some 100 KiB.
const THREADED: u64 = 8 << 20;

/// Pieces that may wait for the thread.
const IN_FLIGHT: usize = 4;

/// The hash of a stream in the making.
#[derive(Debug)]
pub(super) enum StreamHasher {
    Inline(Box<blake3::Hasher>),
    Threaded(HashThread),
}

impl StreamHasher {
    /// Begins a stream of a declared size with `leading_zeros` zeros.
    pub(super) fn new(size: u64, leading_zeros: u64) -> Self {
        let mut hasher = blake3::Hasher::new();
        update_zeros(&mut hasher, leading_zeros);
        if size < THREADED {
            return Self::Inline(Box::new(hasher));
        }
        match HashThread::start(hasher.clone()) {
            Ok(thread) => Self::Threaded(thread),
            // Without another thread it takes longer, and no more.
            Err(_) => Self::Inline(Box::new(hasher)),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Inline(hasher) => {
                hasher.update(bytes);
            }
            Self::Threaded(thread) => thread.update(bytes),
        }
    }

    /// Ends the stream with `trailing_zeros` zeros.
    pub(super) fn finish(self, trailing_zeros: u64) -> blake3::Hash {
        let mut hasher = match self {
            Self::Inline(hasher) => *hasher,
            Self::Threaded(thread) => thread.finish(),
        };
        update_zeros(&mut hasher, trailing_zeros);
        hasher.finalize()
    }
}

/// A thread that hashes pieces and gives their buffers back.
#[derive(Debug)]
pub(super) struct HashThread {
    pieces: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
    thread: JoinHandle<blake3::Hasher>,
}

impl HashThread {
    fn start(mut hasher: blake3::Hasher) -> std::io::Result<Self> {
        let (pieces, to_hash) = sync_channel::<Vec<u8>>(IN_FLIGHT);
        let (give_back, spare) = channel();
        let thread = Builder::new().name("cim-hash".to_owned()).spawn(move || {
            for piece in to_hash {
                hasher.update(&piece);
                // Nobody wants buffers back once the stream is finished.
                drop(give_back.send(piece));
            }
            hasher
        })?;
        Ok(Self { pieces, spare, thread })
    }

    fn update(&mut self, bytes: &[u8]) {
        let mut piece = self.spare.try_recv().unwrap_or_default();
        piece.clear();
        piece.extend_from_slice(bytes);
        self.pieces.send(piece).expect("the thread ends only when the stream does");
    }

    fn finish(self) -> blake3::Hasher {
        drop(self.pieces);
        self.thread.join().expect("hashing does not panic")
    }
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

    #[test]
    fn threads_and_zeros_hash_alike() {
        let data: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
        let mut whole = vec![0; 1000];
        whole.extend_from_slice(&data);
        whole.extend_from_slice(&[0; 70_000]);
        for size in [0, THREADED] {
            let mut hasher = StreamHasher::new(size, 1000);
            data.chunks(100_000).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(70_000), blake3::hash(&whole));
        }
    }
}
