//! Images of registries, as the OCI distribution specification has them.
//!
//! ```text
//!   Remote ─► Client ─► Endpoint…     mirrors first, then the registry
//!     │         │  └──► token ─► challenge, credentials ─► helper
//!     │         └─────► http      one answer; patience says whether to ask again
//!     └─────► Download            a layer as it comes; asks for the rest where it breaks off
//! ```
//!
//! Everything blocks: a layer is converted by the thread that reads it.

mod challenge;
mod client;
mod credentials;
mod download;
mod endpoint;
mod error;
mod helper;
mod http;
mod pace;
mod patience;
mod token;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use oci_spec::image::{Descriptor, MediaType};
use serde::Deserialize;

use super::blob::{Blob, BlobKind, Bytes, Source, Top, descriptor, parse};
use super::choice::{is_index, is_manifest};
use super::error::{RegistryError, quoted};
use super::reference::Reference;
use super::servers::Servers;
use crate::layer::digest::Digest;
use client::{Client, Wanted};
use download::Download;

pub use credentials::{Credentials, CredentialsError};
pub use endpoint::Mirror;
pub use error::{Refusals, RemoteError, Says, TransportError, Who};
pub use helper::HelperError;
pub use pace::TooSlow;

/// Layers that are read at once, as docker and containerd do.
const SIDE_BY_SIDE: usize = 3;

/// How to talk to a registry.
#[derive(Clone)]
pub struct Settings {
    /// Whether to ask without encryption.
    pub plain_http: bool,
    /// Who is asked before the registry.
    pub mirrors: Vec<Mirror>,
    /// Who we are.
    pub credentials: Credentials,
    /// How long a server may be silent. Averaged over this time, it has to send at least 1 KiB/s.
    pub silence: Duration,
    /// How often something is tried again that may come out well later.
    pub retries: u32,
}

/// An image of a registry, which may be one for many platforms.
pub struct Remote {
    client: Arc<Client>,
    /// The manifest or index that the reference names.
    root: Vec<u8>,
    descriptor: Descriptor,
    digest: Digest,
}

/// What every manifest and index may say of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    media_type: Option<String>,
}

impl Remote {
    /// Asks the registry of an image for its manifest or index.
    pub fn open(reference: &Reference, settings: Settings) -> Result<Self, RegistryError> {
        let client = Arc::new(Client::new(reference, settings));
        let path = format!("manifests/{}", reference.target());
        let wanted = Wanted { kind: BlobKind::Manifest, digest: reference.digest(), size: None };
        let (header, root) = client.document(&path, &wanted)?;
        let digest = Digest::of(&root);
        let name = format!("manifest {digest}");
        let kind: Kind = parse(&name, &root)?;
        let media_type = kind.media_type.or(header).unwrap_or_default();
        let media_type = MediaType::from(media_type.split(';').next().unwrap_or_default().trim());
        if !is_index(&media_type) && !is_manifest(&media_type) {
            let found = quoted(media_type.as_ref());
            return Err(RegistryError::MediaType {
                name,
                found,
                wanted: "that of a manifest or of an index",
            });
        }
        let size = u64::try_from(root.len()).unwrap_or(u64::MAX);
        let descriptor = descriptor(media_type.as_ref(), digest, size)?;
        Ok(Self { client, root, descriptor, digest })
    }
}

impl Source for Remote {
    fn noun(&self) -> &'static str {
        "registry"
    }

    fn top(&self) -> Result<Top, RegistryError> {
        Ok(Top { name: "the registry".to_owned(), descriptors: vec![self.descriptor.clone()] })
    }

    fn open(&self, blob: &Blob, urls: &[String]) -> Result<Bytes, RegistryError> {
        self.fetch(blob, urls, &Servers::default())
    }

    fn fetch(&self, blob: &Blob, urls: &[String], servers: &Servers) -> Result<Bytes, RegistryError> {
        if blob.digest == self.digest {
            return Ok(Box::new(Cursor::new(self.root.clone())));
        }
        let family = match blob.kind {
            BlobKind::Layer => return Ok(Box::new(Download::open(&self.client, blob, urls, servers)?)),
            BlobKind::Index | BlobKind::Manifest => "manifests",
            BlobKind::Configuration => "blobs",
        };
        let wanted = Wanted { kind: blob.kind, digest: Some(blob.digest), size: Some(blob.size) };
        let (_, bytes) = self.client.document(&format!("{family}/{}", blob.digest), &wanted)?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    fn side_by_side(&self) -> usize {
        SIDE_BY_SIDE
    }
}
