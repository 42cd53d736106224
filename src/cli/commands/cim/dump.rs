use std::io::Write;
use std::path::PathBuf;

use cimsnap::cim::dump::{self, DumpOptions};

use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::cli::{Result, pulled};

/// List everything about every file of an image, one a line
///
/// Ids and offsets are left out: two images with the same files give the same listing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim dump doc.cim
  cimsnap cim dump doc.cim --no-data --no-times > doc.txt")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// Do not read data for its digests
    #[arg(long)]
    no_data: bool,
    /// Leave times out
    #[arg(long)]
    no_times: bool,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let image = pulled::open(&self.image)?;
        let options = DumpOptions { data: !self.no_data, times: !self.no_times };
        let mut out = ui.out();
        if ui.is_json() {
            dump::dump_json(&image, &mut out, options)?;
        } else {
            dump::dump(&image, &mut out, options)?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}
