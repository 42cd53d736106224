use std::path::PathBuf;
use std::str::FromStr;

use cimsnap::registry::{Layout, PlatformWish};
use thiserror::Error;

use crate::cli::Result;
use crate::cli::convert::{Conversion, Hives};
use crate::cli::exit::Exit;
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
    /// An OCI layout, and the tag of an image in it where there is more than one
    #[arg(value_name = "oci:DIR[:TAG]")]
    source: Source,
    /// The directory to make the images in
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// What the image is for, as OS/ARCH or OS(VERSION)/ARCH/VARIANT; this machine's platform if not given
    #[arg(long)]
    platform: Option<PlatformWish>,
    #[command(flatten)]
    hives: Hives,
    /// Do not wait for the disk: faster, but a power loss may take what was made
    #[arg(long)]
    no_sync: bool,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    directory: PathBuf,
    tag: Option<String>,
}

#[derive(Debug, Error)]
#[error("want oci: and the directory of an OCI layout")]
struct BadSource;

impl FromStr for Source {
    type Err = BadSource;

    fn from_str(text: &str) -> std::result::Result<Self, BadSource> {
        let rest = text.strip_prefix("oci:").filter(|rest| !rest.is_empty()).ok_or(BadSource)?;
        // The colon of a drive is none before a tag.
        let drive =
            matches!(rest.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
        let from = if drive { 2 } else { 0 };
        let colon = rest[from..].find(':').map(|at| from + at);
        let (directory, tag) = match colon {
            Some(at) => (&rest[..at], Some(rest[at + 1..].to_owned())),
            None => (rest, None),
        };
        if directory.is_empty() || tag.as_deref() == Some("") {
            return Err(BadSource);
        }
        Ok(Self { directory: directory.into(), tag })
    }
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let layout = Layout::open(&self.source.directory)?;
        let wish = self.platform.clone().unwrap_or_else(PlatformWish::here);
        let image = layout.image(self.source.tag.as_deref(), &wish)?;
        let missing = self.hives.missing();
        Conversion::new(&layout, &image, &self.to, missing, !self.no_sync, ui)?.run()?;
        Ok(Exit::Success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_first_colon_but_that_of_a_drive() {
        let parsed = |text: &str| {
            let source: Source = text.parse().unwrap();
            (source.directory.to_str().unwrap().to_owned(), source.tag.unwrap_or_default())
        };
        let pair = |directory: &str, tag: &str| (directory.to_owned(), tag.to_owned());
        assert_eq!(parsed("oci:a/b"), pair("a/b", ""));
        assert_eq!(parsed("oci:a/b:1.0"), pair("a/b", "1.0"));
        assert_eq!(parsed("oci:a:docker.io/library/x:1"), pair("a", "docker.io/library/x:1"));
        assert_eq!(parsed("oci:C:\\a"), pair("C:\\a", ""));
        assert_eq!(parsed("oci:C:\\a:1"), pair("C:\\a", "1"));
        for bad in ["a", "oci:", "oci::tag", "oci:a:", "docker:a"] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
