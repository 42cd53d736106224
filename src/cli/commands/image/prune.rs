use std::path::PathBuf;
use std::sync::Arc;

use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{ErrorKind, LayerSet, prune};
use cimsnap::layer::digest::Digest;
use cimsnap::layer::import::LayerOs;
use cimsnap::registry::Pulled;
use serde::Serialize;

use crate::cli::convert::Notes;
use crate::cli::exit::Exit;
use crate::cli::ui::Ui;
use crate::cli::{Result, pulled, text};

/// Remove layer sets that no image in a directory has
///
/// A layer set stays when an image has been made of it, for others that share the layer. Delete the .cim files of images
/// that nobody needs, and what only they had goes too, also the names of images that were pulled.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap image prune /var/lib/images")]
pub(crate) struct Args {
    /// The directory of the images
    directory: PathBuf,
}

#[derive(Debug, Serialize)]
struct Answer {
    sets: u64,
    bytes: u64,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(&self.directory));
        let pruned = prune(directory.clone())?;
        Notes::new(directory.clone()).retain(|diff_id| is_used(&directory, diff_id))?;
        let exists = |image: &_| pulled::top(&self.directory, image).is_ok_and(|path| path.exists());
        Pulled::beside(&self.directory).retain(exists)?;
        let sets = text::count(pruned.sets, "set", "sets");
        let answer = Answer { sets: pruned.sets, bytes: pruned.bytes };
        ui.summary(&answer, &format!("removed {sets}, {}", text::size(pruned.bytes)))?;
        Ok(Exit::Success)
    }
}

/// Returns whether there is a layer set of a layer, for either system.
fn is_used(directory: &Arc<dyn Directory>, diff_id: &Digest) -> Result<bool> {
    for os in [LayerOs::Windows, LayerOs::Linux] {
        match LayerSet::open(directory.clone(), os.set_id(diff_id)) {
            Ok(_) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::ImageNotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}
