//! Letting clients in, also when the process runs out of file descriptors: that passes, and must not end the daemon.

#[cfg(unix)]
mod unix;

use std::io;
use std::time::{Duration, Instant};

use tracing::{info, warn};

#[cfg(unix)]
pub(super) use unix::{Admitted, clients};

/// How long to wait after a failure. Until then a descriptor may be free.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the log says nothing more of the same.
const SILENCE: Duration = Duration::from_secs(60);

/// Waits after failures to accept a connection, and logs them at most once a minute.
#[derive(Debug)]
pub(super) struct Backoff {
    listener: &'static str,
    log: RateLimit,
    is_failing: bool,
}

impl Backoff {
    /// Waits for what the log calls `listener`.
    pub(super) fn new(listener: &'static str) -> Self {
        Self { listener, log: RateLimit::default(), is_failing: false }
    }

    /// Notes a failure, and waits.
    pub(super) async fn failed(&mut self, error: &io::Error) {
        if self.log.permits() {
            warn!("cannot accept connections to {}, retrying: {error}", self.listener);
            self.is_failing = true;
        }
        tokio::time::sleep(PAUSE).await;
    }

    /// Notes that a connection was accepted.
    pub(super) fn succeeded(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            info!("accepting connections to {} again", self.listener);
        }
    }
}

/// Permits something once a minute.
#[derive(Debug, Default)]
struct RateLimit(Option<Instant>);

impl RateLimit {
    fn permits(&mut self) -> bool {
        let permits = self.0.is_none_or(|last| last.elapsed() >= SILENCE);
        if permits {
            self.0 = Some(Instant::now());
        }
        permits
    }
}
