//! Noticing that the database is of no use until it is opened again.

use std::sync::Arc;
use std::{io, thread};

use tokio::sync::oneshot::{Receiver, channel};

use super::DaemonError;
use crate::snapshot::Snapshots;

/// Resolves to the reason once the database refuses all changes.
pub(super) fn broken(snapshots: &Arc<Snapshots>) -> Result<Receiver<String>, DaemonError> {
    let (sender, receiver) = channel();
    let failure = snapshots.store().failure();
    // The thread must not keep the database open when the daemon ends.
    let watched = Arc::downgrade(snapshots);
    let watch = move || {
        loop {
            let reason = failure.wait();
            let Some(snapshots) = watched.upgrade() else { return };
            if snapshots.store().is_broken() {
                // Nothing receives it only if the daemon ends anyway.
                let _ = sender.send(reason);
                return;
            }
        }
    };
    let failed = |source: io::Error| DaemonError::Process { action: "start a thread", source };
    thread::Builder::new().name("database".to_owned()).spawn(watch).map_err(failed)?;
    Ok(receiver)
}
