//! From a layer set and its parent to an image, or from a layer that the library of Windows writes.
//!
//! All but the registry of Windows is in the layer set. Hives depend on the parent: what a layer has is the difference.

mod draft;
mod error;
mod links;
mod native;
mod registry;

pub use error::CommitError;
pub use native::{commit_native, finish_native, native};

use super::import::LayerOs;
use crate::cim::format::ImageHeader;
use crate::cim::{ImageName, LayerSet, Writer, WriterOptions};
use draft::Draft;

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
    Ok(fork(layer, os, parent, new, options, MissingHives::default())?.commit()?)
}

/// Begins that image, with all that the layer makes of it, and says what becomes of missing hives.
pub fn fork(
    layer: &LayerSet,
    os: LayerOs,
    parent: Option<&ImageName>,
    new: &ImageName,
    options: WriterOptions,
    missing: MissingHives,
) -> Result<Writer, CommitError> {
    let mut writer = layer.fork(parent, new, options)?;
    if os == LayerOs::Windows {
        links::decide(layer.undecided_links()?, &mut writer)?;
        complete_registry(&mut writer, parent.is_some(), missing)?;
    }
    Ok(writer)
}

fn complete_registry(
    draft: &mut impl Draft,
    has_parent: bool,
    missing: MissingHives,
) -> Result<(), CommitError> {
    match has_parent {
        true => registry::complete_upper(draft),
        false => registry::complete_base(draft, missing),
    }
}
