//! The life of the daemon.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tracing::{error, info, warn};

use super::admin::desk;
use super::logging::Levels;
use super::notify::{READY, STOPPING, notify};
use super::{Config, DaemonError, listen, logging};
use crate::differ::{Differ, DifferOptions};
use crate::engine::Decision;
use crate::mount::fuse::FuseMounter;
use crate::rpc::admin::AdminService;
use crate::rpc::{DiffService, SnapshotService, WithRebase, take_digests_later};
use crate::snapshot::{SnapshotOptions, Snapshots};
use crate::sys;

/// Serves containerd until SIGTERM or SIGINT, and then until all requests under way are answered, or that takes too long.
///
/// `path` is where the configuration was read from, to be read again on SIGHUP.
pub fn run(config: &Config, path: Option<PathBuf>) -> Result<(), DaemonError> {
    sys::keep_memory_small();
    let levels = logging::start(&config.log)?;
    // Whatever a mount shows has the modes that the image says, whoever started us.
    rustix::process::umask(rustix::fs::Mode::empty());
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DaemonError::Process { action: "start threads", source })?;
    let served = runtime.block_on(serve(config, path, &levels));
    // Whatever is still at work can be cut off anywhere: every verb outlives a kill.
    runtime.shutdown_timeout(config.grpc.drain());
    served
}

async fn serve(config: &Config, path: Option<PathBuf>, levels: &Levels) -> Result<(), DaemonError> {
    let Decision { engine, reason } = config.decide_engine()?;
    info!(%engine, reason, "writing images");
    let mounter = Arc::new(FuseMounter::this_program()?);
    let options = SnapshotOptions { sync: config.sync, share: config.share };
    let snapshots = Arc::new(Snapshots::open(&config.root, mounter, options)?);
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let options = DifferOptions {
        containerd: config.containerd.address.clone(),
        content_root: Some(config.containerd.content_root.clone()),
        workers: config.workers.unwrap_or(cores),
    };
    let differ = Arc::new(Differ::new(snapshots.clone(), options));
    // What was committed right before the last end has none yet.
    take_digests_later(snapshots.clone());

    let service = WithRebase::new(SnapshotService::new(snapshots.clone()));
    let (mut health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<WithRebase<SnapshotService>>().await;
    let socket = listen::listen(&config.grpc)?;
    let passed = |source| DaemonError::Process { action: "use the socket", source };
    let listener = socket.listener.try_clone().and_then(UnixListener::from_std).map_err(passed)?;
    let ending = Notify::new();
    let server = Server::builder()
        .add_service(service)
        .add_service(DiffService::server(differ))
        .add_service(AdminService::server(desk(config, snapshots)))
        .add_service(health_service)
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), ended(path, levels, &ending));
    info!(address = %config.grpc.address.display(), root = %config.root.display(), "serving");
    tell(READY);
    tokio::select! {
        served = server => served?,
        () = overdue(&ending, config.grpc.drain()) => warn!("ending with requests under way, or clients that stay"),
    }
    info!("ended");
    Ok(())
}

/// Waits until the end takes too long.
async fn overdue(ending: &Notify, drain: Duration) {
    ending.notified().await;
    tokio::time::sleep(drain).await;
}

/// Waits for the signal to end, and says that it came. Meanwhile SIGHUP changes the log.
async fn ended(path: Option<PathBuf>, levels: &Levels, ending: &Notify) {
    let signals = || -> io::Result<[Signal; 3]> {
        Ok([
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ])
    };
    let [mut terminate, mut interrupt, mut hangup] = match signals() {
        Ok(signals) => signals,
        Err(error) => {
            error!("cannot wait for signals: {error}");
            return;
        }
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => reload(path.as_deref(), levels),
        }
    }
    info!("ending: no new requests");
    ending.notify_one();
    tell(STOPPING);
}

fn reload(path: Option<&Path>, levels: &Levels) {
    let changed = Config::load(path).map_err(DaemonError::from).and_then(|config| {
        levels.change(&config.log)?;
        Ok(config.log.level)
    });
    match changed {
        Ok(level) => info!(level, "read the configuration again"),
        Err(error) => warn!("cannot read the configuration again: {error}"),
    }
}

fn tell(state: &str) {
    if let Err(error) = notify(state) {
        warn!("cannot tell systemd {state}: {error}");
    }
}
