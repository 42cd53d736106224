//! What callers see of snapshots.

use std::collections::BTreeMap;

use crate::store::{Kind, SnapshotRow, Timestamp};

/// The label that names the chain that a snapshot is to become.
pub(super) const REFERENCE: &str = "containerd.io/snapshot.ref";

/// The label that names the chain below that one, if there is any.
pub(super) const PARENT_CHAIN: &str = "containerd.io/snapshot/parent-chain-id";
/// The label that names the layer that a snapshot is to get.
pub(super) const DIFF_ID: &str = "containerd.io/snapshot/diff-id";

/// Labels of a snapshot.
pub type Labels = BTreeMap<String, String>;

/// A snapshot, as containerd knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its key.
    pub name: String,
    /// The key of its parent; empty if it has none.
    pub parent: String,
    /// What it is.
    pub kind: Kind,
    /// When it became what it is.
    pub created: Timestamp,
    /// When its labels last changed.
    pub updated: Timestamp,
    /// What containerd keeps with it.
    pub labels: Labels,
}

impl Info {
    pub(super) fn new(name: &str, row: SnapshotRow) -> Self {
        let SnapshotRow { kind, parent, created, updated, labels, .. } = row;
        Self { name: name.to_owned(), parent, kind, created, updated, labels }
    }
}

/// A snapshot to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSnapshot {
    /// Its key.
    pub key: String,
    /// The key of its parent; empty for none.
    pub parent: String,
    /// What containerd wants kept with it.
    pub labels: Labels,
    /// The namespace of containerd that it is for, if the caller names it.
    pub namespace: Option<String>,
    /// Whether the caller leaves out a layer that is there, which the mounts say by being read-only. Others would apply
    /// the layer to them.
    pub leaves_out: bool,
}

/// A snapshot to be committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitRequest {
    /// The key that it is to have.
    pub name: String,
    /// The key that it has.
    pub key: String,
    /// The parent that it is to have, if it has none; empty to leave it as it is.
    pub parent: String,
    /// What containerd wants kept with it, in place of what it has.
    pub labels: Labels,
}

/// What to mount to see a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The type, as mount(8) has it.
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Options, as mount(8) has them.
    pub options: Vec<String>,
}
