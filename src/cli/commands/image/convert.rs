use std::path::PathBuf;

use cimsnap::cim::WriterOptions;
use cimsnap::registry::{PlatformWish, SourceImage};

use crate::cli::Result;
use crate::cli::convert::{Conversion, Hives, Manner};
use crate::cli::exit::Exit;
use crate::cli::layout::LayoutArgs;
use crate::cli::origin::Local;
use crate::cli::ui::Ui;

/// Make images of all layers of an OCI image, each over the one below it
///
/// Every image is named after its layer and those below it, so that images share what they can, and a second run makes
/// only what is not there yet.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  skopeo copy docker://debian oci:debian:latest
  cimsnap image convert oci:debian:latest --to /var/lib/images
  cimsnap image convert oci:servercore --to images --platform 'windows(10.0.20348)/amd64'")]
pub(crate) struct Args {
    /// An OCI layout, or what `docker save` writes, and the tag of an image in it where there is more than one
    #[arg(value_name = "oci:DIR[:TAG]|docker-archive:FILE[:TAG]")]
    source: Local,
    /// The directory to make the images in
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// What the image is for, as OS/ARCH or OS(VERSION)/ARCH/VARIANT; this machine's platform if not given
    #[arg(long)]
    platform: Option<PlatformWish>,
    #[command(flatten)]
    hives: Hives,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Do not wait for the disk: faster, but a power loss may take what was made
    #[arg(long)]
    no_sync: bool,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let source = self.source.open()?;
        let wish = self.platform.clone().unwrap_or_else(PlatformWish::here);
        let image = SourceImage::find(&*source, self.source.tag(), &wish)?;
        let (sync, layout) = (!self.no_sync, self.layout.layout());
        let options = WriterOptions { sync, layout, ..WriterOptions::DEFAULT };
        let manner = Manner { missing: self.hives.missing(), options, waits: false };
        Conversion::new(&*source, &image, &self.to, manner, ui)?.run()?;
        Ok(Exit::Success)
    }
}
