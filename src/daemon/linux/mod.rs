//! What a daemon is on Linux: a unix socket, signals, and systemd.

mod listen;
mod notify;
mod paths;
mod signals;

pub(super) use listen::Listener;
pub(super) use notify::{READY, STOPPING, notify};
pub(super) use paths::{check, config, containerd, containerd_config, content_root, root, socket};
pub(super) use signals::Signals;

use rustix::fs::Mode;
use rustix::process::umask;

/// Makes the process what a daemon should be.
pub(super) fn settle() {
    // Whatever a mount shows has the modes that the image says, whoever started us.
    umask(Mode::empty());
}
