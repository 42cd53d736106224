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

/// What becomes of a lowest layer of Windows that lacks a part of the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingHives {
    /// It is refused.
    #[default]
    Refuse,
    /// It gets an empty hive. Containers that run on the host itself need no more.
    Create,
}

/// Makes an image of a layer over `parent`, or of the lowest layer alone.
pub fn commit(
    layer: &LayerSet,
    os: LayerOs,
    parent: Option<&ImageName>,
    new: &ImageName,
    options: WriterOptions,
) -> Result<ImageHeader, CommitError> {
    commit_with(layer, os, parent, new, options, MissingHives::default())
}

/// Does the same, and says what becomes of missing hives.
pub fn commit_with(
    layer: &LayerSet,
    os: LayerOs,
    parent: Option<&ImageName>,
    new: &ImageName,
    options: WriterOptions,
    missing: MissingHives,
) -> Result<ImageHeader, CommitError> {
    let mut writer = layer.fork(parent, new, options)?;
    if os == LayerOs::Windows {
        links::decide(layer, &mut writer)?;
    }
    match (os, parent) {
        (LayerOs::Linux, _) => {}
        (LayerOs::Windows, None) => registry::complete_base(&mut writer, missing)?,
        (LayerOs::Windows, Some(_)) => registry::complete_upper(&mut writer)?,
    }
    Ok(writer.commit()?)
}
