//! What containerd says to the daemon.

use std::collections::HashMap;
use std::path::Path;

use containerd_snapshots::api::snapshots::v1::snapshots_client::SnapshotsClient;
use containerd_snapshots::api::snapshots::v1::{
    CleanupRequest, CommitSnapshotRequest, Info, ListSnapshotsRequest, PrepareSnapshotRequest,
    RemoveSnapshotRequest, StatSnapshotRequest,
};
use containerd_snapshots::api::types::Mount;
use tokio::net::UnixStream;
use tonic::client::Grpc;
use tonic::codec::ProstCodec;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Request, Status};

/// A connection to a daemon.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) snapshots: SnapshotsClient<Channel>,
    channel: Channel,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Descriptor {
    #[prost(string, tag = "1")]
    pub(super) media_type: String,
    #[prost(string, tag = "2")]
    pub(super) digest: String,
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Apply {
    #[prost(message, optional, tag = "1")]
    diff: Option<Descriptor>,
    #[prost(message, repeated, tag = "2")]
    mounts: Vec<Mount>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Applied {
    #[prost(message, optional, tag = "1")]
    applied: Option<Descriptor>,
}

impl Client {
    pub(super) async fn connect(socket: &Path) -> Self {
        let socket = socket.to_owned();
        let connector = Connector(move |_: Uri| UnixStream::connect(socket.clone()));
        let channel =
            Endpoint::from_static("http://cimsnap").connect_with_connector(connector).await.unwrap();
        let snapshots = SnapshotsClient::new(channel.clone());
        Self { snapshots, channel }
    }

    pub(super) async fn prepare(&mut self, key: &str, parent: &str) -> Result<Vec<Mount>, Status> {
        let (key, parent) = (key.to_owned(), parent.to_owned());
        let request = PrepareSnapshotRequest { key, parent, ..PrepareSnapshotRequest::default() };
        Ok(self.snapshots.prepare(request).await?.into_inner().mounts)
    }

    pub(super) async fn labelled(
        &mut self,
        key: &str,
        labels: HashMap<String, String>,
    ) -> Result<(), Status> {
        let request =
            PrepareSnapshotRequest { key: key.to_owned(), labels, ..PrepareSnapshotRequest::default() };
        self.snapshots.prepare(request).await.map(drop)
    }

    pub(super) async fn commit(&mut self, key: &str, name: &str) -> Result<(), Status> {
        let (key, name) = (key.to_owned(), name.to_owned());
        let request = CommitSnapshotRequest { key, name, ..CommitSnapshotRequest::default() };
        self.snapshots.commit(request).await.map(drop)
    }

    pub(super) async fn remove(&mut self, key: &str) -> Result<(), Status> {
        let request = RemoveSnapshotRequest { key: key.to_owned(), ..RemoveSnapshotRequest::default() };
        self.snapshots.remove(request).await.map(drop)
    }

    pub(super) async fn cleanup(&mut self) -> Result<(), Status> {
        self.snapshots.cleanup(CleanupRequest::default()).await.map(drop)
    }

    pub(super) async fn stat(&mut self, key: &str) -> Result<Info, Status> {
        let request = StatSnapshotRequest { key: key.to_owned(), ..StatSnapshotRequest::default() };
        Ok(self.snapshots.stat(request).await?.into_inner().info.unwrap())
    }

    /// Returns all snapshots, and of how many messages the list was.
    pub(super) async fn list(&mut self) -> (Vec<Info>, usize) {
        let mut stream = self.snapshots.list(ListSnapshotsRequest::default()).await.unwrap().into_inner();
        let (mut infos, mut messages) = (Vec::new(), 0);
        while let Some(message) = stream.message().await.unwrap() {
            infos.extend(message.info);
            messages += 1;
        }
        (infos, messages)
    }

    pub(super) async fn apply(
        &self,
        diff: Option<Descriptor>,
        mounts: Vec<Mount>,
    ) -> Result<Descriptor, Status> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| Status::new(Code::Unavailable, error.to_string()))?;
        let path = PathAndQuery::from_static("/containerd.services.diff.v1.Diff/Apply");
        let codec = ProstCodec::<Apply, Applied>::default();
        let answer = grpc.unary(Request::new(Apply { diff, mounts }), path, codec).await?;
        Ok(answer.into_inner().applied.unwrap())
    }
}

/// Connects as a function says.
struct Connector<F>(F);

impl<F, R> tonic::codegen::Service<Uri> for Connector<F>
where
    F: FnMut(Uri) -> R,
    R: Future<Output = std::io::Result<UnixStream>> + Send + 'static,
{
    type Response = UnixStream;
    type Error = std::io::Error;
    type Future = R;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, address: Uri) -> R {
        (self.0)(address)
    }
}
