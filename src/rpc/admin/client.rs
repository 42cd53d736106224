//! Asking a daemon that runs.

use std::fmt;
use std::path::Path;

use tokio::runtime::{Builder, Runtime};
use tonic::Status;
use tonic::transport::Channel;

use super::AdminError;
use crate::differ::{connect, is_served};
use crate::proto::cimsnap::v1::admin_client::AdminClient;
use crate::proto::cimsnap::v1::{
    CheckRequest, CollectRequest, Garbage, ListRequest, Report, Snapshot, WatchRequest, Work,
};
use crate::snapshot::fsck::FsckOptions;
use crate::sys;

/// Largest answer: a report may have much to say.
const MAX_MESSAGE: usize = 64 << 20;

/// Asks a daemon, and waits for its answers.
pub struct Client {
    runtime: Runtime,
    admin: AdminClient<Channel>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// Connects to a daemon; `None` if nothing listens on the socket. A socket that another user than root, the calling one
    /// and `owner` has put there is refused.
    pub fn connect(socket: &Path, owner: u32) -> Result<Option<Self>, AdminError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| AdminError::Unreachable {
            path: socket.to_owned(),
            source,
        };
        match sys::require_trusted_socket(socket, owner) {
            Err(error) if error.is_not_found() => return Ok(None),
            checked => checked.map_err(|error| failed(error.into()))?,
        }
        if !is_served(socket).map_err(|error| failed(error.into()))? {
            return Ok(None);
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.into()))?;
        let channel = runtime.block_on(connect(socket)).map_err(|error| failed(error.into()))?;
        let admin = AdminClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        Ok(Some(Self { runtime, admin }))
    }

    pub(super) fn snapshot(&self, key: &str) -> Result<Snapshot, AdminError> {
        let found = self.list(key)?.into_iter().next();
        found.ok_or_else(|| Status::not_found(format!("snapshot {key:?} does not exist")).into())
    }

    pub(super) fn snapshots(&self) -> Result<Vec<Snapshot>, AdminError> {
        self.list("")
    }

    fn list(&self, key: &str) -> Result<Vec<Snapshot>, AdminError> {
        let mut admin = self.admin.clone();
        self.runtime.block_on(async {
            let mut stream = admin.list(ListRequest { key: key.to_owned() }).await?.into_inner();
            let mut all = Vec::new();
            while let Some(snapshot) = stream.message().await? {
                all.push(snapshot);
            }
            Ok(all)
        })
    }

    pub(super) fn collect(&self, dry_run: bool) -> Result<Garbage, AdminError> {
        let mut admin = self.admin.clone();
        Ok(self.runtime.block_on(admin.collect(CollectRequest { dry_run }))?.into_inner())
    }

    pub(super) fn work(&self) -> Result<Vec<Work>, AdminError> {
        let mut admin = self.admin.clone();
        Ok(self.runtime.block_on(admin.watch(WatchRequest {}))?.into_inner().work)
    }

    pub(super) fn check(&self, options: FsckOptions) -> Result<Report, AdminError> {
        let FsckOptions { deep, repair } = options;
        let mut admin = self.admin.clone();
        Ok(self.runtime.block_on(admin.check(CheckRequest { deep, repair }))?.into_inner())
    }
}
