//! The end of the daemon, for which there is only so much time.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// When the daemon was told to end.
#[derive(Debug, Default)]
pub(super) struct Ending {
    told: Notify,
    since: OnceLock<Instant>,
}

impl Ending {
    /// Notes that it was told just now.
    pub(super) fn begin(&self) {
        self.since.get_or_init(Instant::now);
        self.told.notify_one();
    }

    /// Waits until the end takes longer than it may.
    pub(super) async fn overdue(&self, drain: Duration) {
        self.told.notified().await;
        tokio::time::sleep(drain).await;
    }

    /// Returns how much time is left of what there was; all of it before the end.
    pub(super) fn left(&self, drain: Duration) -> Duration {
        let spent = self.since.get().map(Instant::elapsed).unwrap_or_default();
        drain.saturating_sub(spent)
    }
}
