//! `cimsnap service`.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use cimsnap::daemon::service::{self, ServiceError, Status};

/// What can be done with the service.
#[derive(Debug, Subcommand)]
pub(crate) enum Service {
    Install(Configuration),
    /// Stop the service and take it away; images stay
    #[command(after_help = "\
Examples:
  cimsnap service uninstall")]
    Uninstall,
    /// Start the service, and wait until it serves
    #[command(after_help = "\
Examples:
  cimsnap service start")]
    Start,
    /// Stop the service, and wait until it has ended
    #[command(after_help = "\
Examples:
  cimsnap service stop")]
    Stop,
    /// Say whether the service runs; ends with 3 if it does not
    #[command(after_help = "\
Examples:
  cimsnap service status")]
    Status,
    /// What the service manager starts
    #[command(hide = true)]
    Run(Configuration),
}

/// Install the service, to be started with the system and again when it fails
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap service install --config C:\\cimsnap\\config.toml
  cimsnap service start")]
pub(crate) struct Configuration {
    /// The configuration; %ProgramData%\cimsnap\config.toml if nothing is given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Service {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        match self {
            Self::Install(Configuration { config }) => {
                for unknown in service::install(config.as_deref())? {
                    ui.warn(&format!("the service manager of this system knows nothing of {unknown}"));
                }
            }
            Self::Uninstall => service::uninstall()?,
            Self::Start => service::start()?,
            Self::Stop => service::stop()?,
            Self::Status => return status(ui),
            Self::Run(Configuration { config }) => service::run(config)?,
        }
        Ok(Exit::Success)
    }
}

fn status(ui: &Ui) -> Result {
    let status = match service::status() {
        Err(ServiceError::NotInstalled) => return missing(ui),
        status => status?,
    };
    ui.answer(&status, |out| {
        let process = status.process.map(|process| format!(", process {process}")).unwrap_or_default();
        writeln!(out, "{}{process}", status.state)?;
        writeln!(out, "{}", status.command)?;
        writeln!(out, "{}", restarts(&status))
    })?;
    Ok(if status.is_running() { Exit::Success } else { Exit::No })
}

fn missing(ui: &Ui) -> Result {
    let state = "not installed";
    ui.answer(&serde_json::json!({ "state": state }), |out| writeln!(out, "{state}"))?;
    Ok(Exit::NotFound)
}

fn restarts(status: &Status) -> String {
    if status.restarts.is_empty() {
        return "is not started again when it fails".to_owned();
    }
    let seconds: Vec<String> = status.restarts.iter().map(u64::to_string).collect();
    format!("is started again when it fails, after {} seconds", seconds.join(", "))
}
