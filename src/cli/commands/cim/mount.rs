use std::num::NonZeroUsize;
use std::path::PathBuf;

use cimsnap::cim::Image;
use cimsnap::mount::{MountOptions, Mounter, SystemMounter, ViewKind};
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::cli::{Result, pulled};

/// Mount an image on a directory, read-only
///
/// A process of its own serves the mount until `cimsnap cim umount`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim mount doc.cim /mnt")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// An existing directory
    directory: PathBuf,
    /// Show files as `linux` or `windows` has them, or each as where it came from
    #[arg(long, default_value_t, value_name = "AUTO|LINUX|WINDOWS")]
    view: ViewKind,
    /// Let set-user-id programs and file capabilities count
    #[arg(long)]
    suid: bool,
    /// Let device files be opened
    #[arg(long)]
    dev: bool,
    /// How many threads answer the kernel
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// Where the serving process says what it could not read
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Answer {
    image: String,
    directory: String,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let image = pulled::path(&self.image)?;
        // The serving process would say the same, but without the kind of the error.
        drop(Image::open(&image)?);
        let options = MountOptions {
            view: self.view,
            suid: self.suid,
            dev: self.dev,
            threads: self.threads,
            log: self.log.clone(),
        };
        SystemMounter::this_program()?.mount(&image, &self.directory, &options)?;
        let answer =
            Answer { image: image.display().to_string(), directory: self.directory.display().to_string() };
        ui.summary(&answer, &format!("{} is mounted on {}", answer.image, answer.directory))?;
        Ok(Exit::Success)
    }
}
