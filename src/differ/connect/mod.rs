//! Connecting to whoever serves on this machine: on a unix socket, or on a named pipe of Windows.

#[cfg_attr(windows, path = "windows.rs")]
#[cfg_attr(unix, path = "unix.rs")]
mod system;

use std::io;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use tonic::codegen::{BoxFuture, Service};
use tonic::transport::{Channel, Endpoint, Error, Uri};

pub(crate) use system::is_served;
use system::{Stream, open};

/// Connects to whoever serves on a socket.
pub(crate) async fn connect(socket: &Path) -> Result<Channel, Error> {
    // The address is never looked up: the connector knows where to go.
    Endpoint::from_static("http://localhost").connect_with_connector(Connector(socket.to_owned())).await
}

/// Connects to a socket, whatever the address says.
struct Connector(PathBuf);

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = BoxFuture<Stream, io::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(open(self.0.clone()))
    }
}
