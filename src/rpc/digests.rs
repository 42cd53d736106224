//! Taking digests of what was made, when nobody waits for it any more.

use std::sync::Arc;
use std::thread;

use tracing::{debug, warn};

use super::status;
use crate::snapshot::Snapshots;

/// The lowest there is: layers that are converted meanwhile go first.
const PRIORITY: i32 = 19;

/// Takes the digests that are missing, on a thread of its own, which the end of the process need not wait for.
pub(crate) fn take_digests_later(snapshots: Arc<Snapshots>) {
    let work = move || {
        // On Linux this is the priority of the thread alone. Without it, it is as good as the others.
        let _ = rustix::process::setpriority_process(None, PRIORITY);
        match snapshots.take_digests() {
            Ok(bytes) => debug!(bytes, "took digests"),
            Err(error) => warn!("cannot take digests: {}", status::chain(&error)),
        }
    };
    if let Err(error) = thread::Builder::new().name("digests".to_owned()).spawn(work) {
        warn!("cannot take digests: {error}");
    }
}
