//! `cimsnap image`: whole images, from outside containerd.

mod convert;
mod ls;
mod prune;

use clap::Subcommand;

use crate::cli::Result;
use crate::cli::ui::Ui;

/// What can be done with images of registries.
#[derive(Debug, Subcommand)]
pub(crate) enum Image {
    Convert(convert::Args),
    Ls(ls::Args),
    Prune(prune::Args),
}

impl Image {
    pub(crate) fn run(&self, ui: &Ui) -> Result {
        match self {
            Self::Convert(args) => args.run(ui),
            Self::Ls(args) => args.run(ui),
            Self::Prune(args) => args.run(ui),
        }
    }
}
