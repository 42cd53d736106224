//! Why something cannot be done with the service.

use std::io;
use std::time::Duration;

use thiserror::Error;

use super::NAME;
use crate::daemon::ConfigError;

/// Why something cannot be done with the service.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is none.
    #[error("the service {NAME} is not installed")]
    NotInstalled,
    /// There is one already.
    #[error("the service {NAME} is installed already")]
    Installed,
    /// The service manager says no.
    #[error("cannot {action} the service {NAME}")]
    Manager {
        /// What was to be done.
        action: &'static str,
        /// Why it is not.
        source: io::Error,
    },
    /// The event log cannot be told who writes to it.
    #[error("cannot {action} the source of events {NAME}")]
    Events {
        /// What was to be done.
        action: &'static str,
        /// Why it is not.
        source: io::Error,
    },
    /// It does not become what it should.
    #[error("the service {NAME} does not {action}: nothing has changed for {} seconds", .within.as_secs())]
    Stuck {
        /// What it should do.
        action: &'static str,
        /// How long that was waited for.
        within: Duration,
    },
    /// It started and was gone.
    #[error("the service {NAME} ended as soon as it was started")]
    Ended,
    /// Nobody but the service manager starts services.
    #[error("only the service manager starts services: use `cimsnap daemon` in a console")]
    NotAService(#[source] io::Error),
}

impl ServiceError {
    /// Wraps what the service manager says.
    pub(super) fn manager(action: &'static str) -> impl Fn(windows_service::Error) -> Self {
        move |error| match reason(error) {
            source if source.raw_os_error() == Some(NO_SUCH_SERVICE) => Self::NotInstalled,
            source if source.raw_os_error() == Some(EXISTS) => Self::Installed,
            source => Self::Manager { action, source },
        }
    }
}

/// ERROR_SERVICE_DOES_NOT_EXIST
const NO_SUCH_SERVICE: i32 = 1060;
/// ERROR_SERVICE_EXISTS
const EXISTS: i32 = 1073;

/// Returns what the system says, where it was asked.
pub(super) fn reason(error: windows_service::Error) -> io::Error {
    match error {
        windows_service::Error::Winapi(source) => source,
        other => io::Error::other(other),
    }
}
