//! The daemon as a service of Windows.
//!
//! ```text
//!   install   what the service manager is told of the service
//!   control   for administrators: uninstall, start, stop, look at
//!   host      what the service manager starts, and tells to end or to read its configuration again
//!   pending   tells the service manager that something goes on
//!   output    the log of a process that nobody sees: a file, and the event log
//! ```

mod control;
mod error;
mod host;
mod install;
mod output;
mod pending;
mod rotating;

pub use control::{Status, start, status, stop, uninstall};
pub use error::ServiceError;
pub use host::run;
pub(in crate::daemon) use host::{orders, ready};
pub use install::install;
pub(in crate::daemon) use output::{beside, writer};

/// What the service, and the source of its events, are called.
const NAME: &str = "cimsnap";
