//! What shells and readers of manuals want to know of the commands.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Command;
use clap_complete::Shell;

use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::ui::data_out;

/// Print what a shell needs to complete commands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap completions bash > /etc/bash_completion.d/cimsnap
  cimsnap completions powershell >> $PROFILE")]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(&self, mut command: Command) -> Result {
        clap_complete::generate(self.shell, &mut command, "cimsnap", &mut data_out());
        Ok(Exit::Success)
    }
}

/// Write a page of the manual for each command
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap man /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The directory, which is made unless it is there
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(&self, command: Command) -> Result {
        let at = || format!("cannot write the manual to {}", self.directory.display());
        fs::create_dir_all(&self.directory).with_context(at)?;
        clap_mangen::generate_to(command, &self.directory).with_context(at)?;
        Ok(Exit::Success)
    }
}
