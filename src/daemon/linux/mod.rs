//! What a daemon is on Linux: a unix socket, signals, and systemd.

mod listen;
mod notify;
mod paths;
mod signals;

pub(super) use listen::Listener;
pub(super) use notify::{READY, STOPPING, notify};
pub(super) use paths::{check, config, containerd, containerd_config, content_root, root, socket};
pub(super) use signals::Signals;

use std::io;

use rustix::fs::Mode;
use rustix::process::umask;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::Identity;

/// Lets only the user of this process access the files that it makes, whatever its parent process allows.
pub(super) fn restrict_umask() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// Where the log goes, if not to the standard error: whoever started the daemon keeps that.
pub(super) fn writer() -> io::Result<Option<BoxMakeWriter>> {
    Ok(None)
}

/// Who else hears of what the log says.
pub(super) fn beside() -> Option<Identity> {
    None
}
