//! Clients of a unix socket, a limited number at once.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::Connected;
use tracing::warn;

use super::{Backoff, RateLimit};

/// Connections that are served at once: containerd needs two. Others wait.
const CONNECTIONS: u64 = 256;

/// Connections get no more than this part of the descriptors that the process may have: the rest is for files.
const SHARE: u64 = 4;

/// How long a client may take to send its first byte.
const PATIENCE: Duration = Duration::from_secs(10);

/// Returns the clients of a socket. The stream ends only when the socket itself is of no use any more.
pub(crate) fn clients(listener: UnixListener) -> ReceiverStream<io::Result<Admitted<UnixStream>>> {
    let (sender, clients) = channel(1);
    tokio::spawn(accept(listener, connections(), sender));
    ReceiverStream::new(clients)
}

fn connections() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from((descriptors / SHARE).clamp(1, CONNECTIONS)).unwrap_or(1)
}

async fn accept(listener: UnixListener, most: usize, clients: Sender<io::Result<Admitted<UnixStream>>>) {
    let room = Arc::new(Semaphore::new(most));
    let (mut backoff, mut log) = (Backoff::new("the socket"), RateLimit::default());
    loop {
        if room.available_permits() == 0 && log.permits() {
            warn!(most, "too many connections: more have to wait");
        }
        let accepted = tokio::select! {
            accepted = next(&listener, &room) => accepted,
            () = clients.closed() => return,
        };
        match accepted {
            Ok(client) => {
                backoff.succeeded();
                if clients.send(Ok(client)).await.is_err() {
                    return;
                }
            }
            Err(error) if is_fatal(&error) => {
                // Nothing receives it only if serving has ended already.
                drop(clients.send(Err(error)).await);
                return;
            }
            Err(error) => backoff.failed(&error).await,
        }
    }
}

async fn next(listener: &UnixListener, room: &Arc<Semaphore>) -> io::Result<Admitted<UnixStream>> {
    let permit = room.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok(Admitted { stream, deadline: Some(Box::pin(sleep(PATIENCE))), _permit: permit })
}

/// Returns whether no connection can ever be accepted again.
fn is_fatal(error: &io::Error) -> bool {
    let fatal = [Errno::BADF, Errno::INVAL, Errno::NOTSOCK, Errno::OPNOTSUPP];
    fatal.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// A connection that counts as one of those that are served at once. It fails if its client sends nothing.
#[derive(Debug)]
pub(crate) struct Admitted<S> {
    stream: S,
    /// When the first byte is overdue; `None` once it is there.
    deadline: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl<S: AsyncRead + Unpin> AsyncRead for Admitted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let is_overdue = |deadline: &mut Pin<Box<Sleep>>| deadline.as_mut().poll(context).is_ready();
        match polled {
            Poll::Pending if self.deadline.as_mut().is_some_and(is_overdue) => {
                Poll::Ready(Err(ErrorKind::TimedOut.into()))
            }
            Poll::Pending => Poll::Pending,
            ready => {
                self.deadline = None;
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Admitted<S> {
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
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl<S: Connected> Connected for Admitted<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> S::ConnectInfo {
        self.stream.connect_info()
    }
}
