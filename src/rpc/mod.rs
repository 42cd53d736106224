//! What containerd speaks: gRPC on one side, our own types on the other, and nothing between that thinks.

#![expect(clippy::result_large_err, reason = "gRPC has one error, which is not ours to shrink")]

pub mod admin;
pub mod authority;
mod diff;
mod digests;
mod rebase;
mod snapshots;
mod status;

pub use diff::DiffService;
pub(crate) use digests::take_digests_later;
pub use rebase::WithRebase;
pub use snapshots::SnapshotService;

/// What is generated from `proto/`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    reason = "generated"
)]
pub(crate) mod proto {
    pub(crate) mod containerd {
        pub(crate) mod types {
            tonic::include_proto!("containerd.types");
        }
        pub(crate) mod services {
            pub(crate) mod diff {
                pub(crate) mod v1 {
                    tonic::include_proto!("containerd.services.diff.v1");
                }
            }
        }
    }
}

use tonic::Status;

/// Runs what blocks on a thread where it may. It runs to its end, also when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(Status::internal("the request broke off; the log says why")),
    }
}
