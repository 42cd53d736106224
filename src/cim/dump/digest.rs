//! Digests of what files hold, each object's computed once.

use std::collections::HashMap;

use super::hex;
use crate::cim::error::{CimError, ErrorKind};
use crate::cim::format::{Stream, StreamKind};
use crate::cim::reader::{Budget, Image};
use crate::cim::units::RegionOffset;

/// Bytes of a digest that are shown.
const SHOWN: usize = 12;

/// How often a byte may be read on average: a descriptor may be read as data, and no more than that is sane.
const READS: u64 = 4;

/// Data is hashed in pieces of this size.
const PIECE: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Object(RegionOffset, usize),
    Stream(Stream),
}

pub(super) struct Digests<'a> {
    image: &'a Image,
    known: HashMap<Key, Digest>,
    budget: Budget,
}

#[derive(Clone, Copy, Debug)]
enum Digest {
    /// Nothing but zeros, whether they were stored or not.
    Zeros,
    Hash([u8; SHOWN]),
}

impl Digest {
    fn show(self) -> String {
        match self {
            Self::Zeros => "zeros".to_owned(),
            Self::Hash(bytes) => hex(&bytes),
        }
    }
}

impl<'a> Digests<'a> {
    pub(super) fn new(image: &'a Image) -> Self {
        let budget = Budget::new("objects", image.regions().total_len().saturating_mul(READS));
        Self { image, known: HashMap::new(), budget }
    }

    /// Returns the digest of an object that lies at an offset.
    pub(super) fn object(&mut self, offset: RegionOffset, bytes: &[u8]) -> Result<String, CimError> {
        let key = Key::Object(offset, bytes.len());
        if let Some(known) = self.known.get(&key) {
            return Ok(known.show());
        }
        self.spend(offset, u64::try_from(bytes.len()).expect("a usize fits a u64"))?;
        let digest = Digest::Hash(front(blake3::hash(bytes)));
        self.known.insert(key, digest);
        Ok(digest.show())
    }

    /// Returns the digest of a stream's data; `None` where there is none, and `unknown` where the image is of a version that
    /// is known in part.
    pub(super) fn stream(&mut self, stream: Stream) -> Result<Option<String>, CimError> {
        if stream.len.get() == 0 {
            return Ok(None);
        }
        if stream.kind == StreamKind::Sparse {
            return Ok(Some(Digest::Zeros.show()));
        }
        let key = Key::Stream(stream);
        if let Some(known) = self.known.get(&key) {
            return Ok(Some(known.show()));
        }
        self.spend(stream.offset, stream.len.get())?;
        let digest = match self.hash(stream) {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Some("unknown".to_owned())),
            hashed => hashed?,
        };
        self.known.insert(key, digest);
        Ok(Some(digest.show()))
    }

    fn hash(&self, stream: Stream) -> Result<Digest, CimError> {
        let mut hasher = blake3::Hasher::new();
        let mut zeros = true;
        for chunk in self.image.data(stream)?.chunks(PIECE) {
            hasher.update(chunk.bytes());
            zeros = zeros && chunk.bytes().iter().all(|&byte| byte == 0);
        }
        Ok(if zeros { Digest::Zeros } else { Digest::Hash(front(hasher.finalize())) })
    }

    fn spend(&mut self, offset: RegionOffset, bytes: u64) -> Result<(), CimError> {
        self.budget.spend(bytes).map_err(|fault| self.image.regions().corrupt(offset, fault))
    }
}

fn front(hash: blake3::Hash) -> [u8; SHOWN] {
    *hash.as_bytes().first_chunk().expect("a hash has 32 bytes")
}
