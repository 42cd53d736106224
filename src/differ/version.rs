//! Who containerd is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{DifferError, connect};
use crate::proto::containerd::services::version::v1::Nothing;
use crate::proto::containerd::services::version::v1::version_client::VersionClient;

/// How long an answer is believed: containerd may be replaced while we run.
const BELIEVED: Duration = Duration::from_secs(60);
/// How long to wait for an answer that somebody waits for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A release of containerd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Release {
    /// The first that is served.
    pub const FIRST: Self = Self { major: 2, minor: 0 };
    /// The first that unpacks layers side by side.
    pub const REBASE: Self = Self { major: 2, minor: 2 };
    /// The first that leaves out layers that are there.
    pub const STAGED: Self = Self { major: 2, minor: 4 };

    /// Reads what containerd says of itself, with or without a `v`, and whatever follows.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim_start_matches('v').split(['.', '-', '+']);
        let (major, minor) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
        Some(Self { major, minor })
    }
}

/// The containerd that is served, as far as it tells.
#[derive(Debug)]
pub struct Peer {
    socket: PathBuf,
    /// When it was asked, and what it said. Silence counts as an answer: whoever comes next must not wait for it again.
    told: Mutex<Option<(Instant, Option<Release>)>>,
}

impl Peer {
    /// Will ask whoever serves on a socket.
    pub fn new(socket: PathBuf) -> Self {
        Self { socket, told: Mutex::default() }
    }

    /// Returns the release, if containerd says so in time.
    pub async fn release(&self) -> Option<Release> {
        let mut told = self.told.lock().await;
        if let Some((when, release)) = *told
            && when.elapsed() < BELIEVED
        {
            return release;
        }
        let answer = timeout(PATIENCE, containerd_version(&self.socket)).await;
        let version = answer.ok().and_then(Result::ok);
        let release = version.and_then(|version| Release::parse(&version));
        *told = Some((Instant::now(), release));
        release
    }
}

/// Asks containerd for its version.
pub(crate) async fn containerd_version(socket: &Path) -> Result<String, DifferError> {
    let unreachable = |source| DifferError::Unreachable { path: socket.to_owned(), source };
    let channel = connect(socket).await.map_err(unreachable)?;
    let answer = VersionClient::new(channel).version(Nothing {}).await;
    Ok(answer.map_err(DifferError::refused("tell its version"))?.into_inner().version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_and_compared() {
        for text in ["2.4.2", "v2.4.0-beta.0", "2.4", "v2.4.2+unknown", "2.4-rc.1"] {
            assert_eq!(Release::parse(text), Some(Release::STAGED), "{text}");
        }
        for text in ["", "v", "2", "two.four", "-2.4"] {
            assert_eq!(Release::parse(text), None, "{text}");
        }
        assert!(Release { major: 2, minor: 10 } > Release::STAGED);
        assert!(Release { major: 1, minor: 7 } < Release::FIRST);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn who_does_not_answer_is_of_no_release() {
        let directory = tempfile::tempdir().unwrap();
        let silent = directory.path().join("silent");
        let _listener = std::os::unix::net::UnixListener::bind(&silent).unwrap();
        for socket in [silent, directory.path().join("none")] {
            let peer = Peer::new(socket);
            assert_eq!(peer.release().await, None);
            // Nobody is made to wait for the same silence again.
            let again = Instant::now();
            assert_eq!(peer.release().await, None);
            assert_eq!(peer.told.lock().await.map(|(asked, _)| asked < again), Some(true));
        }
    }
}
