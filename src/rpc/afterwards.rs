//! What is left to do for what was made, when nobody waits for it any more: seeing small files to the disk, and taking
//! digests.

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

/// Does so on a thread of its own, which the end of the process need not wait for.
#[derive(Clone, Debug)]
pub(super) struct Afterwards {
    made: Sender<()>,
}

impl Afterwards {
    /// Begins with what was made right before the last end, once it is quiet.
    pub(super) fn start(snapshots: Arc<Snapshots>) -> Self {
        let (made, news) = channel();
        let afterwards = Self { made };
        afterwards.later();
        let thread = thread::Builder::new().name("afterwards".to_owned());
        if let Err(error) = thread.spawn(move || work(&snapshots, &news)) {
            warn_of("start a thread", &error);
        }
        afterwards
    }

    /// Has it done for what was just made.
    pub(super) fn later(&self) {
        // Without the thread, which was warned of, it stays undone.
        let _ = self.made.send(());
    }
}

fn work(snapshots: &Snapshots, news: &Receiver<()>) {
    // Whoever converts meanwhile goes first. Where that cannot be, it is as good as the others.
    let _ = sys::lower_priority();
    while news.recv().is_ok() && wait_for_quiet(snapshots, news) {
        match snapshots.settle() {
            Ok(files) => debug!(files, "small files are on the disk"),
            Err(error) => warn_of("wait for small files", &error),
        }
        match snapshots.take_digests() {
            Ok(bytes) => debug!(bytes, "took digests"),
            Err(error) => warn_of("take digests", &error),
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

fn warn_of(action: &str, error: &(dyn std::error::Error + 'static)) {
    warn!("cannot {action}: {}", status::chain(error));
}
