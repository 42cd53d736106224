//! The Admin service.

use std::sync::Arc;

use tokio_stream::Iter;
use tonic::{Request, Response, Status, async_trait};
use tracing::info;

use super::Desk;
use crate::differ::{self, Differ};
use crate::proto::cimsnap::v1::admin_server::{Admin, AdminServer};
use crate::proto::cimsnap::v1::{
    Bench, CheckRequest, CollectRequest, Garbage, ListRequest, Report, Snapshot, WatchRequest, Work,
};
use crate::rpc::{blocking, status};
use crate::snapshot::SnapshotError;
use crate::snapshot::fsck::FsckOptions;

/// Answers administrators.
#[derive(Clone, Debug)]
pub struct AdminService {
    desk: Desk,
    differ: Arc<Differ>,
}

impl AdminService {
    /// Gives the answers of a desk, and tells what a differ works on.
    pub(crate) fn server(desk: Desk, differ: Arc<Differ>) -> AdminServer<Self> {
        AdminServer::new(Self { desk, differ })
    }

    async fn run<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Desk) -> Result<T, SnapshotError> + Send + 'static,
    ) -> Result<T, Status> {
        let desk = self.desk.clone();
        blocking(move || answer(&desk).map_err(|error| status::of_snapshot(&error))).await
    }
}

#[async_trait]
impl Admin for AdminService {
    type ListStream = Iter<std::vec::IntoIter<Result<Snapshot, Status>>>;

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<Self::ListStream>, Status> {
        let key = request.into_inner().key;
        let found = self.run(move |desk| match key.as_str() {
            "" => desk.all(),
            key => Ok(vec![desk.snapshot(key)?]),
        });
        let messages: Vec<_> = found.await?.into_iter().map(Ok).collect();
        Ok(Response::new(tokio_stream::iter(messages)))
    }

    async fn collect(&self, request: Request<CollectRequest>) -> Result<Response<Garbage>, Status> {
        let dry_run = request.into_inner().dry_run;
        info!(dry_run, "collect");
        self.run(move |desk| desk.collect(dry_run)).await.map(Response::new)
    }

    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<Report>, Status> {
        let CheckRequest { deep, repair } = request.into_inner();
        info!(deep, repair, "check");
        self.run(move |desk| desk.check(FsckOptions { deep, repair })).await.map(Response::new)
    }

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Bench>, Status> {
        Ok(Response::new(Bench { work: self.differ.work().into_iter().map(describe).collect() }))
    }
}

fn describe(work: differ::Work) -> Work {
    Work {
        id: work.id,
        snapshot: work.key,
        blob: work.digest.to_string(),
        size: work.size,
        read: work.read,
        waits: work.waits,
        micros: u64::try_from(work.since.as_micros()).unwrap_or(u64::MAX),
    }
}
