//! Spans of what is done for a request, in the trace that whoever asks has begun.
//!
//! A request has a *context*, which the thread that works for it carries: the span of the request, and who makes spans. Whoever
//! works for it tells of stages and attributes without knowing more than that. Where nobody wants to hear of it there is no
//! such context, and telling costs a look at the thread.

mod spans;

pub use spans::Spans;

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{Span as _, TraceContextExt, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

/// Makes work for a request that is to be done on another thread.
pub(crate) fn carried<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let context = Context::current();
    move || {
        let _attached = context.attach();
        work()
    }
}

/// Adds what is known of a request to its span.
pub(crate) fn note<const N: usize>(attributes: impl FnOnce() -> [KeyValue; N]) {
    Context::map_current(|context| {
        if context.span().is_recording() {
            context.span().set_attributes(attributes());
        }
    });
}

/// Adds the snapshot that a request is about to its span.
pub(crate) fn about(key: &str) {
    note(|| [KeyValue::new("cimsnap.snapshot.key", key.to_owned())]);
}

/// Begins a stage, which ends when what is returned is dropped.
pub(crate) fn stage(name: &'static str) -> Option<Span> {
    within(|tracer, context| tracer.start_with_context(name, context))
}

/// Tells of a stage that is over, and returns when it began.
fn ended<const N: usize>(
    name: &'static str,
    end: SystemTime,
    took: Duration,
    attributes: impl FnOnce() -> [KeyValue; N],
) -> SystemTime {
    let start = end.checked_sub(took).unwrap_or(end);
    let begun = |tracer: &SdkTracer, context: &Context| {
        let builder = tracer.span_builder(name).with_start_time(start);
        builder.with_attributes(attributes()).start_with_context(tracer, context)
    };
    if let Some(mut span) = within(begun) {
        span.end_with_timestamp(end);
    }
    start
}

fn within<T>(make: impl FnOnce(&SdkTracer, &Context) -> T) -> Option<T> {
    Context::map_current(|context| {
        let tracer = context.get::<SdkTracer>().filter(|_| context.span().is_recording())?;
        Some(make(tracer, context))
    })
}
