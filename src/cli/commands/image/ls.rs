use std::io::Write;
use std::path::PathBuf;

use cimsnap::escape::Escaped;
use cimsnap::registry::{Pulled, PulledImage};
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::ui::{Ui, line};
use crate::cli::{Result, pulled, text};

/// List the images that were pulled
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap image ls
  cimsnap image ls images --json | jq -r .image")]
pub(crate) struct Args {
    /// The directory of the images; $CIMSNAP_IMAGES, if that is set
    #[arg(default_value_os_t = pulled::directory())]
    directory: PathBuf,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    platform: String,
    manifest: String,
    layers: usize,
    /// Bytes of the blobs of all layers.
    size: u64,
    image: PathBuf,
    /// Whether the image is still there.
    exists: bool,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let rows = Pulled::beside(&self.directory).list()?;
        let rows = rows.into_iter().map(|pulled| self.row(pulled)).collect::<Result<Vec<_>>>()?;
        let mut out = ui.out();
        if ui.is_json() {
            rows.iter().try_for_each(|row| line(&mut out, row))?;
        } else {
            let mut table = vec![["NAME", "PLATFORM", "LAYERS", "BLOBS", "IMAGE"].map(str::to_owned)];
            table.extend(rows.into_iter().map(|row| {
                let image = if row.exists { row.image.display().to_string() } else { "removed".to_owned() };
                let [name, platform] = [row.name, row.platform].map(|text| Escaped(text).to_string());
                [name, platform, row.layers.to_string(), text::size(row.size), image]
            }));
            text::table(&mut out, &table)?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }

    fn row(&self, pulled: PulledImage) -> Result<Row> {
        let PulledImage { name, image } = pulled;
        let path = pulled::top(&self.directory, &image)?;
        Ok(Row {
            name,
            platform: image.platform.to_string(),
            manifest: image.manifest.digest.to_string(),
            layers: image.layers.len(),
            size: image.layers.iter().map(|layer| layer.blob.size).fold(0, u64::saturating_add),
            exists: path.exists(),
            image: path,
        })
    }
}
