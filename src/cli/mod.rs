//! The command line: arguments in, text or JSON out.
//!
//! ```text
//!   commands/   one file a verb; its doc comments are its help
//!      │
//!   source/     a directory or a tar on its way into an image
//!   extract/    an image on its way into a directory
//!   convert/    layers on their way into images
//!   layout.rs   how objects of images are laid out
//!   configured.rs  the daemon that a configuration describes
//!   image.rs    images and paths in them, as people name them
//!   pulled.rs   images that were pulled, by their names
//!   origin.rs   where an image comes from
//!      │
//!   ui.rs       output, progress     text.rs     sizes, counts, attributes
//!   exit.rs     exit codes           failure.rs  messages and hints
//! ```

mod commands;
mod configured;
mod convert;
mod exit;
#[cfg_attr(not(target_os = "linux"), path = "no_extract.rs")]
mod extract;
mod failure;
mod image;
mod layout;
mod origin;
mod pulled;
mod source;
mod text;
mod ui;

use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use exit::Exit;
use ui::Ui;

/// Turns OCI image layers into CIM images, and works with such images.
#[derive(Debug, Parser)]
#[command(name = "cimsnap", version, about, after_help = exit::HELP, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Print JSON: one object, or one a line where there are many.
    #[arg(long, global = true)]
    json: bool,
    /// Print no progress and no summary.
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make, read, check and mount images.
    #[command(
        subcommand,
        after_help = "\
Examples:
  cimsnap cim create /usr/share/doc doc.cim
  cimsnap cim tree doc.cim
  cimsnap cim mount doc.cim /mnt"
    )]
    Cim(commands::cim::Cim),
    /// Make images of layers.
    #[command(
        subcommand,
        after_help = "\
Examples:
  cimsnap layer import base.tar.gz base.cim
  cimsnap layer import --parent base.cim app.tar.gz app.cim"
    )]
    Layer(commands::layer::Layer),
    /// Convert images of registries.
    #[command(
        subcommand,
        after_help = "\
Examples:
  cimsnap image convert oci:./layout --to /var/lib/images
  cimsnap image prune /var/lib/images"
    )]
    Image(commands::image::Image),
    Pull(Box<commands::pull::Args>),
    /// Look at snapshots.
    #[command(
        subcommand,
        after_help = "\
Examples:
  cimsnap snapshot ls
  cimsnap snapshot info 'default/12/my-container'"
    )]
    Snapshot(commands::snapshot::Snapshot),
    Top(commands::top::Args),
    Gc(commands::gc::Args),
    Fsck(commands::fsck::Args),
    Doctor(commands::doctor::Args),
    #[cfg(target_os = "linux")]
    Bench(commands::bench::Args),
    Daemon(commands::daemon::Args),
    /// Have Windows run the daemon.
    #[cfg(windows)]
    #[command(
        subcommand,
        after_help = "\
Examples:
  cimsnap service install
  cimsnap service start"
    )]
    Service(commands::service::Service),
    /// Check and print configurations.
    #[command(
        subcommand,
        after_help = "\
Examples:
  cimsnap config default > /etc/cimsnap/config.toml
  cimsnap config check"
    )]
    Config(commands::config::Config),
    Completions(commands::shell::Completions),
    Man(commands::shell::Man),
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let Cli { command, global } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::misused(&error, Cli::command()).into(),
    };
    let ui = Ui::new(global.json, global.quiet);
    let result = match command {
        Command::Cim(command) => command.run(&ui),
        Command::Layer(command) => command.run(&ui),
        Command::Image(command) => command.run(&ui),
        Command::Pull(command) => command.run(&ui),
        Command::Snapshot(command) => command.run(&ui),
        Command::Top(command) => command.run(&ui),
        Command::Gc(command) => command.run(&ui),
        Command::Fsck(command) => command.run(&ui),
        Command::Doctor(command) => command.run(&ui),
        #[cfg(target_os = "linux")]
        Command::Bench(command) => command.run(&ui),
        Command::Daemon(command) => command.run(),
        #[cfg(windows)]
        Command::Service(command) => command.run(&ui),
        Command::Config(command) => command.run(&ui),
        Command::Completions(command) => command.run(Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
    };
    result.unwrap_or_else(|error| failure::report(&error)).into()
}

type Result<T = Exit> = anyhow::Result<T>;

#[cfg(test)]
mod tests;
