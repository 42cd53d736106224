//! The pipe.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tokio::net::windows::named_pipe::NamedPipeServer;
use tokio::sync::mpsc::{Sender, channel};
use tokio_stream::wrappers::ReceiverStream;

use super::connection::Connection;
use crate::daemon::{DaemonError, Grpc};
use crate::sys;

/// Another process has the first instance of the pipe: access is denied, or there is no room for more.
const TAKEN: [i32; 2] = [5, 231];

/// Clients that may wait to be served. The next instance is made meanwhile.
const WAITING: usize = 1;

/// A pipe that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    path: PathBuf,
    /// The instance that waits for the first client.
    first: Mutex<Option<NamedPipeServer>>,
}

impl Listener {
    /// Makes the pipe. Nobody else may have made it.
    pub(crate) fn new(grpc: &Grpc) -> Result<Self, DaemonError> {
        let path = grpc.address.clone();
        let first = sys::create_pipe(&path, true).map_err(|source| not_made(&path, source))?;
        Ok(Self { path, first: Mutex::new(Some(first)) })
    }

    /// Returns all who connect from now on.
    pub(crate) fn clients(&self) -> io::Result<ReceiverStream<io::Result<Connection>>> {
        let first = self.first.lock().ok().and_then(|mut first| first.take());
        let first = first.ok_or_else(|| io::Error::other("the pipe is served already"))?;
        let (sender, clients) = channel(WAITING);
        tokio::spawn(accept(self.path.clone(), first, sender));
        Ok(ReceiverStream::new(clients))
    }
}

fn not_made(path: &Path, source: io::Error) -> DaemonError {
    match source.raw_os_error() {
        Some(code) if TAKEN.contains(&code) => DaemonError::Taken(path.to_owned()),
        _ => DaemonError::Listen { path: path.to_owned(), source },
    }
}

/// Lets one client after another in, until nobody serves them any more.
async fn accept(path: PathBuf, mut waiting: NamedPipeServer, clients: Sender<io::Result<Connection>>) {
    loop {
        let connected = tokio::select! {
            connected = waiting.connect() => connected,
            () = clients.closed() => return,
        };
        // Before the last one is handed over: without any instance the name would be free for others.
        let client = match sys::create_pipe(&path, false) {
            Ok(next) => Ok(Connection::new(mem::replace(&mut waiting, next))),
            Err(error) => Err(error),
        };
        // A client that was gone before it was let in is none.
        if client.is_ok() && connected.is_err() {
            continue;
        }
        // Without a next instance nobody could connect any more, which is for whoever serves to know.
        let last = client.is_err();
        if clients.send(client).await.is_err() || last {
            return;
        }
    }
}
