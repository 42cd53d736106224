//! How the tar stream reaches the caller: from threads of its own, or made on the spot.

use std::any::Any;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::buffer::{BUFFERS, Filled, Returns};
use super::decoder::{Decoder, Piece, ProducerTiming};
use super::digests::{Digested, Digests};
use super::error::{Reason, StreamError};

/// What comes, in this order.
pub(super) enum Supplied {
    /// Bytes of the tar stream.
    Tar(Arc<Filled>),
    /// The end, where the blob may end.
    End(ProducerTiming, Digested),
}

/// The tar stream on its way, and its digests.
pub(super) enum Supply {
    /// Made when asked for.
    Inline(Box<Inline>),
    /// Made by threads, as far ahead as there are buffers.
    Threads(Pipe),
}

/// What makes it on the caller's thread.
pub(super) struct Inline {
    decoder: Decoder,
    returns: Returns,
    /// `None` after the end.
    digests: Option<Digests>,
}

/// The caller's end of a decompressing thread, beside which another one hashes.
///
/// Dropping it closes the channel, which ends the threads at their next piece, and then waits for them. Only a read that
/// blocks in the source can delay that.
pub(super) struct Pipe {
    pieces: Option<Receiver<Result<Supplied, StreamError>>>,
    thread: Option<JoinHandle<()>>,
}

/// What the hashing thread gets.
enum ToHash {
    Blob(Filled),
    Tar(Arc<Filled>),
}

impl Supply {
    /// Has the caller do all.
    pub(super) fn inline(decoder: Decoder, returns: Returns, digests: Digests) -> Self {
        Self::Inline(Box::new(Inline { decoder, returns, digests: Some(digests) }))
    }

    /// Moves the decoder to a thread, and the digests to another one.
    pub(super) fn spawn(decoder: Decoder, returns: Returns, digests: Digests) -> Result<Self, StreamError> {
        // There are never more pieces on the way than buffers, an end and an error, so that sending never waits: a
        // decoder that is ahead waits for a buffer, at one place.
        let (sender, pieces) = sync_channel(BUFFERS.saturating_add(2));
        let failed = |source| StreamError::from(Reason::Spawn { source });
        let hashing = Hashing::start(digests).map_err(failed)?;
        let thread = Builder::new()
            .name("layer-inflate".to_owned())
            .spawn(move || produce(decoder, &returns, hashing, &sender))
            .map_err(failed)?;
        Ok(Self::Threads(Pipe { pieces: Some(pieces), thread: Some(thread) }))
    }

    /// Returns what comes next. Nothing follows an end or an error.
    pub(super) fn next(&mut self) -> Result<Supplied, StreamError> {
        match self {
            Self::Inline(inline) => inline.next(),
            Self::Threads(pipe) => pipe.next(),
        }
    }

    /// Whether threads are at work.
    pub(super) fn is_threaded(&self) -> bool {
        matches!(self, Self::Threads(_))
    }
}

impl Inline {
    fn next(&mut self) -> Result<Supplied, StreamError> {
        loop {
            let digests = self.digests.as_mut().ok_or_else(ended)?;
            match self.decoder.next()?.ok_or_else(ended)? {
                Piece::Blob(buffer) => digests.blob(Filled::new(buffer, &self.returns).bytes()),
                Piece::Tar(buffer) => {
                    digests.tar(buffer.filled());
                    return Ok(Supplied::Tar(Arc::new(Filled::new(buffer, &self.returns))));
                }
                Piece::End(timing) => {
                    let digests = self.digests.take().ok_or_else(ended)?;
                    return Ok(Supplied::End(timing, digests.finish()));
                }
            }
        }
    }
}

impl Pipe {
    fn next(&mut self) -> Result<Supplied, StreamError> {
        match self.pieces.as_ref().map(Receiver::recv) {
            Some(Ok(result)) => result,
            // The thread is gone without an end: only a panic does that.
            Some(Err(_)) | None => Err(self.join().map_or_else(ended, |payload| panicked(payload.as_ref()))),
        }
    }

    fn join(&mut self) -> Option<Box<dyn Any + Send>> {
        self.thread.take()?.join().err()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.pieces = None;
        // A panic that nobody asked for any more is nobody's loss.
        drop(self.join());
    }
}

/// A thread that hashes.
struct Hashing {
    pieces: Sender<ToHash>,
    thread: JoinHandle<Digested>,
}

impl Hashing {
    fn start(mut digests: Digests) -> std::io::Result<Self> {
        let (pieces, todo) = channel();
        let work = move || {
            for piece in todo {
                match piece {
                    ToHash::Blob(filled) => digests.blob(filled.bytes()),
                    ToHash::Tar(filled) => digests.tar(filled.bytes()),
                }
            }
            digests.finish()
        };
        Ok(Self { pieces, thread: Builder::new().name("layer-hash".to_owned()).spawn(work)? })
    }

    fn hash(&self, piece: ToHash) {
        // A thread that panicked is found out at the end.
        let _ = self.pieces.send(piece);
    }

    fn finish(self) -> Result<Digested, StreamError> {
        drop(self.pieces);
        self.thread.join().map_err(|payload| panicked(payload.as_ref()))
    }
}

/// Decodes until the end, an error, or until nobody wants more; then waits for the digests.
fn produce(
    mut decoder: Decoder,
    returns: &Returns,
    hashing: Hashing,
    pieces: &SyncSender<Result<Supplied, StreamError>>,
) {
    let end = loop {
        match decoder.next() {
            Ok(Some(Piece::Blob(buffer))) => hashing.hash(ToHash::Blob(Filled::new(buffer, returns))),
            Ok(Some(Piece::Tar(buffer))) => {
                let filled = Arc::new(Filled::new(buffer, returns));
                hashing.hash(ToHash::Tar(filled.clone()));
                if pieces.send(Ok(Supplied::Tar(filled))).is_err() {
                    break None;
                }
            }
            Ok(Some(Piece::End(timing))) => break Some(Ok(timing)),
            Ok(None) => break None,
            Err(error) => break Some(Err(error)),
        }
    };
    let digested = hashing.finish();
    if let Some(end) = end {
        // Whoever does not take it wants no more.
        let _ = pieces.send(end.and_then(|timing| Ok(Supplied::End(timing, digested?))));
    }
}

pub(super) fn ended() -> StreamError {
    Reason::Panicked { message: "it ended early".to_owned() }.into()
}

fn panicked(payload: &(dyn Any + Send)) -> StreamError {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Reason::Panicked { message: text.unwrap_or("no message").to_owned() }.into()
}
