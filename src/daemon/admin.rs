//! Asking the daemon, or what it has left.

use std::sync::Arc;

use super::system::restrict_umask;
use super::{Config, Containerd, DaemonError};
use crate::engine::Engines;
use crate::mount::{Patience, PatientMounter, SystemMounter};
use crate::rpc::admin::{Admin, Client, Desk};
use crate::snapshot::{SnapshotOptions, Snapshots};
use crate::store::Root;

/// Finds whom to ask: the daemon while it runs, and otherwise what it has left.
pub fn admin(config: &Config) -> Result<Admin, DaemonError> {
    if let Some(client) = Client::connect(&config.grpc.address, config.grpc.uid)? {
        return Ok(Admin::Daemon(Box::new(client)));
    }
    // A repair makes files in the root.
    restrict_umask();
    if !Root::is_store(&config.root) {
        return Err(DaemonError::NoStore { socket: config.grpc.address.clone(), root: config.root.clone() });
    }
    let Config { sync, share, expand_pe, .. } = *config;
    let options = SnapshotOptions { sync, share, expand_pe, ..SnapshotOptions::default() };
    let system = Arc::new(SystemMounter::this_program()?);
    let mounter = Arc::new(PatientMounter::new(system, Patience::default()));
    // Only a repair writes images.
    let engines = config.decide_engine().map_or(Engines::PORTABLE, |decision| config.engines(&decision));
    let snapshots = Snapshots::open_as_it_is(&config.root, mounter, options)?.written_by(engines);
    Ok(Admin::Store(desk(config, Arc::new(snapshots))))
}

/// Answers about snapshots.
pub(super) fn desk(config: &Config, snapshots: Arc<Snapshots>) -> Desk {
    let Containerd { address, content_root } = config.containerd.clone();
    Desk::new(snapshots, address, content_root)
}
