//! The stages of which the snapshots tell when they are over.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;

use super::{ended, note};
use crate::snapshot::{Garbage, Observer, Outcome};
use crate::store::{ImageRow, LayerRow, Stages};

/// Tells of stages as spans, and passes on what it hears.
#[derive(Debug)]
pub struct Spans<O>(pub Arc<O>);

impl<O: Observer> Observer for Spans<O> {
    fn layered(&self, outcome: Outcome) {
        note(|| [KeyValue::new("cimsnap.layer.outcome", outcome.name())]);
        self.0.layered(outcome);
    }

    /// The stages went on one after the other, and the last has just ended.
    fn made(&self, layer: Option<&LayerRow>, image: Option<&ImageRow>) {
        let mut end = SystemTime::now();
        let waited = layer.map(|layer| &layer.stages).or(image.map(|image| &image.stages));
        if let Some(sync) = waited.and_then(|stages| took(stages, "sync")) {
            end = ended("sync", end, sync, || []);
        }
        if let Some(image) = image {
            let bytes = || [KeyValue::new("cimsnap.image.disk_size", signed(image.bytes))];
            end = ended("fork", end, took(&image.stages, "fork").unwrap_or_default(), bytes);
        }
        if let Some(layer) = layer {
            let convert = took(&layer.stages, "convert").unwrap_or_default();
            ended("convert", end, convert, || conversion(layer));
        }
        self.0.made(layer, image);
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
    let seconds =
        |key, stage| KeyValue::new(key, took(&layer.stages, stage).unwrap_or_default().as_secs_f64());
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

fn took(stages: &Stages, wanted: &str) -> Option<Duration> {
    stages.iter().find(|(stage, _)| *stage == wanted).map(|(_, took)| took)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
