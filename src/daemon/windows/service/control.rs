//! What administrators do with the service.

use std::env;
use std::ffi::OsString;
use std::path::{self, Path};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceFailureActions,
    ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::NAME;
use super::error::{ServiceError, reason};
use crate::daemon::Config;
use crate::sys;

/// After how many seconds the service is started again: the first time it fails, the second, and from then on.
const RESTARTS: [u64; 3] = [5, 30, 60];

/// After which time without a failure the next one is the first again.
const FORGIVEN: Duration = Duration::from_secs(24 * 60 * 60);

/// What the system is to wait beyond what the daemon gives requests under way.
const BEYOND_DRAIN: Duration = Duration::from_secs(10);

/// How long a service may say nothing while it starts or stops.
const SILENCE: Duration = Duration::from_secs(60);

/// ERROR_INVALID_LEVEL
const NOT_KNOWN: i32 = 124;

/// How the service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// What it does.
    pub state: &'static str,
    /// The process, while it runs.
    pub process: Option<u32>,
    /// What is started.
    pub command: String,
    /// After how many seconds it is started again when it fails.
    pub restarts: Vec<u64>,
}

impl Status {
    /// Returns whether it runs.
    pub fn is_running(&self) -> bool {
        self.state == name_of(ServiceState::Running)
    }
}

/// Installs the service, to be started with the system. Returns what this system's service manager knows nothing of.
pub fn install(config: Option<&Path>) -> Result<Vec<&'static str>, ServiceError> {
    let drain = Config::load(config)?.grpc.drain();
    let info = info(config).map_err(|source| ServiceError::Manager { action: "install", source })?;
    let service = manager(ServiceManagerAccess::CREATE_SERVICE)?
        .create_service(&info, ServiceAccess::all())
        .map_err(ServiceError::manager("install"))?;
    let add = |source| ServiceError::Events { action: "add", source };
    let installed = settle(&service, drain).and_then(|unknown| {
        sys::add_event_source(NAME).map_err(add)?;
        Ok(unknown)
    });
    if installed.is_err() {
        // What was asked for is all of it or nothing.
        drop(service.delete());
    }
    installed
}

fn info(config: Option<&Path>) -> std::io::Result<ServiceInfo> {
    let mut launch_arguments: Vec<OsString> = vec!["service".into(), "run".into()];
    if let Some(config) = config {
        launch_arguments.extend(["--config".into(), path::absolute(config)?.into()]);
    }
    Ok(ServiceInfo {
        name: NAME.into(),
        display_name: NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: env::current_exe()?,
        launch_arguments,
        dependencies: Vec::new(),
        // LocalSystem
        account_name: None,
        account_password: None,
    })
}

/// Sets what cannot be said when a service is made.
fn settle(service: &Service, drain: Duration) -> Result<Vec<&'static str>, ServiceError> {
    let about = "Turns layers of container images into CIM images for containerd.";
    // The daemon waits once for requests, and once for what is still at work then.
    let end = drain.saturating_mul(2).saturating_add(BEYOND_DRAIN);
    let steps = [
        ("descriptions", service.set_description(about)),
        ("a delayed start", service.set_delayed_auto_start(true)),
        ("a time to end before the system does", service.set_preshutdown_timeout(end)),
        ("restarts", service.update_failure_actions(recovery())),
        (
            "restarts of services that end by themselves",
            service.set_failure_actions_on_non_crash_failures(true),
        ),
    ];
    let mut unknown = Vec::new();
    for (what, set) in steps {
        match set.map_err(reason) {
            Err(error) if error.raw_os_error() == Some(NOT_KNOWN) => unknown.push(what),
            set => set.map_err(|source| ServiceError::Manager { action: "configure", source })?,
        }
    }
    Ok(unknown)
}

fn recovery() -> ServiceFailureActions {
    let restart = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGIVEN),
        reboot_msg: None,
        command: None,
        actions: Some(RESTARTS.map(restart).into()),
    }
}

/// Stops the service and takes it away.
pub fn uninstall() -> Result<(), ServiceError> {
    let service = open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS | ServiceAccess::DELETE)?;
    end(&service)?;
    service.delete().map_err(ServiceError::manager("uninstall"))?;
    sys::remove_event_source(NAME).map_err(|source| ServiceError::Events { action: "remove", source })
}

/// Starts the service, and waits until it serves.
pub fn start() -> Result<(), ServiceError> {
    let service = open(ServiceAccess::START | ServiceAccess::QUERY_STATUS)?;
    if state(&service)?.current_state == ServiceState::Running {
        return Ok(());
    }
    service.start::<&str>(&[]).map_err(ServiceError::manager("start"))?;
    match wait(&service, ServiceState::StartPending, "start")? {
        ServiceState::Running => Ok(()),
        _ => Err(ServiceError::Ended),
    }
}

/// Stops the service, and waits until it has ended.
pub fn stop() -> Result<(), ServiceError> {
    end(&open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?)
}

fn end(service: &Service) -> Result<(), ServiceError> {
    match state(service)?.current_state {
        ServiceState::Stopped => return Ok(()),
        ServiceState::StopPending => {}
        _ => drop(service.stop().map_err(ServiceError::manager("stop"))?),
    }
    wait(service, ServiceState::StopPending, "stop").map(drop)
}

/// Returns how the service is.
pub fn status() -> Result<Status, ServiceError> {
    let service = open(ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG)?;
    let read = ServiceError::manager("look at");
    let config = service.query_config().map_err(&read)?;
    let now = state(&service)?;
    Ok(Status {
        state: name_of(now.current_state),
        process: now.process_id,
        command: config.executable_path.display().to_string(),
        restarts: restarts(&service)?,
    })
}

fn restarts(service: &Service) -> Result<Vec<u64>, ServiceError> {
    let actions = match service.get_failure_actions().map_err(reason) {
        Ok(found) => found.actions.unwrap_or_default(),
        Err(error) if error.raw_os_error() == Some(NOT_KNOWN) => Vec::new(),
        Err(source) => return Err(ServiceError::Manager { action: "look at", source }),
    };
    let restarts = actions.into_iter().filter(|action| action.action_type == ServiceActionType::Restart);
    Ok(restarts.map(|action| action.delay.as_secs()).collect())
}

/// Waits for as long as something is under way and goes on.
fn wait(
    service: &Service,
    pending: ServiceState,
    action: &'static str,
) -> Result<ServiceState, ServiceError> {
    let mut since = Instant::now();
    let mut last = 0;
    loop {
        let now = state(service)?;
        if now.current_state != pending {
            return Ok(now.current_state);
        }
        if now.checkpoint != last {
            (last, since) = (now.checkpoint, Instant::now());
        } else if since.elapsed() > SILENCE {
            return Err(ServiceError::Stuck { action, within: SILENCE });
        }
        // The service manager tells nobody who asks like this.
        thread::sleep(Duration::from_millis(100));
    }
}

fn state(service: &Service) -> Result<ServiceStatus, ServiceError> {
    service.query_status().map_err(ServiceError::manager("look at"))
}

fn name_of(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        ServiceState::Running => "running",
        ServiceState::ContinuePending | ServiceState::PausePending | ServiceState::Paused => "paused",
    }
}

fn open(access: ServiceAccess) -> Result<Service, ServiceError> {
    let opened = manager(ServiceManagerAccess::CONNECT)?.open_service(NAME, access);
    opened.map_err(ServiceError::manager("open"))
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, ServiceError> {
    let access = access | ServiceManagerAccess::CONNECT;
    ServiceManager::local_computer(None::<&str>, access)
        .map_err(ServiceError::manager("reach the manager of"))
}
