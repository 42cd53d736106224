//! The process that the service manager starts.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus,
};
use windows_service::service_control_handler::{ServiceControlHandlerResult, ServiceStatusHandle, register};
use windows_service::service_dispatcher;

use super::NAME;
use super::error::{ServiceError, reason};
use super::output;
use super::pending::{Pending, set, status};
use crate::daemon::run::Order;
use crate::daemon::{Config, DaemonError, run as serve};
use crate::sys::EventKind;

/// What the service ends with if it cannot serve. Anything but zero has it started again.
const FAILED: u32 = 1;

/// The service that this process is. The service manager calls functions, which nothing can be given to take along.
static HOST: OnceLock<Host> = OnceLock::new();

struct Host {
    config: Option<PathBuf>,
    orders: UnboundedSender<Order>,
    received: Mutex<Option<UnboundedReceiver<Order>>>,
    manager: OnceLock<ServiceStatusHandle>,
    pending: Mutex<Option<Pending>>,
}

/// Serves containerd for as long as the service manager wants.
pub fn run(config: Option<PathBuf>) -> Result<(), ServiceError> {
    let (orders, received) = unbounded_channel();
    let received = Mutex::new(Some(received));
    HOST.get_or_init(|| Host {
        config,
        orders,
        received,
        manager: OnceLock::new(),
        pending: Mutex::default(),
    });
    service_dispatcher::start(NAME, entry).map_err(|error| ServiceError::NotAService(reason(error)))
}

/// Where the service manager has the service begin.
extern "system" fn entry(_count: u32, _words: *mut *mut u16) {
    if let Some(host) = HOST.get() {
        host.live();
    }
}

/// What the service manager asks for. It has to be a function of its own, not a closure: windows-service frees what a
/// closure has captured at the first order to end, though the service may be asked for its state after that.
fn obey(control: ServiceControl) -> ServiceControlHandlerResult {
    let Some(host) = HOST.get() else { return ServiceControlHandlerResult::NotImplemented };
    match control {
        ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown => host.end(),
        // Whoever no longer listens is about to end.
        ServiceControl::ParamChange => drop(host.orders.send(Order::Reload)),
        ServiceControl::Interrogate => {}
        _ => return ServiceControlHandlerResult::NotImplemented,
    }
    ServiceControlHandlerResult::NoError
}

impl Host {
    fn live(&self) {
        let Ok(manager) = register(NAME, obey) else { return };
        self.manager.get_or_init(|| manager);
        self.tell_pending(ServiceState::StartPending);
        let exit_code = match self.serve() {
            Ok(()) => ServiceExitCode::NO_ERROR,
            Err(error) => {
                output::tell_failure(&error);
                ServiceExitCode::ServiceSpecific(FAILED)
            }
        };
        self.tell(ServiceStatus { exit_code, ..status(ServiceState::Stopped) });
    }

    fn serve(&self) -> Result<(), DaemonError> {
        let config = Config::load(self.config.as_deref())?;
        serve(&config, self.config.clone())?;
        output::report(EventKind::Information, "ended");
        Ok(())
    }

    fn end(&self) {
        self.tell_pending(ServiceState::StopPending);
        drop(self.orders.send(Order::End));
    }

    fn tell_pending(&self, state: ServiceState) {
        let pending = self.manager.get().map(|manager| Pending::new(*manager, state));
        self.replace_pending(pending);
    }

    fn tell(&self, status: ServiceStatus) {
        self.replace_pending(None);
        if let Some(manager) = self.manager.get() {
            set(*manager, status);
        }
    }

    fn replace_pending(&self, pending: Option<Pending>) {
        let last =
            std::mem::replace(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner), pending);
        drop(last);
    }
}

/// Returns what the service manager asks for from now on, if this process is a service.
pub(in crate::daemon) fn orders() -> Option<UnboundedReceiver<Order>> {
    HOST.get()?.received.lock().ok()?.take()
}

/// Returns whether this process is a service.
pub(super) fn is_service() -> bool {
    HOST.get().is_some()
}

/// Tells the service manager that the service can be used.
pub(in crate::daemon) fn ready() {
    let Some(host) = HOST.get() else { return };
    let controls_accepted = ServiceControlAccept::STOP
        | ServiceControlAccept::PARAM_CHANGE
        // Comes before the shutdown itself, and with more time. Whoever takes the one does not get the other.
        | ServiceControlAccept::PRESHUTDOWN;
    host.tell(ServiceStatus { controls_accepted, ..status(ServiceState::Running) });
    output::report(EventKind::Information, "serving");
}
