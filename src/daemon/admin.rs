//! Asking the daemon, or what it has left.

use std::sync::Arc;

use super::{Config, DaemonError};
use crate::mount::fuse::FuseMounter;
use crate::rpc::admin::{Admin, Client};
use crate::snapshot::{SnapshotOptions, Snapshots};
use crate::store::Root;

/// Finds whom to ask: the daemon while it runs, and otherwise what it has left.
pub fn admin(config: &Config) -> Result<Admin, DaemonError> {
    if let Some(client) = Client::connect(&config.grpc.address)? {
        return Ok(Admin::Daemon(client));
    }
    if !Root::is_store(&config.root) {
        return Err(DaemonError::NoStore { socket: config.grpc.address.clone(), root: config.root.clone() });
    }
    let options = SnapshotOptions { sync: config.sync, share: config.share };
    let mounter = Arc::new(FuseMounter::this_program()?);
    Ok(Admin::Store(Arc::new(Snapshots::open_as_it_is(&config.root, mounter, options)?)))
}
