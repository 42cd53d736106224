//! How pieces reach the consumer: from a thread of their own, or made on the spot.

use std::any::Any;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use super::buffer::{BUFFERS, Buffer, Returns};
use super::decoder::{Decoder, Piece};
use super::error::{Reason, StreamError};

/// Pieces in order, and the way back for their buffers.
pub(super) enum Supply {
    /// Made when asked for.
    Inline(Box<Decoder>, Returns),
    /// Made by a thread, as far ahead as there are buffers.
    Thread(Pipe),
}

/// The consumer's end of a decompressing thread.
///
/// Dropping it closes both channels, which ends the thread at its next piece, and then waits for the thread. Only a
/// read that blocks in the source can delay that.
pub(super) struct Pipe {
    pieces: Option<Receiver<Result<Piece, StreamError>>>,
    returns: Option<Returns>,
    thread: Option<JoinHandle<()>>,
}

impl Supply {
    /// Moves the decoder to a thread.
    pub(super) fn spawn(decoder: Decoder, returns: Returns) -> Result<Self, StreamError> {
        // There are never more pieces on the way than buffers, an end and an error, so that sending never waits: a
        // decoder that is ahead waits for a buffer, at one place.
        let (sender, pieces) = sync_channel(BUFFERS.saturating_add(2));
        let thread = Builder::new()
            .name("layer-inflate".to_owned())
            .spawn(move || produce(decoder, &sender))
            .map_err(|source| StreamError::from(Reason::Spawn { source }))?;
        Ok(Self::Thread(Pipe { pieces: Some(pieces), returns: Some(returns), thread: Some(thread) }))
    }

    /// Returns the next piece. Nothing follows an end or an error.
    pub(super) fn next(&mut self) -> Result<Piece, StreamError> {
        match self {
            Self::Inline(decoder, _) => decoder.next()?.ok_or_else(ended),
            Self::Thread(pipe) => pipe.next(),
        }
    }

    /// Gives a buffer back.
    pub(super) fn give_back(&self, buffer: Buffer) {
        match self {
            Self::Inline(_, returns) | Self::Thread(Pipe { returns: Some(returns), .. }) => {
                returns.give(buffer)
            }
            Self::Thread(_) => {}
        }
    }

    /// Whether a thread is at work.
    pub(super) fn is_threaded(&self) -> bool {
        matches!(self, Self::Thread(_))
    }
}

impl Pipe {
    fn next(&mut self) -> Result<Piece, StreamError> {
        match self.pieces.as_ref().map(Receiver::recv) {
            Some(Ok(result)) => result,
            // The thread is gone without an end: only a panic does that.
            Some(Err(_)) | None => Err(match self.join() {
                Some(payload) => Reason::Panicked { message: panic_message(payload.as_ref()) }.into(),
                None => ended(),
            }),
        }
    }

    fn join(&mut self) -> Option<Box<dyn Any + Send>> {
        self.thread.take()?.join().err()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.pieces = None;
        self.returns = None;
        // A panic that nobody asked for any more is nobody's loss.
        drop(self.join());
    }
}

fn produce(mut decoder: Decoder, pieces: &SyncSender<Result<Piece, StreamError>>) {
    while let Some(result) = decoder.next().transpose() {
        let last = !matches!(result, Ok(Piece::Blob(_) | Piece::Tar(_)));
        if pieces.send(result).is_err() || last {
            return;
        }
    }
}

fn ended() -> StreamError {
    Reason::Panicked { message: "it ended early".to_owned() }.into()
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message").to_owned()
}
