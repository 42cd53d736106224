//! The Snapshots service.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use containerd_snapshots::api::snapshots::v1 as api;
use containerd_snapshots::api::types;
use opentelemetry::KeyValue;
use prost_types::Timestamp as ProtoTimestamp;
use tokio_stream::Iter;
use tonic::{Request, Response, Status, async_trait};
use tracing::{info, warn};

use super::afterwards::Afterwards;
use super::rebase::CommitParent;
use super::{blocking, status};
use crate::differ::{Namespace, Peer, Release};
use crate::snapshot::{CommitRequest, Info, Mount, NewSnapshot, SnapshotError, Snapshots};
use crate::store::{Kind, Timestamp};
use crate::trace;

/// How many snapshots one message of a list has.
const BATCH: usize = 100;

/// Serves snapshots to containerd.
#[derive(Clone, Debug)]
pub struct SnapshotService {
    snapshots: Arc<Snapshots>,
    peer: Arc<Peer>,
    afterwards: Afterwards,
}

impl SnapshotService {
    /// Serves these snapshots to a containerd.
    pub fn new(snapshots: Arc<Snapshots>, peer: Peer) -> Self {
        let afterwards = Afterwards::start(snapshots.clone());
        Self { snapshots, peer: Arc::new(peer), afterwards }
    }

    /// Returns whether containerd leaves out layers that are there. Others would apply them.
    async fn leaves_out_layers(&self) -> bool {
        self.peer.release().await.is_some_and(|release| release >= Release::STAGED)
    }

    /// Makes the image of a snapshot whose layer was left out, as [`crate::differ`] does of the others. Nobody waits
    /// for it: if it is not there when the snapshot is committed, it is made then.
    fn fork_ahead(&self, key: String) {
        let snapshots = self.snapshots.clone();
        drop(tokio::task::spawn_blocking(trace::carried(move || {
            if let Err(error) = snapshots.fork_ahead(&key) {
                warn!(key, "cannot make the image ahead: {}", status::chain(&error));
            }
        })));
    }

    async fn run<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&Snapshots) -> Result<T, SnapshotError> + Send + 'static,
    ) -> Result<T, Status> {
        let snapshots = self.snapshots.clone();
        blocking(move || verb(&snapshots).map_err(|error| status::of_snapshot(&error))).await
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[async_trait]
impl api::snapshots_server::Snapshots for SnapshotService {
    type ListStream = Iter<std::vec::IntoIter<Result<api::ListSnapshotsResponse, Status>>>;

    async fn prepare(
        &self,
        request: Request<api::PrepareSnapshotRequest>,
    ) -> Answer<api::PrepareSnapshotResponse> {
        let namespace = Namespace::of(request.metadata()).name;
        let api::PrepareSnapshotRequest { key, parent, labels, .. } = request.into_inner();
        let mut new = NewSnapshot { key, parent, labels: sorted(labels), namespace, leaves_out: false };
        info!(key = new.key, parent = new.parent, "prepare");
        related(&new.key, &new.parent);
        new.leaves_out = new.tells_its_layer() && self.leaves_out_layers().await;
        let ahead = new.leaves_out.then(|| new.key.clone());
        let mounts = self.run(move |snapshots| snapshots.prepare(new)).await?;
        ahead.into_iter().for_each(|key| self.fork_ahead(key));
        Ok(Response::new(api::PrepareSnapshotResponse { mounts: all_to_proto(mounts) }))
    }

    async fn view(&self, request: Request<api::ViewSnapshotRequest>) -> Answer<api::ViewSnapshotResponse> {
        let namespace = Namespace::of(request.metadata()).name;
        let api::ViewSnapshotRequest { key, parent, labels, .. } = request.into_inner();
        let new = NewSnapshot { key, parent, labels: sorted(labels), namespace, leaves_out: false };
        info!(key = new.key, parent = new.parent, "view");
        related(&new.key, &new.parent);
        let mounts = self.run(move |snapshots| snapshots.view(new)).await?;
        Ok(Response::new(api::ViewSnapshotResponse { mounts: all_to_proto(mounts) }))
    }

    async fn mounts(&self, request: Request<api::MountsRequest>) -> Answer<api::MountsResponse> {
        let key = named(request.into_inner().key);
        let mounts = self.run(move |snapshots| snapshots.mounts(&key)).await?;
        Ok(Response::new(api::MountsResponse { mounts: all_to_proto(mounts) }))
    }

    async fn commit(&self, request: Request<api::CommitSnapshotRequest>) -> Answer<()> {
        let parent = request.extensions().get::<CommitParent>().map(|found| found.parent.clone());
        let api::CommitSnapshotRequest { name, key, labels, .. } = request.into_inner();
        let parent = parent.unwrap_or_default();
        info!(key, name, parent, "commit");
        related(&key, &parent);
        trace::note(|| [KeyValue::new("cimsnap.snapshot.name", name.clone())]);
        let commit = CommitRequest { name, key, parent, labels: sorted(labels) };
        self.run(move |snapshots| snapshots.commit(&commit)).await?;
        self.afterwards.later();
        Ok(Response::new(()))
    }

    async fn remove(&self, request: Request<api::RemoveSnapshotRequest>) -> Answer<()> {
        let key = named(request.into_inner().key);
        info!(key, "remove");
        self.run(move |snapshots| snapshots.remove(&key)).await?;
        let snapshots = self.snapshots.clone();
        // Nobody has to wait until nothing is mounted that nobody sees.
        drop(tokio::task::spawn_blocking(move || {
            if let Err(error) = snapshots.tidy() {
                warn!("cannot take away what is mounted: {}", status::chain(&error));
            }
        }));
        Ok(Response::new(()))
    }

    async fn stat(&self, request: Request<api::StatSnapshotRequest>) -> Answer<api::StatSnapshotResponse> {
        let key = named(request.into_inner().key);
        let info = self.run(move |snapshots| snapshots.stat(&key)).await?;
        Ok(Response::new(api::StatSnapshotResponse { info: Some(info_to_proto(info)) }))
    }

    async fn update(
        &self,
        request: Request<api::UpdateSnapshotRequest>,
    ) -> Answer<api::UpdateSnapshotResponse> {
        let api::UpdateSnapshotRequest { info, update_mask, .. } = request.into_inner();
        // Nothing else of what is sent along can change, and its times need not be any.
        let api::Info { name, labels, .. } = info.unwrap_or_default();
        let name = named(name);
        let (labels, fields) = (sorted(labels), update_mask.unwrap_or_default().paths);
        let info = self.run(move |snapshots| snapshots.update(&name, &labels, &fields)).await?;
        Ok(Response::new(api::UpdateSnapshotResponse { info: Some(info_to_proto(info)) }))
    }

    async fn list(&self, request: Request<api::ListSnapshotsRequest>) -> Answer<Self::ListStream> {
        let filters = request.into_inner().filters;
        let infos = self.run(move |snapshots| snapshots.list(&filters)).await?;
        let mut infos = infos.into_iter().map(info_to_proto).peekable();
        let mut batches = Vec::new();
        while infos.peek().is_some() {
            let info = infos.by_ref().take(BATCH).collect();
            batches.push(Ok(api::ListSnapshotsResponse { info }));
        }
        Ok(Response::new(tokio_stream::iter(batches)))
    }

    async fn usage(&self, request: Request<api::UsageRequest>) -> Answer<api::UsageResponse> {
        let key = named(request.into_inner().key);
        let usage = self.run(move |snapshots| snapshots.usage(&key)).await?;
        let signed = |count| i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Response::new(api::UsageResponse { size: signed(usage.bytes), inodes: signed(usage.inodes) }))
    }

    async fn cleanup(&self, _: Request<api::CleanupRequest>) -> Answer<()> {
        self.run(Snapshots::cleanup).await.map(Response::new)
    }
}

/// Tells of a key.
fn named(key: String) -> String {
    trace::about(&key);
    key
}

/// Tells of a snapshot that has a parent, or none.
fn related(key: &str, parent: &str) {
    trace::about(key);
    trace::note(|| [KeyValue::new("cimsnap.snapshot.parent", parent.to_owned())]);
}

fn sorted(labels: HashMap<String, String>) -> BTreeMap<String, String> {
    labels.into_iter().collect()
}

fn all_to_proto(mounts: Vec<Mount>) -> Vec<types::Mount> {
    let to_proto = |mount| {
        let Mount { kind, source, options } = mount;
        types::Mount { r#type: kind, source, target: String::new(), options }
    };
    mounts.into_iter().map(to_proto).collect()
}

/// Takes mounts as containerd gives them back.
pub(super) fn all_from_proto(mounts: Vec<types::Mount>) -> Vec<Mount> {
    let from_proto = |mount| {
        let types::Mount { r#type: kind, source, options, .. } = mount;
        Mount { kind, source, options }
    };
    mounts.into_iter().map(from_proto).collect()
}

fn info_to_proto(info: Info) -> api::Info {
    let Info { name, parent, kind, created, updated, labels } = info;
    let kind = match kind {
        Kind::View => api::Kind::View,
        Kind::Active => api::Kind::Active,
        Kind::Committed => api::Kind::Committed,
    };
    api::Info {
        name,
        parent,
        kind: kind.into(),
        created_at: Some(time_to_proto(created)),
        updated_at: Some(time_to_proto(updated)),
        labels: labels.into_iter().collect(),
    }
}

fn time_to_proto(time: Timestamp) -> ProtoTimestamp {
    let (seconds, nanos) = time.parts();
    ProtoTimestamp { seconds, nanos }
}
