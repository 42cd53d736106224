//! Who containerd is.

use std::path::Path;

use super::{DifferError, connect};
use proto::Nothing;
use proto::version_client::VersionClient;

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    reason = "generated"
)]
mod proto {
    tonic::include_proto!("containerd.services.version.v1");
}

/// Asks containerd for its version.
pub(crate) async fn containerd_version(socket: &Path) -> Result<String, DifferError> {
    let unreachable = |source| DifferError::Unreachable { path: socket.to_owned(), source };
    let channel = connect(socket).await.map_err(unreachable)?;
    let answer = VersionClient::new(channel).version(Nothing {}).await;
    Ok(answer.map_err(DifferError::refused("tell its version"))?.into_inner().version)
}
