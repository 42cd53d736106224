//! Layers become images.
//!
//! [`Blob`] is one layer on its way into a layer set, [`Facts`] what is told of it; [`Conversion`] does a whole image.

mod blob;
mod conversion;
mod facts;
mod hives;
mod lines;
mod notes;
mod plan;

pub(crate) use blob::{Blob, Layer};
pub(crate) use conversion::{Conversion, Manner};
pub(crate) use facts::{Facts, stored};
pub(crate) use hives::Hives;
pub(crate) use notes::Notes;
pub(crate) use plan::image_name;
