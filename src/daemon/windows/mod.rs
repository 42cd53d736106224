//! What a daemon is on Windows: a named pipe, and the keys and events of a console or the orders of the service manager.

mod connection;
mod listen;
mod paths;
pub mod service;
mod signals;

pub(super) use listen::Listener;
pub(super) use paths::{check, config, containerd, containerd_config, content_root, root, socket};
pub(super) use service::{beside, writer};
pub(super) use signals::Signals;

use std::io;

/// The daemon answers.
pub(super) const READY: &str = "ready";
/// The daemon ends.
pub(super) const STOPPING: &str = "stopping";

/// Tells the service manager, if it started the daemon. That the daemon ends it knows from itself.
pub(super) fn notify(state: &str) -> io::Result<()> {
    if state == READY {
        service::ready();
    }
    Ok(())
}

/// Windows has no umask: private directories have a descriptor of their own.
pub(super) fn restrict_umask() {}
