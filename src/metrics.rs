//! Every number that the daemon tells, with its name, its unit and its labels.
//!
//! What is counted is heard from [`crate::snapshot`] when it happens; what there is, is looked at when somebody asks.

use std::fmt::Error;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::differ::Work;
use crate::snapshot::{Garbage, Observer, Outcome, Totals};
use crate::store::{ImageRow, LayerRow, Stages};

type Label = [(&'static str, String); 1];
type Counters = Family<Label, Counter>;
type Gauges = Family<Label, Gauge<u64, AtomicU64>>;
type Seconds = Family<Label, Histogram, fn() -> Histogram>;

/// All numbers.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    layers: Counters,
    layer_bytes: Counters,
    stages: Seconds,
    collected: Counters,
    collected_bytes: Counter,
    snapshots: Gauges,
    kept: Gauges,
    kept_bytes: Gauges,
    mounted: Gauge<u64, AtomicU64>,
    broken_mounts: Gauge<u64, AtomicU64>,
    database: Gauge<u64, AtomicU64>,
    work: Gauges,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("cimsnap"),
            layers: labelled("outcome", ["converted", "reused", "left_out", "failed"]),
            layer_bytes: labelled("side", ["tar", "disk"]),
            stages: Family::new_with_constructor(histogram),
            collected: labelled("kind", ["image", "layer", "directory"]),
            collected_bytes: Counter::default(),
            snapshots: labelled("kind", ["view", "active", "committed"]),
            kept: labelled("kind", ["image", "layer"]),
            kept_bytes: labelled("kind", ["image", "layer"]),
            mounted: Gauge::default(),
            broken_mounts: Gauge::default(),
            database: Gauge::default(),
            work: labelled("state", ["waiting", "converting"]),
        };
        for stage in Stages::NAMES {
            drop(metrics.stages.get_or_create(&label("stage", stage)));
        }
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        let all = &mut self.registry;
        all.register("build", "What runs", version);
        all.register(
            "layers",
            "Snapshots that were to get a layer, by how they came to it",
            self.layers.clone(),
        );
        let help = "Layers that were converted: their tar streams, and what was written of them";
        all.register_with_unit("layers", help, Unit::Bytes, self.layer_bytes.clone());
        let help = "How long each stage of making and mounting an image took";
        all.register_with_unit("stage", help, Unit::Seconds, self.stages.clone());
        all.register("collected", "What was removed because nobody needed it", self.collected.clone());
        let help = "The files of what was removed";
        all.register_with_unit("collected", help, Unit::Bytes, self.collected_bytes.clone());
        all.register("snapshots", "Snapshots that there are", self.snapshots.clone());
        all.register("kept", "Images and layers that there are", self.kept.clone());
        all.register_with_unit("kept", "Their own files", Unit::Bytes, self.kept_bytes.clone());
        all.register("mounted_images", "Images that are mounted", self.mounted.clone());
        let help = "Mounted images whose server is dead or does not answer";
        all.register("broken_mounts", help, self.broken_mounts.clone());
        all.register_with_unit("database", "The database", Unit::Bytes, self.database.clone());
        all.register("work", "Layers that containerd waits for", self.work.clone());
    }

    /// Writes everything in the format of OpenMetrics.
    pub fn text(&self, totals: &Totals, work: &[Work]) -> Result<String, Error> {
        self.look(totals, work);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn look(&self, totals: &Totals, work: &[Work]) {
        let waiting = work.iter().filter(|work| work.waits).count();
        let count = |len: usize| u64::try_from(len).unwrap_or(u64::MAX);
        for (gauges, name, value, number) in [
            (&self.snapshots, "kind", "view", totals.views),
            (&self.snapshots, "kind", "active", totals.active),
            (&self.snapshots, "kind", "committed", totals.committed),
            (&self.kept, "kind", "image", totals.images),
            (&self.kept, "kind", "layer", totals.layers),
            (&self.kept_bytes, "kind", "image", totals.image_bytes),
            (&self.kept_bytes, "kind", "layer", totals.layer_bytes),
            (&self.work, "state", "waiting", count(waiting)),
            (&self.work, "state", "converting", count(work.len().saturating_sub(waiting))),
        ] {
            gauges.get_or_create(&label(name, value)).set(number);
        }
        self.mounted.set(totals.mounted);
        self.broken_mounts.set(totals.broken_mounts);
        self.database.set(totals.database_bytes);
    }

    fn took(&self, stages: &Stages) {
        for (stage, took) in stages.iter() {
            self.stages.get_or_create(&label("stage", stage)).observe(took.as_secs_f64());
        }
    }
}

impl Observer for Metrics {
    fn layered(&self, outcome: Outcome) {
        self.layers.get_or_create(&label("outcome", outcome.name())).inc();
    }

    fn made(&self, layer: Option<&LayerRow>, image: Option<&ImageRow>) {
        if let Some(layer) = layer {
            self.layer_bytes.get_or_create(&label("side", "tar")).inc_by(layer.size);
            self.layer_bytes.get_or_create(&label("side", "disk")).inc_by(layer.bytes);
            self.took(&layer.stages);
        }
        if let Some(image) = image {
            self.took(&image.stages);
        }
    }

    fn mounted(&self, took: Duration) {
        self.took(&Stages::default().with("mount", took));
    }

    fn collected(&self, garbage: &Garbage) {
        for (kind, len) in [
            ("image", garbage.images.len()),
            ("layer", garbage.layers.len()),
            ("directory", garbage.directories.len()),
        ] {
            let number = u64::try_from(len).unwrap_or(u64::MAX);
            self.collected.get_or_create(&label("kind", kind)).inc_by(number);
        }
        self.collected_bytes.inc_by(garbage.bytes);
    }
}

fn label(name: &'static str, value: &str) -> Label {
    [(name, value.to_owned())]
}

/// Makes a number for each value of a label, so that those are told too of which there is nothing yet.
fn labelled<M: Default, const N: usize>(name: &'static str, values: [&str; N]) -> Family<Label, M> {
    let family = Family::default();
    for value in values {
        drop(family.get_or_create(&label(name, value)));
    }
    family
}

/// From half a millisecond, in which an image is forked, to the minutes that a huge layer takes.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_is_counted() {
        let metrics = Metrics::default();
        metrics.layered(Outcome::Reused);
        metrics.mounted(Duration::from_millis(3));
        metrics.collected(&Garbage { bytes: 7, ..Garbage::default() });
        let totals = Totals { active: 2, layer_bytes: 1 << 40, ..Totals::default() };
        let text = metrics.text(&totals, &[]).unwrap();
        for line in [
            "cimsnap_layers_total{outcome=\"reused\"} 1",
            "cimsnap_layers_total{outcome=\"failed\"} 0",
            "cimsnap_stage_seconds_count{stage=\"mount\"} 1",
            "cimsnap_stage_seconds_bucket{le=\"0.004\",stage=\"mount\"} 1",
            "cimsnap_stage_seconds_bucket{le=\"0.002\",stage=\"mount\"} 0",
            "cimsnap_collected_bytes_total 7",
            "cimsnap_snapshots{kind=\"active\"} 2",
            "cimsnap_kept_bytes{kind=\"layer\"} 1099511627776",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
