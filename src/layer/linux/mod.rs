//! Layers of Linux.

pub mod metadata;
