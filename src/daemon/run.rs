//! The life of the daemon.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio_stream::StreamExt;
use tonic::transport::Server;
use tracing::{info, warn};

use super::admin::desk;
use super::ending::Ending;
use super::logging::Levels;
use super::pages::Pages;
use super::system::{Listener, READY, STOPPING, Signals, notify, restrict_umask};
use super::traces::Traces;
use super::{Caution, Config, DaemonError, WindowsBuild, database, logging};
use crate::differ::{Differ, DifferOptions, Peer};
use crate::metrics::Metrics;
use crate::mount::{LimitedMounter, Mounter, Patience, PatientMounter, SystemMounter};
use crate::rpc::admin::AdminService;
use crate::rpc::authority::LegalAuthority;
use crate::rpc::{DiffService, SnapshotService, Traced, WithRebase};
use crate::snapshot::{SnapshotOptions, Snapshots};
use crate::sys;
use crate::trace::Spans;

/// How long requests that fail may take to be answered before the daemon ends for the same reason.
const GRACE: Duration = Duration::from_millis(500);

/// Serves containerd until it is told to end, by SIGTERM or the service manager of Windows for example, and then until all
/// requests under way are answered, or that takes too long.
///
/// `path` is where the configuration was read from, to be read again on SIGHUP, or when the service manager says so.
pub fn run(config: &Config, path: Option<PathBuf>) -> Result<(), DaemonError> {
    // Before anything makes a file, and before there is another thread.
    restrict_umask();
    sys::keep_memory_small();
    let levels = logging::start(&config.log)?;
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DaemonError::Process { action: "start threads", source })?;
    let traces = Traces::start(&config.tracing);
    let ending = Ending::default();
    let served = runtime.block_on(serve(config, path, &levels, &traces, &ending));
    // Whatever is still at work can be cut off anywhere: every verb outlives a kill.
    match &served {
        Ok(()) => runtime.shutdown_timeout(config.grpc.drain()),
        Err(_) => runtime.shutdown_background(),
    }
    traces.end(ending.left(config.grpc.drain()));
    served
}

async fn serve(
    config: &Config,
    path: Option<PathBuf>,
    levels: &Levels,
    traces: &Traces,
    ending: &Ending,
) -> Result<(), DaemonError> {
    // Before anybody can connect: whoever does can have it end in order.
    let signals =
        Signals::new().map_err(|source| DaemonError::Process { action: "wait for signals", source })?;
    let decision = config.decide_engine()?;
    info!(engine = %decision.engine, reason = decision.reason, "writing images of Windows");
    let caution = caution();
    let mounter = mounter(config.mounts_at_once(caution))?;
    let Config { sync, share, expand_pe, .. } = *config;
    let options = SnapshotOptions { sync, share, expand_pe, ..SnapshotOptions::default() };
    let metrics = Arc::new(Metrics::default());
    let snapshots = Snapshots::open(&config.root, mounter, options)?
        .written_by(config.engines(&decision))
        .observed_by(Arc::new(Spans(metrics.clone())));
    let snapshots = Arc::new(snapshots);
    let broken = database::broken(&snapshots)?;
    let database_path = snapshots.store().root().database();
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let options = DifferOptions {
        containerd: config.containerd.address.clone(),
        content_root: Some(config.containerd.content_root.clone()),
        workers: config.conversions_at_once(cores, caution),
    };
    let differ = Arc::new(Differ::new(snapshots.clone(), options));

    let service = WithRebase::new(SnapshotService::new(
        snapshots.clone(),
        Peer::new(config.containerd.address.clone()),
    ));
    let (mut health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<WithRebase<SnapshotService>>().await;
    let listener = Listener::new(&config.grpc)?;
    let unusable = |source| DaemonError::Process { action: "use the socket", source };
    // Only clients of named pipes need that; on all systems, so that tests on one prove it for the other.
    let clients = listener.clients().map_err(unusable)?.map(|client| client.map(LegalAuthority::new));
    if let Some(address) = config.metrics.address {
        let (snapshots, differ) = (snapshots.clone(), differ.clone());
        Pages { metrics, snapshots, differ }.serve(address).await?;
    }
    let server = Server::builder()
        .add_service(Traced::new(service, traces.tracer()))
        .add_service(AdminService::server(desk(config, snapshots), differ.clone()))
        .add_service(Traced::new(DiffService::server(differ), traces.tracer()))
        .add_service(health_service)
        .serve_with_incoming_shutdown(clients, ended(signals, path, levels, ending));
    info!(address = %config.grpc.address.display(), root = %config.root.display(), "serving");
    tell(READY);
    tokio::select! {
        served = server => served?,
        () = ending.overdue(config.grpc.drain()) => warn!("ending with requests under way, or clients that stay"),
        Ok(reason) = answered(broken) => return Err(DaemonError::Database { path: database_path, reason }),
    }
    info!("ended");
    Ok(())
}

/// Waits for a value, and then until answers to requests that failed for the same reason have been sent.
async fn answered<T>(value: impl Future<Output = T>) -> T {
    let value = value.await;
    tokio::time::sleep(GRACE).await;
    value
}

/// Returns what this machine should not be asked to do, and says so.
fn caution() -> Option<Caution> {
    let caution = WindowsBuild::running().and_then(WindowsBuild::caution);
    if let Some(caution) = &caution {
        warn!("{caution}");
    }
    caution
}

fn mounter(most: Option<NonZeroUsize>) -> Result<Arc<dyn Mounter>, DaemonError> {
    let system = Arc::new(SystemMounter::this_program()?);
    // Innermost, so that what hangs is not counted among those that may mount at once.
    let mounter = Arc::new(PatientMounter::new(system, Patience::default()));
    Ok(match most {
        Some(most) => Arc::new(LimitedMounter::new(mounter, most)),
        None => mounter,
    })
}

/// What the daemon is told while it runs.
pub(super) enum Order {
    /// To end.
    End,
    /// To read its configuration again.
    Reload,
}

/// Waits until it is told to end, and says so. Meanwhile the log may change.
async fn ended(mut signals: Signals, path: Option<PathBuf>, levels: &Levels, ending: &Ending) {
    while let Order::Reload = signals.next().await {
        reload(path.as_deref(), levels);
    }
    info!("ending: no new requests");
    ending.begin();
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
        warn!("cannot tell {state}: {error}");
    }
}
