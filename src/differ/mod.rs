//! From the blob of a layer to a snapshot, and back.
//!
//! ```text
//!   apply    descriptor ─► blob ─► layer set ─► image, if it is known what it lies over
//!   compare  two mounts ─► tar ─► compressed ─► blob in the content store of containerd
//! ```
//!
//! Mounts are compared with what [`crate::snapshot`] hands out. Those of other snapshotters are refused, so that
//! containerd asks the next differ.

mod apply;
mod blob;
mod blobs;
mod compare;
mod compress;
mod connect;
mod content;
mod error;
mod lease;
mod upload;
mod version;
mod work;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

pub use blobs::ContainerdBlobs;
pub(crate) use connect::{connect, is_served};
pub use content::Content;
pub use error::{DifferCode, DifferError};
pub(crate) use version::containerd_version;
pub use version::{Peer, Release};
use work::Bench;
pub use work::Work;

use crate::layer::digest::Digest;
use crate::snapshot::{Keyed, Labels, Mount, Snapshots};

/// Turns blobs into snapshots, and snapshots into blobs.
#[derive(Debug)]
pub struct Differ {
    snapshots: Arc<Snapshots>,
    content: Content,
    /// Layers that may be converted at once.
    workers: Arc<Semaphore>,
    /// One at a time reads a blob; who comes later finds the layer.
    reading: Keyed<Digest>,
    bench: Arc<Bench>,
}

/// How layers are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferOptions {
    /// The socket of containerd.
    pub containerd: PathBuf,
    /// Where containerd keeps its blobs, as files that may be read here.
    pub content_root: Option<PathBuf>,
    /// Layers that may be converted at once.
    pub workers: NonZeroUsize,
}

/// On whose behalf a request comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// The namespace of containerd.
    pub name: Option<String>,
    /// The lease that keeps what is made.
    pub lease: Option<String>,
}

/// A blob, as OCI describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// What kind it is.
    pub media_type: String,
    /// Its digest, as text: it may be of a kind that is not known here.
    pub digest: String,
    /// Its bytes.
    pub size: u64,
}

/// A layer to be applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyRequest {
    /// On whose behalf.
    pub namespace: Namespace,
    /// The blob.
    pub descriptor: Descriptor,
    /// What the snapshot that is to get the layer was prepared with.
    pub mounts: Vec<Mount>,
}

/// A difference to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompareRequest {
    /// On whose behalf.
    pub namespace: Namespace,
    /// What was.
    pub left: Vec<Mount>,
    /// What is.
    pub right: Vec<Mount>,
    /// What kind of blob to make; empty for gzip.
    pub media_type: String,
    /// The name of the upload; empty for a new one.
    pub reference: String,
    /// Labels of the blob.
    pub labels: Labels,
    /// The latest modification time that an entry may have, in nanoseconds since 1970. `None` for no limit.
    pub latest_time: Option<i128>,
}

impl Differ {
    /// Works for these snapshots.
    pub fn new(snapshots: Arc<Snapshots>, options: DifferOptions) -> Self {
        Self {
            snapshots,
            content: Content::new(options.containerd, options.content_root),
            workers: Arc::new(Semaphore::new(options.workers.get())),
            reading: Keyed::default(),
            bench: Arc::default(),
        }
    }

    /// Lists what is being converted, and what waits to be, the oldest first.
    pub fn work(&self) -> Vec<Work> {
        self.bench.list()
    }
}
