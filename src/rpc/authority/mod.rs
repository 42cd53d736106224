//! Authorities that are none.
//!
//! To a named pipe, containerd names the pipe as the authority of its requests: `npipe:%2F%2F%2F%2F.%2Fpipe%2Fcimsnap`. That
//! breaks the rules for host names, so tonic resets each such request. Here a stream is put between it and the pipe, which
//! shows it `localhost` instead.
//!
//! ```text
//!   LegalAuthority ─► Rewriter ─► frame, block     frames that hold headers
//!                        │
//!                        └──────► hpack            the headers in them
//! ```
//!
//! Headers refer to those of earlier requests, so all of them are read and written anew; whatever else the client sends goes
//! past without being copied, and what the server sends is not looked at. That holds as long as the server grants neither
//! larger frames nor a larger header table than HTTP/2 does by itself, which tonic does not unless it is told to.

mod block;
mod error;
mod frame;
mod hpack;
mod rewriter;
#[cfg(test)]
mod tests;

pub use error::FrameError;
pub use hpack::HpackError;
pub use rewriter::Rewriter;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// Room that is kept for the headers to come.
const ROOM: usize = 4 << 10;

/// A connection of a client, each of whose requests has an authority that tonic takes.
#[derive(Debug)]
pub struct LegalAuthority<S> {
    stream: S,
    rewriter: Rewriter,
    /// What was written anew,
    rewritten: Vec<u8>,
    /// and how much of it has been read.
    read: usize,
}

impl<S> LegalAuthority<S> {
    /// Takes a connection over which nothing has been read.
    pub fn new(stream: S) -> Self {
        Self { stream, rewriter: Rewriter::default(), rewritten: Vec::new(), read: 0 }
    }

    /// Hands over what was written anew, and returns whether there was anything.
    fn hand_over(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = &self.rewritten[self.read..];
        let some = !rest.is_empty();
        let len = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..len]);
        self.read += len;
        if self.read == self.rewritten.len() {
            self.rewritten.clear();
            self.rewritten.shrink_to(ROOM);
            self.read = 0;
        }
        some
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LegalAuthority<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        while !this.hand_over(buffer) {
            ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
            let came = &buffer.filled()[before..];
            let passed = this.rewriter.pass(came);
            let (is_end, changing) = (came.is_empty(), &came[passed..]);
            this.rewriter.rewrite(changing, &mut this.rewritten)?;
            buffer.set_filled(before + passed);
            if passed > 0 || is_end {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LegalAuthority<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: Connected> Connected for LegalAuthority<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.stream.connect_info()
    }
}
