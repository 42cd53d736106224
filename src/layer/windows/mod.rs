//! Layers of Windows.

pub mod metadata;
pub mod registry;
