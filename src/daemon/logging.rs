//! The log.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use super::{DaemonError, Log, LogFormat, system};

/// Changes what is said while the daemon runs.
pub(super) struct Levels(Handle<Targets, Registry>);

/// Begins the log.
pub(super) fn start(log: &Log) -> Result<Levels, DaemonError> {
    let not_started = |source| DaemonError::Process { action: "start the log", source };
    let (filter, handle) = reload::Layer::new(log.targets()?);
    let elsewhere = system::writer().map_err(not_started)?;
    let colours = elsewhere.is_none() && io::stderr().is_terminal();
    let writer = elsewhere.unwrap_or_else(|| BoxMakeWriter::new(io::stderr));
    let output = match log.format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => fmt::layer().with_writer(writer).json().flatten_event(true).boxed(),
    };
    let all = tracing_subscriber::registry().with(filter).with(output).with(system::beside());
    all.try_init().map_err(|error| not_started(io::Error::other(error)))?;
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
