//! Layers of Windows.

pub mod metadata;
