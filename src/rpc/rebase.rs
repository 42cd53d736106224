//! The parent of a commit.
//!
//! Since 2.2, containerd names the parent that a snapshot without one is to get when it is committed. The messages of
//! `containerd-snapshots` are older than that field and skip it, so it is read here, before they are.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use containerd_snapshots::api::snapshots::v1::snapshots_server::{Snapshots, SnapshotsServer};
use prost::Message;
use tonic::body::BoxBody;
use tonic::codegen::http::Request;
use tonic::codegen::{Body as _, BoxFuture, Service};
use tonic::server::NamedService;
use tonic::transport::Body;

/// Where commits are sent to.
const COMMIT: &str = "/containerd.services.snapshots.v1.Snapshots/Commit";

/// Largest message that containerd sends.
const MAX_MESSAGE: usize = 16 << 20;

/// What precedes a message on the wire: whether it is compressed, and its length in four bytes.
const FRAME: usize = 5;

/// The field of a commit that the generated message does not have.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct CommitParent {
    /// The parent that the snapshot is to get; empty to leave it as it is.
    #[prost(string, tag = "5")]
    pub(super) parent: String,
}

/// The Snapshots service, with the parents of commits among the extensions of their requests.
#[derive(Clone, Debug)]
pub struct WithRebase<T: Snapshots>(SnapshotsServer<T>);

impl<T: Snapshots> WithRebase<T> {
    /// Serves these snapshots.
    pub fn new(snapshots: T) -> Self {
        Self(SnapshotsServer::new(snapshots).max_decoding_message_size(MAX_MESSAGE))
    }
}

impl<T: Snapshots> NamedService for WithRebase<T> {
    const NAME: &'static str = SnapshotsServer::<T>::NAME;
}

impl<T: Snapshots> Service<Request<Body>> for WithRebase<T> {
    type Response = tonic::codegen::http::Response<BoxBody>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<Body>>::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path() != COMMIT {
            return self.0.call(request);
        }
        let mut inner = self.0.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let message = collect(body).await;
            if let Some(parent) = parent_of(&message) {
                parts.extensions.insert(parent);
            }
            inner.call(Request::from_parts(parts, Body::from(message))).await
        })
    }
}

/// Reads a body as far as it may be long. What is cut off there is refused as a broken message further on.
async fn collect(mut body: Body) -> Vec<u8> {
    let mut collected = Vec::new();
    while let Some(Ok(piece)) = poll_fn(|context| Pin::new(&mut body).poll_data(context)).await {
        collected.extend_from_slice(&piece);
        if collected.len() > MAX_MESSAGE + FRAME {
            collected.truncate(MAX_MESSAGE + FRAME);
            break;
        }
    }
    collected
}

/// Reads the parent from an uncompressed message. A message that cannot be read is refused by who reads the rest of it.
fn parent_of(framed: &[u8]) -> Option<CommitParent> {
    let (frame, message) = framed.split_at_checked(FRAME)?;
    if frame.first() != Some(&0) {
        return None;
    }
    CommitParent::decode(message).ok()
}

#[cfg(test)]
mod tests {
    use containerd_snapshots::api::snapshots::v1::CommitSnapshotRequest;

    use super::*;

    fn framed(message: &[u8]) -> Vec<u8> {
        let len = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &len[..], message].concat()
    }

    #[test]
    fn the_parent_is_found_among_the_other_fields() {
        let rest = CommitSnapshotRequest { name: "n".into(), key: "k".into(), ..Default::default() };
        let parent = CommitParent { parent: "p".into() };
        let message = [rest.encode_to_vec(), parent.encode_to_vec()].concat();
        assert_eq!(parent_of(&framed(&message)), Some(parent));
        assert_eq!(CommitSnapshotRequest::decode(message.as_slice()).unwrap(), rest);
        let none = parent_of(&framed(&rest.encode_to_vec()));
        assert_eq!(none.unwrap().parent, "");
    }

    #[test]
    fn broken_messages_have_no_parent() {
        for broken in [&[][..], &[0, 0, 0], &[1, 0, 0, 0, 0, 42], &[0, 0, 0, 0, 2, 42, 9]] {
            assert_eq!(parent_of(broken), None, "{broken:?}");
        }
    }
}
