//! `cimsnap daemon`.

use std::path::PathBuf;

use cimsnap::daemon::{Config, run};

use crate::cli::Result;
use crate::cli::exit::Exit;

/// Serve containerd: snapshots, and the layers that they are made of
///
/// Runs until SIGTERM or SIGINT, and answers what is under way before it ends. SIGHUP reads the level of the log again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap daemon
  cimsnap daemon --config ./config.toml --root /srv/cimsnap")]
pub(crate) struct Args {
    /// The configuration; /etc/cimsnap/config.toml, or on Windows %ProgramData%\cimsnap\config.toml, if nothing is given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where images and snapshots are kept, whatever the configuration says
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The socket, whatever the configuration says
    #[arg(long, value_name = "SOCKET")]
    address: Option<PathBuf>,
}

impl Args {
    pub(crate) fn run(self) -> Result {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(root) = self.root {
            config.root = std::path::absolute(root)?;
        }
        if let Some(address) = self.address {
            config.grpc.address = address;
        }
        config.check()?;
        run(&config, self.config)?;
        Ok(Exit::Success)
    }
}
