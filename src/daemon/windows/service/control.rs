//! What administrators do with a service that is installed.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use windows_service::service::{Service, ServiceAccess, ServiceActionType, ServiceState, ServiceStatus};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};

use super::NAME;
use super::error::{ServiceError, reason};
use crate::sys;

/// How long a service may say nothing while it starts or stops.
const SILENCE: Duration = Duration::from_secs(60);

/// ERROR_INVALID_LEVEL: what is asked for is not known there.
pub(super) const NOT_KNOWN: i32 = 124;

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

pub(super) fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, ServiceError> {
    let access = access | ServiceManagerAccess::CONNECT;
    ServiceManager::local_computer(None::<&str>, access)
        .map_err(ServiceError::manager("reach the manager of"))
}
