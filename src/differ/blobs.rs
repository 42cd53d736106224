//! The blobs of containerd, whatever namespace has them, for whoever blocks.

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;

use tokio::runtime::{Builder, Runtime};

use super::Content;
use crate::layer::digest::Digest;
use crate::snapshot::fsck::Blobs;

/// The blobs of containerd.
pub struct ContainerdBlobs {
    content: Content,
    /// Receives what is read meanwhile.
    runtime: Runtime,
}

impl ContainerdBlobs {
    /// Reads the files below `root` where they can be read, and asks containerd at its socket where not.
    pub fn new(socket: PathBuf, root: PathBuf) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Self { content: Content::new(socket, Some(root)), runtime })
    }
}

impl fmt::Debug for ContainerdBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.content.fmt(f)
    }
}

impl Blobs for ContainerdBlobs {
    fn open(&self, blob: &Digest) -> Result<Option<Box<dyn Read + Send>>, Box<dyn Error + Send + Sync>> {
        Ok(self.runtime.block_on(self.content.find(blob))?)
    }
}
