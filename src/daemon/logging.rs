//! The log.

use std::io;

use tracing::Metadata;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::{BoxMakeWriter, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::{self, Handle};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

use super::{DaemonError, Log, LogFormat, system};
use crate::escape::EscapingWriter;

/// Changes what is said while the daemon runs.
pub(super) struct Levels(Handle<Targets, Registry>);

/// Begins the log.
pub(super) fn start(log: &Log) -> Result<Levels, DaemonError> {
    let not_started = |source| DaemonError::Process { action: "start the log", source };
    let (filter, handle) = reload::Layer::new(log.targets()?);
    let elsewhere = system::writer().map_err(not_started)?;
    let writer = elsewhere.unwrap_or_else(|| BoxMakeWriter::new(io::stderr));
    let output = match log.format {
        // Colours would be escaped as well.
        LogFormat::Text => fmt::layer().with_writer(Lines(writer)).with_ansi(false).boxed(),
        LogFormat::Json => fmt::layer().with_writer(writer).json().flatten_event(true).boxed(),
    };
    let all = tracing_subscriber::registry().with(filter).with(output).with(system::beside());
    all.try_init().map_err(|error| not_started(io::Error::other(error)))?;
    Ok(Levels(handle))
}

/// A log of one line for each event, without hidden characters, whoever has sent what it quotes.
struct Lines(BoxMakeWriter);

impl<'w> MakeWriter<'w> for Lines {
    type Writer = EscapingWriter<<BoxMakeWriter as MakeWriter<'w>>::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        EscapingWriter::records(self.0.make_writer())
    }

    fn make_writer_for(&'w self, event: &Metadata<'_>) -> Self::Writer {
        EscapingWriter::records(self.0.make_writer_for(event))
    }
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
