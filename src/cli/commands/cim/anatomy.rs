use std::io::Write;
use std::path::PathBuf;

use cimsnap::cim::anatomy::{AnatomyOptions, DEFAULT_LIMIT, anatomy};
use cimsnap::cim::io::DiskDirectory;

use crate::cli::Result;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::ui::Ui;

/// Print every structure of an image, without file contents
///
/// Works on images of any version, and as far as it can on damaged ones: it is what to send in when an image cannot be read.
/// The output is text, also with --json. Ends with 5 where structures are damaged.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim anatomy doc.cim
  cimsnap cim anatomy --anonymous doc.cim > doc.txt")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// Replace names, targets of links and account SIDs by hashes, the same for the same name
    #[arg(long)]
    anonymous: bool,
    /// Print all lines of every section, rather than the first 1000
    #[arg(long)]
    all: bool,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let not_an_image = || Failure::NotPulled(self.image.display().to_string());
        let file = self.image.file_name().and_then(|file| file.to_str()).ok_or_else(not_an_image)?;
        let directory = match self.image.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let options =
            AnatomyOptions { anonymous: self.anonymous, limit: (!self.all).then_some(DEFAULT_LIMIT) };
        let mut out = ui.out();
        let faults = anatomy(&DiskDirectory::new(&directory), file, &mut out, options)?;
        out.flush()?;
        Ok(if faults == 0 { Exit::Success } else { Exit::Corrupt })
    }
}
