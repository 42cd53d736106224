//! What the service manager is told while the service starts or ends.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::warn;
use windows_service::service::{
    ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::ServiceStatusHandle;

/// How often it is told that something goes on.
const EVERY: Duration = Duration::from_secs(1);

/// After which time it may believe that nothing does.
const HINT: Duration = Duration::from_secs(20);

/// Tells the service manager that something goes on, until this is dropped.
#[derive(Debug)]
pub(super) struct Pending {
    until: Option<Sender<()>>,
    teller: Option<JoinHandle<()>>,
}

impl Pending {
    pub(super) fn new(handle: ServiceStatusHandle, state: ServiceState) -> Self {
        tell(handle, state, 1);
        let (until, ended) = channel();
        let teller = thread::spawn(move || {
            for checkpoint in 2.. {
                match ended.recv_timeout(EVERY) {
                    Err(RecvTimeoutError::Timeout) => tell(handle, state, checkpoint),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { until: Some(until), teller: Some(teller) }
    }
}

impl Drop for Pending {
    /// Nothing more is told afterwards.
    fn drop(&mut self) {
        drop(self.until.take());
        drop(self.teller.take().map(JoinHandle::join));
    }
}

fn tell(handle: ServiceStatusHandle, state: ServiceState, checkpoint: u32) {
    set(handle, ServiceStatus { checkpoint, wait_hint: HINT, ..status(state) });
}

/// Tells the service manager how it is.
pub(super) fn set(handle: ServiceStatusHandle, status: ServiceStatus) {
    if let Err(error) = handle.set_service_status(status) {
        warn!("cannot tell the service manager how it goes: {error}");
    }
}

/// Returns what is told of a state in which nothing is accepted and nothing has failed.
pub(super) fn status(current_state: ServiceState) -> ServiceStatus {
    ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted: ServiceControlAccept::empty(),
        exit_code: ServiceExitCode::NO_ERROR,
        checkpoint: 0,
        wait_hint: Duration::ZERO,
        process_id: None,
    }
}
