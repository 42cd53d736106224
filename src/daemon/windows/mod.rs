//! What a daemon is on Windows: a named pipe, and the keys and events of a console.

mod connection;
mod listen;
mod paths;
mod signals;

pub(super) use listen::Listener;
pub(super) use paths::{check, config, containerd, containerd_config, content_root, root, socket};
pub(super) use signals::Signals;

use std::io;

/// The daemon answers.
pub(super) const READY: &str = "ready";
/// The daemon ends.
pub(super) const STOPPING: &str = "stopping";

/// Nobody waits to be told.
pub(super) fn notify(_state: &str) -> io::Result<()> {
    Ok(())
}

/// There is nothing to change about the process.
pub(super) fn settle() {}
