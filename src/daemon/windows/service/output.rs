//! What a service says: every line to a file, and what somebody should look at to the event log, too.

use std::error::Error;
use std::fmt::{self, Write};
use std::io;
use std::sync::{Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::Context;

use super::super::paths::log;
use super::NAME;
use super::host::is_service;
use super::rotating::RotatingFile;
use crate::sys::{self, EventKind, EventLog};

/// The id of all events: what differs is their text.
const EVENT: u32 = 1;

/// Where the lines go, if this process is a service.
pub(in crate::daemon) fn writer() -> io::Result<Option<BoxMakeWriter>> {
    if !is_service() {
        return Ok(None);
    }
    let path = log();
    if let Some(directory) = path.parent() {
        sys::make_private(directory)?;
    }
    Ok(Some(BoxMakeWriter::new(Mutex::new(RotatingFile::open(path)?))))
}

/// What else hears of them, if this process is a service.
pub(in crate::daemon) fn beside() -> Option<ToEventLog> {
    is_service().then_some(ToEventLog)
}

/// Reports an event. Where that fails there is nobody left to tell.
pub(super) fn report(kind: EventKind, text: &str) {
    static EVENTS: OnceLock<Option<EventLog>> = OnceLock::new();
    if let Some(events) = EVENTS.get_or_init(|| EventLog::open(NAME).ok()) {
        drop(events.report(kind, EVENT, text));
    }
}

/// Says why the service ends: in the log, if that has begun, and in the event log.
pub(super) fn tell_failure(error: &dyn Error) {
    let text = with_causes(error);
    match tracing::enabled!(Level::ERROR) {
        true => tracing::error!("{text}"),
        false => report(EventKind::Error, &text),
    }
}

/// Returns an error with its causes, on one line.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Takes warnings and errors to the event log.
#[derive(Debug)]
pub(in crate::daemon) struct ToEventLog;

impl<S: Subscriber> Layer<S> for ToEventLog {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let kind = match *event.metadata().level() {
            Level::ERROR => EventKind::Error,
            Level::WARN => EventKind::Warning,
            _ => return,
        };
        let mut line = Line::default();
        event.record(&mut line);
        report(kind, &format!("{}{}", line.message, line.fields));
    }
}

/// The message of an event, and its other fields as `name=value`.
#[derive(Debug, Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
