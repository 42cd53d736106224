//! From a layer set and its parent to an image.
//!
//! All but the registry of Windows is in the layer set. Hives depend on the parent: what a layer has is the difference.

mod error;
mod links;
mod registry;

pub use error::CommitError;

use super::import::LayerOs;
use crate::cim::format::ImageHeader;
use crate::cim::{ImageName, LayerSet, WriterOptions};

/// Makes an image of a layer over `parent`, or of the lowest layer alone.
pub fn commit(
    layer: &LayerSet,
    os: LayerOs,
    parent: Option<&ImageName>,
    new: &ImageName,
    options: WriterOptions,
) -> Result<ImageHeader, CommitError> {
    let mut writer = layer.fork(parent, new, options)?;
    if os == LayerOs::Windows {
        links::decide(layer, &mut writer)?;
    }
    match (os, parent) {
        (LayerOs::Linux, _) => {}
        (LayerOs::Windows, None) => registry::complete_base(&mut writer)?,
        (LayerOs::Windows, Some(_)) => registry::complete_upper(&mut writer)?,
    }
    Ok(writer.commit()?)
}
