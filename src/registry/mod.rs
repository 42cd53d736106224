//! Images from outside containerd: OCI layouts on disk, archives of docker, registries.
//!
//! ```text
//!   top of a source ─► index ─► … ─► manifest ─► config: system, diff ids
//!          tag        platform         └─────► layers: digest, size, media type
//! ```
//!
//! A [`Source`] has blobs that are named by their digests. Nothing in one is believed: a descriptor names a blob only by a
//! well-formed digest, documents have a largest size and are compared with their digest and size before they are
//! parsed, indexes are nested to a limit and read once each. Layers are handed out unread, with what their stream must
//! turn out to be.
//!
//! Documents of Docker, in their own media types, are read as those of OCI are.

mod archive;
mod blob;
mod choice;
mod error;
mod image;
mod layout;
mod platform;
mod pulled;
mod reference;
mod remote;
mod servers;

pub use archive::{Archive, ArchiveError};
pub use blob::{Blob, BlobKind, Bytes, Source, Top};
pub use error::RegistryError;
pub use image::{SourceImage, SourceLayer};
pub use layout::Layout;
pub use platform::{BadPlatform, Platform, PlatformWish};
pub use pulled::{Documents, Pulled, PulledImage};
pub use reference::{BadReference, Reference};
pub use remote::{Credentials, CredentialsError, HelperError, Mirror, Remote, RemoteError, Settings};
pub use remote::{Refusals, Says, TooSlow, TransportError, Who};
pub use servers::Servers;
