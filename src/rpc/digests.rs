//! Taking digests of what was made, when nobody waits for it any more.

use std::sync::Arc;
use std::thread;

use tracing::{debug, warn};

use super::status;
use crate::snapshot::Snapshots;
use crate::sys;

/// Takes the digests that are missing, on a thread of its own, which the end of the process need not wait for.
pub(crate) fn take_digests_later(snapshots: Arc<Snapshots>) {
    let work = move || {
        // Layers that are converted meanwhile go first. Where that cannot be, it is as good as the others.
        let _ = sys::lower_priority();
        match snapshots.take_digests() {
            Ok(bytes) => debug!(bytes, "took digests"),
            Err(error) => warn!("cannot take digests: {}", status::chain(&error)),
        }
    };
    if let Err(error) = thread::Builder::new().name("digests".to_owned()).spawn(work) {
        warn!("cannot take digests: {error}");
    }
}
