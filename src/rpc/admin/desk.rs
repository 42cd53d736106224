//! The answers, as messages.

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use crate::differ::ContainerdBlobs;
use crate::proto::cimsnap::v1::{Finding, Garbage, Image, Layer, Report, Snapshot};
use crate::snapshot::fsck::{self, FsckOptions};
use crate::snapshot::{Details, SnapshotError, Snapshots};
use crate::store::{ImageRow, Kind, LayerRow, Stages, Timestamp};

/// Who answers, from what lies in a store.
#[derive(Clone, Debug)]
pub struct Desk {
    snapshots: Arc<Snapshots>,
    containerd: PathBuf,
    content_root: PathBuf,
}

impl Desk {
    /// Answers about these snapshots. Blobs of layers are asked of containerd.
    pub fn new(snapshots: Arc<Snapshots>, containerd: PathBuf, content_root: PathBuf) -> Self {
        Self { snapshots, containerd, content_root }
    }

    pub(super) fn snapshot(&self, key: &str) -> Result<Snapshot, SnapshotError> {
        self.snapshots.details(key).map(describe)
    }

    pub(super) fn all(&self) -> Result<Vec<Snapshot>, SnapshotError> {
        Ok(self.snapshots.all_details()?.into_iter().map(describe).collect())
    }

    pub(super) fn collect(&self, dry_run: bool) -> Result<Garbage, SnapshotError> {
        let garbage = if dry_run { self.snapshots.garbage() } else { self.snapshots.collect() }?;
        Ok(Garbage {
            images: garbage.images.iter().map(ToString::to_string).collect(),
            layers: garbage.layers.iter().map(ToString::to_string).collect(),
            directories: garbage.directories.iter().map(|path| path.display().to_string()).collect(),
            bytes: garbage.bytes,
        })
    }

    pub(super) fn check(&self, options: FsckOptions) -> Result<Report, SnapshotError> {
        let blobs = ContainerdBlobs::new(self.containerd.clone(), self.content_root.clone());
        let failed = |source| SnapshotError::Io { action: "ask", path: self.containerd.clone(), source };
        let report = self.snapshots.fsck(options, &blobs.map_err(failed)?)?;
        Ok(Report {
            sound: report.is_sound(),
            findings: report.findings.iter().map(describe_finding).collect(),
            snapshots: report.snapshots,
            images: report.images,
            layers: report.layers,
            files: report.files,
            compared: report.compared,
            unverified: report.unverified,
            unread: report.unread,
            restart: report.restart.into_iter().collect(),
        })
    }
}

fn describe_finding(finding: &fsck::Finding) -> Finding {
    Finding {
        subject: finding.subject.to_string(),
        fault: finding.fault.to_string(),
        remedy: finding.remedy.to_string(),
        error: finding.is_error(),
        repaired: finding.repaired,
    }
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
        tree: row.tree.map_or_else(String::new, |tree| tree.to_string()),
        engine: if row.is_native() { "native" } else { "portable" }.to_owned(),
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
