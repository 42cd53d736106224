//! An OCI layer becomes edits of an image, and a change of an image becomes a layer.

pub(crate) mod base64;
pub mod commit;
pub mod digest;
pub mod export;
pub mod hive;
pub mod import;
pub mod linux;
pub mod metadata;
pub mod pax;
pub mod sddl;
pub mod stream;
pub mod tar;
pub mod windows;
