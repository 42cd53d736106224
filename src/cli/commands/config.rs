//! `cimsnap config`.

use std::io::Write;
use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use cimsnap::daemon::Config as Configuration;

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Check(Check),
    Default(Default),
}

/// Read a configuration and say what is wrong with it
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap config check
  cimsnap config check ./config.toml")]
pub(crate) struct Check {
    /// The configuration; /etc/cimsnap/config.toml, or on Windows %ProgramData%\cimsnap\config.toml, if nothing is given
    file: Option<PathBuf>,
}

/// Print a configuration that says what holds without one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap config default > /etc/cimsnap/config.toml")]
pub(crate) struct Default {}

impl Config {
    pub(crate) fn run(self, ui: &Ui) -> Result {
        match self {
            Self::Check(Check { file }) => {
                let config = Configuration::load(file.as_deref())?;
                ui.summary(&config, "the configuration is sound")?;
            }
            Self::Default(Default {}) => {
                let config = Configuration::default();
                let text = config.to_toml()?;
                ui.answer(&config, |out| out.write_all(text.as_bytes()))?;
            }
        }
        Ok(Exit::Success)
    }
}
