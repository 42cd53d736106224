use std::path::PathBuf;

use cimsnap::mount::{Mounter, SystemMounter, Unmount};

use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;

/// Take the mount of an image away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim umount /mnt
  cimsnap cim umount /mnt --lazy")]
pub(crate) struct Args {
    /// Where the image is mounted
    directory: PathBuf,
    /// Also when it is in use: it is gone at once, and let go when nobody uses it any more
    #[arg(long)]
    lazy: bool,
}

impl Args {
    pub(super) fn run(&self, _: &Ui) -> Result {
        let how = if self.lazy { Unmount::Detach } else { Unmount::WhenIdle };
        SystemMounter::this_program()?.unmount(&self.directory, how)?;
        Ok(Exit::Success)
    }
}
