//! Named pipes.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use tokio::net::windows::named_pipe::NamedPipeClient as Stream;

use tokio::net::windows::named_pipe::ClientOptions;
use tokio::time::{sleep, timeout};

/// All instances of the pipe have their clients, and the next one is being made.
const BUSY: i32 = 231;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait for the next instance.
const PAUSE: Duration = Duration::from_millis(10);

/// Connects.
pub(super) async fn open(pipe: PathBuf) -> io::Result<Stream> {
    timeout(PATIENCE, open_free(&pipe)).await.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

async fn open_free(pipe: &Path) -> io::Result<Stream> {
    loop {
        match ClientOptions::new().open(pipe) {
            Err(error) if error.raw_os_error() == Some(BUSY) => sleep(PAUSE).await,
            opened => return opened,
        }
    }
}

/// Returns whether somebody serves on a pipe.
pub(crate) fn is_served(pipe: &Path) -> io::Result<bool> {
    match File::options().read(true).write(true).open(pipe) {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(BUSY) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
