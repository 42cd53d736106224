//! The content store of containerd.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use tokio::sync::OnceCell;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};

use super::blob::Received;
use super::connect::connect;
use super::{Descriptor, DifferError, Namespace};
use crate::layer::digest::Digest;
use crate::proto::containerd::services::content::v1::ReadContentRequest;
use crate::proto::containerd::services::content::v1::content_client::ContentClient;
use crate::proto::containerd::services::namespaces::v1::ListNamespacesRequest;
use crate::proto::containerd::services::namespaces::v1::namespaces_client::NamespacesClient;

/// Largest message of the store: its answers have up to a mebibyte of data.
const MAX_MESSAGE: usize = 4 << 20;

/// What containerd may refuse.
const READ: &str = "read the blob";

/// The content store of containerd: its files where they can be read, else its service.
#[derive(Debug)]
pub struct Content {
    socket: PathBuf,
    root: Option<PathBuf>,
    channel: OnceCell<Channel>,
}

impl Content {
    pub(super) fn new(socket: PathBuf, root: Option<PathBuf>) -> Self {
        Self { socket, root, channel: OnceCell::new() }
    }

    /// Opens a blob.
    pub(super) async fn open(
        &self,
        namespace: &Namespace,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, DifferError> {
        if let Some(file) = self.file(blob) {
            return Ok(Box::new(file));
        }
        let received = self.receive(namespace, &blob.digest).await;
        Ok(Box::new(received?.map_err(DifferError::refused(READ))?))
    }

    /// Opens a blob, whatever namespace has it, and however long it is; `None` if it is gone.
    pub(super) async fn find(&self, blob: &Digest) -> Result<Option<Box<dyn Read + Send>>, DifferError> {
        if let Some(file) = self.path(blob).and_then(|path| File::open(path).ok()) {
            return Ok(Some(Box::new(file)));
        }
        let mut client = NamespacesClient::new(self.channel().await?);
        let answer = client.list(ListNamespacesRequest {}).await;
        let namespaces = answer.map_err(DifferError::refused("list its namespaces"))?.into_inner().namespaces;
        for found in namespaces {
            let namespace = Namespace { name: Some(found.name), lease: None };
            match self.receive(&namespace, &blob.to_string()).await? {
                Ok(received) => return Ok(Some(Box::new(received))),
                Err(status) if status.code() == tonic::Code::NotFound => {}
                Err(status) => return Err(DifferError::refused(READ)(status)),
            }
        }
        Ok(None)
    }

    async fn receive(
        &self,
        namespace: &Namespace,
        digest: &str,
    ) -> Result<Result<Received, Status>, DifferError> {
        let request = ReadContentRequest { digest: digest.to_owned(), offset: 0, size: 0 };
        let answer = self.client().await?.read(with_namespace(request, namespace)).await;
        Ok(answer.map(|stream| Received::new(stream.into_inner())))
    }

    /// Opens the file of a blob, if it is there and as long as it should be.
    fn file(&self, blob: &Descriptor) -> Option<File> {
        let file = File::open(self.path(&blob.digest.parse().ok()?)?).ok()?;
        (file.metadata().ok()?.len() == blob.size).then_some(file)
    }

    fn path(&self, blob: &Digest) -> Option<PathBuf> {
        Some(self.root.as_ref()?.join("blobs/sha256").join(blob.hex()))
    }

    pub(super) async fn client(&self) -> Result<ContentClient<Channel>, DifferError> {
        let client = ContentClient::new(self.channel().await?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    pub(super) async fn channel(&self) -> Result<Channel, DifferError> {
        let unreachable = |source| DifferError::Unreachable { path: self.socket.clone(), source };
        self.channel.get_or_try_init(|| connect(&self.socket)).await.cloned().map_err(unreachable)
    }
}

/// Sends a request on behalf of a namespace.
pub(super) fn with_namespace<T>(message: T, namespace: &Namespace) -> Request<T> {
    let mut request = Request::new(message);
    let headers = [("containerd-namespace", &namespace.name), ("containerd-lease", &namespace.lease)];
    for (name, value) in headers {
        let value = value.as_ref().and_then(|value| MetadataValue::try_from(value).ok());
        if let Some(value) = value {
            request.metadata_mut().insert(name, value);
        }
    }
    request
}

/// Returns whether a request failed because what it was to make is there.
pub(super) fn is_there(status: &Status) -> bool {
    status.code() == tonic::Code::AlreadyExists
}
