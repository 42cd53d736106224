//! Taking digests of what was made, when nobody waits for it any more.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tracing::{debug, warn};

use super::status;
use crate::snapshot::Snapshots;
use crate::sys;

/// How long nothing must have been made: the layers of one image come sooner one after another.
const QUIET: Duration = Duration::from_secs(2);

/// Takes the digests that are missing, on a thread of its own, which the end of the process need not wait for.
#[derive(Clone, Debug)]
pub(super) struct Digests {
    made: Sender<()>,
}

impl Digests {
    /// Begins with what was made right before the last end, once it is quiet.
    pub(super) fn start(snapshots: Arc<Snapshots>) -> Self {
        let (made, news) = channel();
        let digests = Self { made };
        digests.later();
        let thread = thread::Builder::new().name("digests".to_owned());
        if let Err(error) = thread.spawn(move || take(&snapshots, &news)) {
            warn_of(&error);
        }
        digests
    }

    /// Has them taken of what was just made.
    pub(super) fn later(&self) {
        // Without the thread, which was warned of, they stay missing.
        let _ = self.made.send(());
    }
}

fn take(snapshots: &Snapshots, news: &Receiver<()>) {
    // Whoever converts meanwhile goes first. Where that cannot be, it is as good as the others.
    let _ = sys::lower_priority();
    while news.recv().is_ok() && wait_for_quiet(snapshots, news) {
        match snapshots.take_digests() {
            Ok(bytes) => debug!(bytes, "took digests"),
            Err(error) => warn_of(&error),
        }
    }
}

/// Waits until nothing was made for a while and nothing is being made. Returns whether anybody is there to ask again.
fn wait_for_quiet(snapshots: &Snapshots, news: &Receiver<()>) -> bool {
    loop {
        match news.recv_timeout(QUIET) {
            Err(RecvTimeoutError::Timeout) if !snapshots.is_converting() => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn warn_of(error: &(dyn std::error::Error + 'static)) {
    warn!("cannot take digests: {}", status::chain(error));
}
