//! Images that were pulled, by their names.

use std::path::{Path, PathBuf};

use cimsnap::cim::Image;
use cimsnap::registry::{PlatformWish, Pulled, Reference, SourceImage};

use super::Result;
use super::convert::image_name;

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

/// Returns the path of an image. What exists is a path, whatever it is called.
pub(crate) fn path(image: &Path) -> Result<PathBuf> {
    let reference = image.to_str().and_then(|text| text.parse::<Reference>().ok());
    let Some(reference) = reference.filter(|_| !image.exists()) else { return Ok(image.to_owned()) };
    let directory = directory();
    let found = Pulled::beside(&directory).find(&reference.to_string(), &PlatformWish::here())?;
    found.map_or_else(|| Ok(image.to_owned()), |found| top(&directory, &found))
}

/// Returns the path of what an image has become: the image of its highest layer.
pub(crate) fn top(directory: &Path, image: &SourceImage) -> Result<PathBuf> {
    let names = image.layers.last().map(image_name).transpose()?;
    Ok(names.map_or_else(|| directory.to_owned(), |name| directory.join(name.as_str())))
}
