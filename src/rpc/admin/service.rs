//! The Admin service.

use std::sync::Arc;

use tokio_stream::Iter;
use tonic::{Request, Response, Status, async_trait};
use tracing::info;

use super::answers;
use super::message::admin_server::{Admin, AdminServer};
use super::message::{CollectRequest, Garbage, ListRequest, Snapshot};
use crate::rpc::{blocking, status};
use crate::snapshot::{SnapshotError, Snapshots};

/// Answers administrators.
#[derive(Clone, Debug)]
pub struct AdminService {
    snapshots: Arc<Snapshots>,
}

impl AdminService {
    /// Answers about these snapshots.
    pub(crate) fn server(snapshots: Arc<Snapshots>) -> AdminServer<Self> {
        AdminServer::new(Self { snapshots })
    }

    async fn run<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Snapshots) -> Result<T, SnapshotError> + Send + 'static,
    ) -> Result<T, Status> {
        let snapshots = self.snapshots.clone();
        blocking(move || answer(&snapshots).map_err(|error| status::of_snapshot(&error))).await
    }
}

#[async_trait]
impl Admin for AdminService {
    type ListStream = Iter<std::vec::IntoIter<Result<Snapshot, Status>>>;

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        let key = request.into_inner().key;
        let found = self.run(move |snapshots| match key.as_str() {
            "" => answers::snapshots(snapshots),
            key => Ok(vec![answers::snapshot(snapshots, key)?]),
        });
        let messages: Vec<_> = found.await?.into_iter().map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(messages)))
    }

    async fn collect(&self, request: Request<CollectRequest>) -> Result<Response<Garbage>, Status> {
        let dry_run = request.into_inner().dry_run;
        info!(dry_run, "collect");
        self.run(move |snapshots| answers::collect(snapshots, dry_run)).await.map(Response::new)
    }
}
