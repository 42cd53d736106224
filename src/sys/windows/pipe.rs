//! Named pipes.

use std::io;
use std::path::Path;

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

use super::security::Private;

/// Makes an instance of a pipe, for one client of this machine that is SYSTEM or an administrator. The `first` one is
/// made only where there is no pipe of that name.
pub fn create_pipe(name: &Path, first: bool) -> io::Result<NamedPipeServer> {
    let private = Private::new()?;
    let mut attributes = private.attributes();
    let mut options = ServerOptions::new();
    options.first_pipe_instance(first).reject_remote_clients(true);
    // SAFETY: these are valid security attributes, and live as long as the call.
    unsafe { options.create_with_security_attributes_raw(name, (&raw mut attributes).cast()) }
}
