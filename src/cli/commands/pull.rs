use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use cimsnap::cim::WriterOptions;
use cimsnap::escape::Escaped;
use cimsnap::registry::{
    Credentials, Documents, Mirror, PlatformWish, Pulled, Reference, Remote, Settings, Source, SourceImage,
};
use serde::Serialize;

use crate::cli::convert::{Conversion, Hives, Manner};
use crate::cli::exit::Exit;
use crate::cli::layout::LayoutArgs;
use crate::cli::origin::Origin;
use crate::cli::ui::Ui;
use crate::cli::{Result, pulled};

/// Fetch an image, and make images of all its layers while they arrive
///
/// No containerd is needed, and no layer is kept as it was fetched. Where a connection breaks, the rest is asked for. A
/// second pull of the same image fetches only what has changed.
///
/// Credentials are those of `docker login`: config.json in $DOCKER_CONFIG or ~/.docker, and the helpers that it names.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap pull debian:12
  cimsnap cim tree debian:12 /etc
  cimsnap pull mcr.microsoft.com/windows/nanoserver:ltsc2022 --platform windows/amd64 --to images
  cimsnap pull localhost:5000/app@sha256:DIGITS
  docker save app > app.tar && cimsnap pull docker-archive:app.tar --name app")]
pub(crate) struct Args {
    /// An image by its name, one of an OCI layout, or one of what `docker save` writes
    #[arg(value_name = "REFERENCE|oci:DIR[:TAG]|docker-archive:FILE[:TAG]")]
    origin: Origin,
    /// The directory to make the images in; $CIMSNAP_IMAGES, if that is set
    #[arg(long, value_name = "DIR", default_value_os_t = pulled::directory())]
    to: PathBuf,
    /// What the image is for, as OS/ARCH or OS(VERSION)/ARCH/VARIANT; this machine's platform if not given
    #[arg(long)]
    platform: Option<PlatformWish>,
    /// By what name to remember the image, if it is not that of a registry
    #[arg(long, value_name = "REFERENCE")]
    name: Option<Reference>,
    #[command(flatten)]
    asking: Asking,
    #[command(flatten)]
    hives: Hives,
    #[command(flatten)]
    layout: LayoutArgs,
    /// Do not wait for the disk: faster, but a power loss may take what was made
    #[arg(long)]
    no_sync: bool,
}

/// How to ask a registry.
#[derive(Debug, clap::Args)]
struct Asking {
    /// Ask this server first; may be given several times
    #[arg(long, value_name = "HOST")]
    mirror: Vec<Mirror>,
    /// Ask without encryption, as is done on this machine anyway
    #[arg(long)]
    plain_http: bool,
    /// How many seconds a server may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// How often to try again what may come out well later
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    retries: u32,
}

/// What is told in the end.
#[derive(Serialize)]
struct Answer<'a> {
    /// The name that the image is remembered by.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    platform: String,
    /// The digest of its manifest.
    manifest: String,
    /// Where it is.
    image: &'a Path,
    layers: usize,
}

impl Args {
    pub(crate) fn run(&self, ui: &Ui) -> Result {
        match &self.origin {
            Origin::Local(local) => self.convert(&*local.open()?, local.tag(), self.name.as_ref(), ui)?,
            Origin::Registry(reference) => {
                let failed = || format!("cannot pull {reference}");
                let source = Remote::open(reference, self.asking.settings()?).with_context(failed)?;
                self.convert(&source, None, Some(reference), ui).with_context(failed)?;
            }
        }
        Ok(Exit::Success)
    }

    fn convert(
        &self,
        source: &dyn Source,
        tag: Option<&str>,
        name: Option<&Reference>,
        ui: &Ui,
    ) -> Result<()> {
        let pulled = Pulled::beside(&self.to);
        let documents = Documents::new(source, &pulled)?;
        let wish = self.platform.clone().unwrap_or_else(PlatformWish::here);
        let image = SourceImage::find(&documents, tag, &wish)?;
        let (sync, layout) = (!self.no_sync, self.layout.layout());
        let options = WriterOptions { sync, layout, ..WriterOptions::DEFAULT };
        let manner = Manner { missing: self.hives.missing(), options, waits: true };
        Conversion::new(&documents, &image, &self.to, manner, ui)?.run()?;
        let name = self.name.as_ref().or(name).map(Reference::to_string);
        if let Some(name) = &name {
            pulled.keep(name, &image, &documents)?;
        }
        self.tell(name.as_deref(), &image, ui)
    }

    /// Says where the image is, and what can be done with it.
    fn tell(&self, name: Option<&str>, image: &SourceImage, ui: &Ui) -> Result<()> {
        let path = pulled::top(&self.to, image)?;
        let answer = Answer {
            name,
            platform: image.platform.to_string(),
            manifest: image.manifest.digest.to_string(),
            image: &path,
            layers: image.layers.len(),
        };
        let short = name.filter(|_| self.to == pulled::directory() && self.platform.is_none());
        let typed = short.map_or_else(|| path.display().to_string(), str::to_owned);
        let text = format!(
            "{} for {} is {}\n  cimsnap cim tree -d 1 {typed}\n  cimsnap cim mount {typed} /mnt",
            Escaped(name.unwrap_or("the image")),
            Escaped(&answer.platform),
            path.display(),
        );
        Ok(ui.summary(&answer, &text)?)
    }
}

impl Asking {
    fn settings(&self) -> Result<Settings> {
        let silence = Duration::from_secs(self.timeout);
        Ok(Settings {
            plain_http: self.plain_http,
            mirrors: self.mirror.clone(),
            credentials: credentials()?.with_patience(silence),
            silence,
            retries: self.retries,
        })
    }
}

/// Reads what `docker login` has left.
fn credentials() -> Result<Credentials> {
    let home = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
    let given = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let directory = given("DOCKER_CONFIG").or_else(|| Some(given(home)?.join(".docker")));
    Ok(match directory {
        Some(directory) => Credentials::read(&directory.join("config.json"))?,
        None => Credentials::default(),
    })
}
