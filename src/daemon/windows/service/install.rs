//! Installing the service.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{self, Path};
use std::time::Duration;

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceFailureActions,
    ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceType,
};
use windows_service::service_manager::ServiceManagerAccess;

use super::NAME;
use super::control::{NOT_KNOWN, manager};
use super::error::{ServiceError, reason};
use crate::daemon::Config;
use crate::sys;

/// After how many seconds the service is started again: the first time it fails, the second, and from then on.
const RESTARTS: [u64; 3] = [5, 30, 60];

/// After which time without a failure the next one is the first again.
const FORGIVEN: Duration = Duration::from_secs(24 * 60 * 60);

/// What the system is to wait beyond what the daemon gives requests under way.
const BEYOND_DRAIN: Duration = Duration::from_secs(10);

/// What it waits at most, whatever is configured.
const LONGEST: Duration = Duration::from_secs(60 * 60);

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

fn info(config: Option<&Path>) -> io::Result<ServiceInfo> {
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
    let end = drain.saturating_mul(2).saturating_add(BEYOND_DRAIN).min(LONGEST);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_followed_by_starts_that_come_later_and_later() {
        let ServiceFailureActions { actions, reset_period, command, reboot_msg } = recovery();
        let raw: Vec<_> = actions.unwrap().iter().map(ServiceAction::to_raw).collect();
        let restart = ServiceActionType::Restart.to_raw();
        assert!(raw.iter().all(|action| action.Type == restart));
        assert_eq!(raw.iter().map(|action| action.Delay).collect::<Vec<_>>(), [5_000, 30_000, 60_000]);
        assert_eq!(reset_period.to_raw(), 86_400);
        assert_eq!((command, reboot_msg), (None, None));
    }

    #[test]
    fn the_service_depends_on_nothing_and_is_the_system() {
        let info = info(Some(Path::new(r"relative\config.toml"))).unwrap();
        assert_eq!((info.account_name, info.dependencies.len()), (None, 0));
        let [service, run, option, config] = &info.launch_arguments[..] else { panic!() };
        assert_eq!([service, run, option].map(|word| word.to_str().unwrap()), ["service", "run", "--config"]);
        assert!(Path::new(config).is_absolute() && config.to_str().unwrap().ends_with(r"\config.toml"));
    }
}
