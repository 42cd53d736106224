//! The log.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use super::{DaemonError, Log, LogFormat};

/// Changes what is said while the daemon runs.
pub(super) struct Levels(Handle<Targets, Registry>);

/// Begins the log.
pub(super) fn start(log: &Log) -> Result<Levels, DaemonError> {
    let (filter, handle) = reload::Layer::new(log.targets()?);
    let output = match log.format {
        LogFormat::Text => fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal()).boxed(),
        LogFormat::Json => fmt::layer().with_writer(io::stderr).json().flatten_event(true).boxed(),
    };
    let started = tracing_subscriber::registry().with(filter).with(output).try_init();
    started
        .map_err(|error| DaemonError::Process { action: "start the log", source: io::Error::other(error) })?;
    Ok(Levels(handle))
}

impl Levels {
    /// Says from now on what another configuration says.
    pub(super) fn change(&self, log: &Log) -> Result<(), DaemonError> {
        let changed = self.0.reload(log.targets()?);
        changed.map_err(|error| DaemonError::Process {
            action: "change the log",
            source: io::Error::other(error),
        })
    }
}
