//! A blob that arrives message by message, for who reads it as a file.

use std::io::{self, Read};

use tokio::sync::mpsc::{Receiver, channel};
use tonic::{Status, Streaming};

use crate::proto::containerd::services::content::v1::ReadContentResponse;

/// Messages that may wait: each has up to a mebibyte.
const AHEAD: usize = 4;

/// A blob that is being received.
pub(super) struct Received {
    pieces: Receiver<Result<Vec<u8>, Status>>,
    piece: Vec<u8>,
    taken: usize,
}

impl Received {
    /// Receives on the runtime, as far ahead as there is room. It ends with the reader.
    pub(super) fn new(mut stream: Streaming<ReadContentResponse>) -> Self {
        let (sender, pieces) = channel(AHEAD);
        tokio::spawn(async move {
            while let Some(message) = stream.message().await.transpose() {
                let ended = message.is_err();
                let sent = sender.send(message.map(|message| message.data)).await;
                if sent.is_err() || ended {
                    break;
                }
            }
        });
        Self { pieces, piece: Vec::new(), taken: 0 }
    }
}

impl Read for Received {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.piece.len() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                None => return Ok(0),
            }
            self.taken = 0;
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        self.taken += len;
        Ok(len)
    }
}
