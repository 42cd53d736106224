//! The answers, as messages.

use std::fmt::Display;

use super::message::{Garbage, Image, Layer, Snapshot};
use crate::snapshot::{Details, SnapshotError, Snapshots};
use crate::store::{ImageRow, Kind, LayerRow, Stages, Timestamp};

pub(super) fn snapshot(snapshots: &Snapshots, key: &str) -> Result<Snapshot, SnapshotError> {
    snapshots.details(key).map(describe)
}

pub(super) fn snapshots(snapshots: &Snapshots) -> Result<Vec<Snapshot>, SnapshotError> {
    Ok(snapshots.all_details()?.into_iter().map(describe).collect())
}

pub(super) fn collect(snapshots: &Snapshots, dry_run: bool) -> Result<Garbage, SnapshotError> {
    let garbage = if dry_run { snapshots.garbage() } else { snapshots.cleanup() }?;
    Ok(Garbage {
        images: garbage.images.iter().map(ToString::to_string).collect(),
        layers: garbage.layers.iter().map(ToString::to_string).collect(),
        directories: garbage.directories.iter().map(|path| path.display().to_string()).collect(),
        bytes: garbage.bytes,
    })
}

fn describe(details: Details) -> Snapshot {
    let Details { key, row, usage, image, layer } = details;
    Snapshot {
        key,
        id: row.id,
        kind: kind(row.kind).to_owned(),
        parent: row.parent,
        labels: row.labels.into_iter().collect(),
        created: nanos(row.created),
        updated: nanos(row.updated),
        bytes: usage.bytes,
        inodes: usage.inodes,
        image: image.map(|(chain, row)| describe_image(chain, &row)),
        layer: layer.map(|(set, row)| describe_layer(set, &row)),
    }
}

fn describe_image(chain: impl Display, row: &ImageRow) -> Image {
    Image {
        chain: chain.to_string(),
        parent: row.parent.map_or_else(String::new, |parent| parent.to_string()),
        os: row.os.to_string(),
        tree: row.tree.to_string(),
        bytes: row.bytes,
        stages: micros(&row.stages),
    }
}

fn describe_layer(set: impl Display, row: &LayerRow) -> Layer {
    Layer {
        set: set.to_string(),
        diff_id: row.diff_id.to_string(),
        blob: row.blob.to_string(),
        size: row.size,
        bytes: row.bytes,
        inodes: row.inodes,
        stages: micros(&row.stages),
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::View => "view",
        Kind::Active => "active",
        Kind::Committed => "committed",
    }
}

fn nanos(time: Timestamp) -> i64 {
    let (seconds, rest) = time.parts();
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(rest))
}

fn micros<C: FromIterator<(String, u64)>>(stages: &Stages) -> C {
    let micros = |took: std::time::Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    stages.iter().map(|(stage, took)| (stage.to_owned(), micros(took))).collect()
}
