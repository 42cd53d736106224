//! `cimsnap layer`: layers as registries have them.

mod export;
mod import;
mod set;
mod writing;

use clap::Subcommand;

use crate::cli::Result;
use crate::cli::ui::Ui;

/// What can be done with layers.
#[derive(Debug, Subcommand)]
pub(crate) enum Layer {
    Import(import::Args),
    Set(set::Args),
    Export(export::Args),
}

impl Layer {
    pub(crate) fn run(&self, ui: &Ui) -> Result {
        match self {
            Self::Import(args) => args.run(ui),
            Self::Set(args) => args.run(ui),
            Self::Export(args) => args.run(ui),
        }
    }
}
