//! One module for each family of commands.

pub(crate) mod cim;
pub(crate) mod image;
pub(crate) mod layer;
