//! Images from outside containerd: OCI layouts on disk.
//!
//! ```text
//!   oci-layout ─► index.json ─► index ─► … ─► manifest ─► config: system, diff ids
//!                     tag        platform         └─────► layers: digest, size, media type
//! ```
//!
//! A layout is a directory of blobs that are named by their digests. Nothing in one is believed: a descriptor names a
//! file only by a well-formed digest, documents have a largest size and are compared with their digest and size before
//! they are parsed, indexes are nested to a limit and read once each. Layers are handed out unread, with what their
//! stream must turn out to be.
//!
//! Documents of Docker, in their own media types, are read as those of OCI are.

mod choice;
mod error;
mod image;
mod layout;
mod platform;

pub use error::RegistryError;
pub use image::{SourceImage, SourceLayer};
pub use layout::{Blob, Layout};
pub use platform::{BadPlatform, Platform, PlatformWish};
