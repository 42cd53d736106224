//! What containerd speaks: gRPC on one side, our own types on the other, and nothing between that thinks.

#![expect(clippy::result_large_err, reason = "gRPC has one error, which is not ours to shrink")]

pub mod admin;
mod afterwards;
pub mod authority;
mod diff;
mod rebase;
mod snapshots;
mod status;
mod traced;

pub use diff::DiffService;
pub use rebase::WithRebase;
pub use snapshots::SnapshotService;
pub use traced::Traced;

use tonic::Status;

use crate::trace;

/// Runs what blocks on a thread where it may. It runs to its end, also when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(trace::carried(work)).await {
        Ok(result) => result,
        Err(_) => Err(Status::internal("the request broke off; the log says why")),
    }
}
