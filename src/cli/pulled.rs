//! Images that were pulled, by their names.

use std::path::{Path, PathBuf};

use cimsnap::cim::Image;
use cimsnap::registry::{PlatformWish, Pulled, Reference, SourceImage};

use super::Result;
use super::convert::image_name;
use super::failure::Failure;

/// Names another directory than the usual one.
const VARIABLE: &str = "CIMSNAP_IMAGES";

/// Returns where images are kept if nobody says.
pub(crate) fn directory() -> PathBuf {
    let usual = if cfg!(windows) { r"C:\ProgramData\cimsnap-images" } else { "/var/lib/cimsnap-images" };
    std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map_or_else(|| usual.into(), PathBuf::from)
}

/// Opens an image by its path, or by the name that it was pulled by.
pub(crate) fn open(image: &Path) -> Result<Image> {
    Ok(Image::open(&path(image)?)?)
}

/// Returns the path of an image. What exists is a path, whatever it is called, and so is what is called like a file.
pub(crate) fn path(image: &Path) -> Result<PathBuf> {
    let reference = image.to_str().and_then(|text| text.parse::<Reference>().ok());
    let is_file = image.exists() || image.extension().is_some_and(|extension| extension == "cim");
    let Some(reference) = reference.filter(|_| !is_file) else { return Ok(image.to_owned()) };
    let directory = directory();
    let found = Pulled::beside(&directory).find(&reference.to_string(), &PlatformWish::here())?;
    let missing = || Failure::NotPulled(image.display().to_string());
    top(&directory, &found.ok_or_else(missing)?)
}

/// Returns the path of what an image has become: the image of its highest layer.
pub(crate) fn top(directory: &Path, image: &SourceImage) -> Result<PathBuf> {
    let names = image.layers.last().map(image_name).transpose()?;
    Ok(names.map_or_else(|| directory.to_owned(), |name| directory.join(name.as_str())))
}
