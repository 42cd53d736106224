//! `cimsnap config`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use clap::Subcommand;

use crate::cli::Result;
use crate::cli::configured::Configured;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use cimsnap::daemon::Config as Configuration;
use cimsnap::daemon::wiring::{self, Pods};

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    Check(Check),
    Default(Default),
    Containerd(Containerd),
    Import(Import),
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

/// Print what containerd has to be told of the daemon, besides what it is told already
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  containerd config dump | cimsnap config containerd --output /etc/containerd/conf.d/cimsnap.toml
  cimsnap config containerd --dump ./dump.toml --all-pods --output ./cimsnap.toml")]
pub(crate) struct Containerd {
    #[command(flatten)]
    configured: Configured,
    /// What `containerd config dump` has printed; standard input if not given
    #[arg(long, value_name = "FILE")]
    dump: Option<PathBuf>,
    /// Have pods of runtime classes with this handler use the snapshotter
    #[arg(long, value_name = "HANDLER", conflicts_with = "all_pods")]
    runtime: Option<String>,
    /// Have all pods use the snapshotter
    #[arg(long)]
    all_pods: bool,
    /// Where to write; standard output if not given
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Have a configuration of containerd import a file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap config import /etc/containerd/config.toml /etc/containerd/conf.d/cimsnap.toml
  cimsnap config import --remove /etc/containerd/config.toml /etc/containerd/conf.d/cimsnap.toml")]
pub(crate) struct Import {
    /// The configuration of containerd, which is changed
    containerd: PathBuf,
    /// The file to import
    file: String,
    /// Stop importing it
    #[arg(long)]
    remove: bool,
}

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
                ui.document(&config, &text)?;
            }
            Self::Containerd(containerd) => containerd.run(ui)?,
            Self::Import(import) => import.run(ui)?,
        }
        Ok(Exit::Success)
    }
}

impl Containerd {
    fn run(self, ui: &Ui) -> anyhow::Result<()> {
        let told = match &self.dump {
            Some(file) => read(file)?,
            None => io::read_to_string(io::stdin())?,
        };
        let pods = match self.runtime {
            Some(handler) => Pods::Of(handler),
            None if self.all_pods => Pods::All,
            None => Pods::None,
        };
        let fragment = wiring::fragment(&self.configured.config()?, &told, &pods)?;
        match &self.output {
            Some(file) => replace(file, &fragment),
            None => Ok(ui.document(&fragment, &fragment)?),
        }
    }
}

impl Import {
    fn run(self, ui: &Ui) -> anyhow::Result<()> {
        let told = read(&self.containerd)?;
        let change = if self.remove { wiring::remove } else { wiring::import };
        let changed = change(&told, &self.file).with_context(|| self.containerd.display().to_string())?;
        if changed == told {
            return Ok(ui.summary(&self.file, "nothing has to be changed")?);
        }
        replace(&self.containerd, &changed)?;
        Ok(ui.summary(&self.file, "containerd has to be restarted")?)
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Puts a text in the place of a file, if there is one. Whoever reads it sees either all of the old or all of the new.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let new = file.with_extension("toml.cimsnap");
    let written = fs::write(&new, text).and_then(|()| match fs::metadata(file) {
        Ok(old) => fs::set_permissions(&new, old.permissions()),
        Err(_) => Ok(()),
    });
    written.and_then(|()| fs::rename(&new, file)).with_context(|| format!("cannot write {}", file.display()))
}
