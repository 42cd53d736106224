//! The daemon that a configuration describes.

use std::path::PathBuf;

use cimsnap::daemon::{Config, admin};
use cimsnap::rpc::admin::Admin;

use super::Result;

/// Which daemon is meant.
#[derive(Debug, clap::Args)]
pub(crate) struct Configured {
    /// The configuration of the daemon; /etc/cimsnap/config.toml, or on Windows %ProgramData%\cimsnap\config.toml, if nothing is given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Configured {
    /// Finds whom to ask: the daemon while it runs, and otherwise what it has left.
    pub(crate) fn admin(&self) -> Result<Admin> {
        Ok(admin(&self.config()?)?)
    }

    pub(crate) fn config(&self) -> Result<Config> {
        Ok(Config::load(self.config.as_deref())?)
    }
}
