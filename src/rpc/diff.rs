//! The Diff service.

use std::sync::Arc;

use opentelemetry::KeyValue;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, async_trait};
use tracing::info;

use super::snapshots::all_from_proto;
use super::status;
use crate::differ::{ApplyRequest, CompareRequest, Descriptor, Differ, Namespace};
use crate::proto::containerd::services::diff::v1 as api;
use crate::proto::containerd::types::Descriptor as ProtoDescriptor;
use crate::trace;

pub(crate) use api::diff_server::DiffServer;

/// Serves the differ to containerd.
#[derive(Clone, Debug)]
pub struct DiffService {
    differ: Arc<Differ>,
}

impl DiffService {
    /// Serves this differ.
    pub fn server(differ: Arc<Differ>) -> DiffServer<Self> {
        DiffServer::new(Self { differ }).max_decoding_message_size(16 << 20)
    }
}

#[async_trait]
impl api::diff_server::Diff for DiffService {
    async fn apply(
        &self,
        request: Request<api::ApplyRequest>,
    ) -> Result<Response<api::ApplyResponse>, Status> {
        let namespace = Namespace::of(request.metadata());
        let api::ApplyRequest { diff, mounts, .. } = request.into_inner();
        let diff = diff.ok_or_else(|| Status::invalid_argument("there is no descriptor to apply"))?;
        let descriptor = from_proto(diff)?;
        info!(digest = descriptor.digest, size = descriptor.size, "apply");
        trace::note(|| described(&descriptor));
        let request = ApplyRequest { namespace, descriptor, mounts: all_from_proto(mounts) };
        let applied = self.differ.apply(request).await.map_err(|error| status::of_differ(&error))?;
        Ok(Response::new(api::ApplyResponse { applied: Some(to_proto(applied)) }))
    }

    async fn diff(&self, request: Request<api::DiffRequest>) -> Result<Response<api::DiffResponse>, Status> {
        let namespace = Namespace::of(request.metadata());
        let api::DiffRequest { left, right, media_type, r#ref, labels, source_date_epoch } =
            request.into_inner();
        info!(media_type, "diff");
        trace::note(|| [KeyValue::new("cimsnap.blob.media_type", media_type.clone())]);
        let request = CompareRequest {
            namespace,
            left: all_from_proto(left),
            right: all_from_proto(right),
            media_type,
            reference: r#ref,
            labels: labels.into_iter().collect(),
            latest_time: source_date_epoch.map(nanos),
        };
        let made = self.differ.compare(request).await.map_err(|error| status::of_differ(&error))?;
        trace::note(|| described(&made));
        Ok(Response::new(api::DiffResponse { diff: Some(to_proto(made)) }))
    }
}

/// Returns nanoseconds since 1970.
fn nanos(time: api::Timestamp) -> i128 {
    i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos)
}

impl Namespace {
    /// Reads the headers that containerd sends with each request.
    pub(super) fn of(headers: &MetadataMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { name: text("containerd-namespace"), lease: text("containerd-lease") }
    }
}

/// What a span says of a blob.
fn described(blob: &Descriptor) -> [KeyValue; 3] {
    [
        KeyValue::new("cimsnap.blob.digest", blob.digest.clone()),
        KeyValue::new("cimsnap.blob.media_type", blob.media_type.clone()),
        KeyValue::new("cimsnap.blob.size", i64::try_from(blob.size).unwrap_or(i64::MAX)),
    ]
}

fn from_proto(descriptor: ProtoDescriptor) -> Result<Descriptor, Status> {
    let ProtoDescriptor { media_type, digest, size, .. } = descriptor;
    let size = u64::try_from(size).map_err(|_| Status::invalid_argument("the size is negative"))?;
    Ok(Descriptor { media_type, digest, size })
}

fn to_proto(descriptor: Descriptor) -> ProtoDescriptor {
    let Descriptor { media_type, digest, size } = descriptor;
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    ProtoDescriptor { media_type, digest, size, annotations: Default::default() }
}
