//! The stages of which the snapshots tell when they are over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;

use super::{before, ended, note};
use crate::snapshot::{Garbage, Observer, Outcome};
use crate::store::{ImageRow, LayerRow, Stages};

/// Tells of stages as spans, and passes on what it hears.
#[derive(Debug)]
pub struct Spans<O>(pub Arc<O>);

impl<O: Observer> Observer for Spans<O> {
    fn layered(&self, outcome: Outcome) {
        let name = match outcome {
            Outcome::Converted => "converted",
            Outcome::Reused => "reused",
            Outcome::LeftOut => "left_out",
            Outcome::Failed => "failed",
        };
        note(|| [KeyValue::new("cimsnap.layer.outcome", name)]);
        self.0.layered(outcome);
    }

    /// The two went on one after the other, and the second has just ended.
    fn converted(&self, layer: &LayerRow) {
        let (now, sync) = (SystemTime::now(), took(&layer.stages, "sync"));
        let convert = took(&layer.stages, "convert");
        ended("convert", before(now, sync), convert, || conversion(layer));
        ended("sync", now, sync, || []);
        self.0.converted(layer);
    }

    fn forked(&self, image: &ImageRow) {
        let bytes = || [KeyValue::new("cimsnap.image.disk_size", signed(image.bytes))];
        ended("fork", SystemTime::now(), took(&image.stages, "fork"), bytes);
        self.0.forked(image);
    }

    fn mounted(&self, took: Duration) {
        ended("mount", SystemTime::now(), took, || []);
        self.0.mounted(took);
    }

    fn collected(&self, garbage: &Garbage) {
        self.0.collected(garbage);
    }
}

/// What goes on side by side in a conversion has no beginning and no end of its own, but takes its time.
fn conversion(layer: &LayerRow) -> [KeyValue; 7] {
    let seconds = |key, stage| KeyValue::new(key, took(&layer.stages, stage).as_secs_f64());
    [
        KeyValue::new("cimsnap.layer.diff_id", layer.diff_id.to_string()),
        KeyValue::new("cimsnap.layer.size", signed(layer.size)),
        KeyValue::new("cimsnap.layer.disk_size", signed(layer.bytes)),
        seconds("cimsnap.seconds.read", "read"),
        seconds("cimsnap.seconds.inflate", "inflate"),
        seconds("cimsnap.seconds.hash", "hash"),
        seconds("cimsnap.seconds.write", "write"),
    ]
}

fn took(stages: &Stages, wanted: &str) -> Duration {
    stages.iter().find(|(stage, _)| *stage == wanted).map(|(_, took)| took).unwrap_or_default()
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
