//! `cimsnap cim`: images as they are, without layers or containers.

mod anatomy;
mod cat;
mod check;
mod create;
mod diff;
mod dump;
mod extract;
mod fork;
mod ls;
mod mount;
mod mounts;
mod regions;
mod stat;
mod tree;
mod umount;

use clap::Subcommand;

use crate::cli::Result;
use crate::cli::ui::Ui;

/// What can be done with images.
#[derive(Debug, Subcommand)]
pub(crate) enum Cim {
    Create(create::Args),
    Fork(fork::Args),
    Ls(ls::Args),
    Tree(tree::Args),
    Stat(stat::Args),
    Cat(cat::Args),
    Extract(extract::Args),
    Dump(dump::Args),
    Anatomy(anatomy::Args),
    Check(check::Args),
    Regions(regions::Args),
    Diff(diff::Args),
    Mount(mount::Args),
    Umount(umount::Args),
    Mounts(mounts::Args),
}

impl Cim {
    pub(crate) fn run(&self, ui: &Ui) -> Result {
        match self {
            Self::Create(args) => args.run(ui),
            Self::Fork(args) => args.run(ui),
            Self::Ls(args) => args.run(ui),
            Self::Tree(args) => args.run(ui),
            Self::Stat(args) => args.run(ui),
            Self::Cat(args) => args.run(),
            Self::Extract(args) => args.run(ui),
            Self::Dump(args) => args.run(ui),
            Self::Anatomy(args) => args.run(ui),
            Self::Check(args) => args.run(ui),
            Self::Regions(args) => args.run(ui),
            Self::Diff(args) => args.run(ui),
            Self::Mount(args) => args.run(ui),
            Self::Umount(args) => args.run(ui),
            Self::Mounts(args) => args.run(ui),
        }
    }
}
