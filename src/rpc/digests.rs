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
    while news.recv().is_ok() {
        while !is_quiet(snapshots, news) {}
        match snapshots.take_digests() {
            Ok(bytes) => debug!(bytes, "took digests"),
            Err(error) => warn_of(&error),
        }
    }
}

/// Waits for a while, and returns whether nothing was made in it and nothing is being made.
fn is_quiet(snapshots: &Snapshots, news: &Receiver<()>) -> bool {
    match news.recv_timeout(QUIET) {
        Ok(()) => false,
        Err(RecvTimeoutError::Timeout) => !snapshots.is_converting(),
        Err(RecvTimeoutError::Disconnected) => true,
    }
}

fn warn_of(error: &(dyn std::error::Error + 'static)) {
    warn!("cannot take digests: {}", status::chain(error));
}
