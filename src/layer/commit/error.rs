//! Why a layer does not become an image.

use thiserror::Error;

use crate::cim::{CimError, ImagePath};
use crate::layer::hive::HiveError;

/// Why a layer does not become an image.
#[derive(Debug, Error)]
pub enum CommitError {
    /// The image cannot be written, or the layer does not fit its parent.
    #[error(transparent)]
    Image(#[from] CimError),
    /// The lowest layer of Windows lacks a part of the registry.
    #[error("the base layer has no registry hive {0}")]
    NoHive(ImagePath),
    /// A layer changes a part of the registry that its parent lacks.
    #[error("the layer changes the registry hive {0}, which its parent does not have")]
    NoBase(ImagePath),
    /// A part of the registry is wrong.
    #[error("the registry hive {path} cannot be used")]
    Hive {
        /// The hive.
        path: ImagePath,
        /// What is wrong with it.
        source: HiveError,
    },
    /// A part of the registry is a directory, a link, or zeros from end to end.
    #[error("{0} is no registry hive")]
    NotAHive(ImagePath),
}
