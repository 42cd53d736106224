//! Executables on their way into an image: their front is kept until the headers tell how to lay the file out, and the
//! bytes are spread and digested as they come.

use sha1::Sha1;
use sha2::{Digest, Sha256};
use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32, U64};

use super::append::AppendFile;
use super::hasher::StreamHasher;
use crate::cim::ea::{self, EaBuilder, EaList};
use crate::cim::error::CimError;
use crate::cim::format::{RawPeImage, RawPeMapping, Stream, StreamKind};
use crate::cim::pe::{self, Parsed, PeFile};
use crate::cim::units::{RegionOffset, StreamLen};

/// The flag of a PE image object whose image is valid.
const VALID: u16 = 1;

/// The front of a file of which it is not known yet whether it is an executable.
#[derive(Debug)]
pub(super) struct Front {
    /// Length of the file.
    len: u64,
    bytes: Vec<u8>,
    need: usize,
}

/// What a file turned out to be.
#[derive(Debug)]
pub(super) enum Verdict {
    Undecided,
    Plain,
    Image(PeFile),
}

impl Front {
    pub(super) fn new(len: u64) -> Self {
        Self { len, bytes: Vec::new(), need: 2 }
    }

    /// Takes bytes until it can tell; returns what is left of them.
    pub(super) fn push<'b>(&mut self, mut bytes: &'b [u8]) -> (Verdict, &'b [u8]) {
        loop {
            let (taken, rest) = bytes.split_at(self.need.saturating_sub(self.bytes.len()).min(bytes.len()));
            self.bytes.extend_from_slice(taken);
            bytes = rest;
            match pe::parse(&self.bytes, self.len) {
                Parsed::Image(file) => return (Verdict::Image(file), bytes),
                Parsed::Other => return (Verdict::Plain, bytes),
                Parsed::Need(need) => self.need = need,
            }
            if bytes.is_empty() {
                return (Verdict::Undecided, bytes);
            }
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// An executable that is being written.
#[derive(Debug)]
pub(super) struct Expansion {
    file: PeFile,
    /// The piece that the next byte belongs to.
    piece: usize,
    /// How many bytes of the file are written.
    at: u64,
    sha256: Sha256,
    /// Only of files without a signature.
    sha1: Option<Sha1>,
}

/// What an expanded executable is, beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cim) struct PeContent {
    /// Length of the file.
    pub(super) len: StreamLen,
    pub(super) data: RegionOffset,
    /// Length of the expanded data.
    pub(super) data_len: u64,
    pub(super) image_len: u32,
    pub(super) flags: u16,
    pub(super) mappings: Vec<RawPeMapping>,
}

/// Authenticode digests of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageHash {
    sha1: Option<[u8; 20]>,
    sha256: [u8; 32],
}

impl Expansion {
    pub(super) fn new(file: PeFile) -> Self {
        let sha1 = (!file.is_signed).then(Sha1::new);
        Self { file, piece: 0, at: 0, sha256: Sha256::new(), sha1 }
    }

    pub(super) fn stored_len(&self) -> u64 {
        self.file.stored_len
    }

    /// Appends bytes of the file, each where its piece lies.
    pub(super) fn append(
        &mut self,
        mut bytes: &[u8],
        out: &mut AppendFile,
        hasher: &mut StreamHasher,
    ) -> Result<(), CimError> {
        while !bytes.is_empty() {
            let piece = self.file.pieces[self.piece];
            let left = piece.file + piece.len - self.at;
            if left == 0 {
                let zeros = self.file.pieces[self.piece + 1].stored - (piece.stored + piece.len);
                out.zeros(zeros)?;
                hasher.zeros(zeros, out.flushed());
                self.piece += 1;
                continue;
            }
            let most = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (now, rest) = bytes.split_at(most);
            out.append(now)?;
            hasher.update(now, out.flushed());
            self.digest(now);
            self.at += u64::try_from(now.len()).expect("a usize fits a u64");
            bytes = rest;
        }
        Ok(())
    }

    /// Returns how many zeros complete the stored bytes of a file whose rest was not written.
    pub(super) fn missing(&self) -> u64 {
        let piece = self.file.pieces[self.piece];
        self.file.stored_len - (piece.stored + (self.at - piece.file))
    }

    /// Returns the digests of the file, of which `zeros` bytes were not written.
    pub(super) fn finish(mut self, data: RegionOffset, zeros: u64) -> (PeContent, ImageHash) {
        static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];
        let len = self.at + zeros;
        while self.at < len {
            let now = usize::try_from(len - self.at).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.digest(&ZEROS[..now]);
            self.at += u64::try_from(now).expect("a usize fits a u64");
        }
        let hash = ImageHash {
            sha1: self.sha1.map(|sha1| sha1.finalize().into()),
            sha256: self.sha256.finalize().into(),
        };
        let mapping = |(file_offset, delta)| RawPeMapping {
            file_offset: U32::new(file_offset),
            delta: U32::new(delta),
        };
        let content = PeContent {
            len: StreamLen::from_bits(len),
            data,
            data_len: self.file.stored_len,
            image_len: self.file.image_len,
            flags: VALID,
            mappings: self.file.mappings().map(mapping).collect(),
        };
        (content, hash)
    }

    fn digest(&mut self, bytes: &[u8]) {
        let (sha1, sha256) = (&mut self.sha1, &mut self.sha256);
        self.file.digested(self.at, bytes, |part| {
            sha256.update(part);
            sha1.iter_mut().for_each(|sha1| sha1.update(part));
        });
    }
}

impl PeContent {
    /// Returns the stream of the file before its descriptor has a place.
    pub(super) fn pending_stream(&self) -> Stream {
        Stream { offset: RegionOffset::NULL, len: self.len, kind: StreamKind::PeImage }
    }

    /// Returns the bytes of the descriptor.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let count = u16::try_from(self.mappings.len()).expect("there are fewer sections");
        let raw = RawPeImage {
            data: U64::new(self.data.raw()),
            data_len: U64::new(self.data_len),
            image_len: U32::new(self.image_len),
            mapping_count: U16::new(count),
            flags: U16::new(self.flags),
        };
        [raw.as_bytes(), self.mappings.as_slice().as_bytes()].concat()
    }
}

impl ImageHash {
    /// Adds the digests to a list of extended attributes, in place of older ones. A list that would get too long stays as
    /// it is: they are a cache.
    pub(super) fn add_to(&self, eas: &[u8]) -> Vec<u8> {
        self.try_add(eas).unwrap_or_else(|_| eas.to_vec())
    }

    fn try_add(&self, eas: &[u8]) -> Result<Vec<u8>, ea::EaError> {
        let mut all = EaBuilder::new();
        let kept = EaList::parse(eas)?;
        for ea in kept.iter().filter(|ea| !ea::is_image_hash(ea.name)) {
            all.push(ea.flags, ea.name, ea.value)?;
        }
        if let Some(sha1) = &self.sha1 {
            all.push(0, ea::IMAGE_HASH_SHA1, sha1)?;
        }
        all.push(0, ea::IMAGE_HASH_SHA256, &self.sha256)?;
        Ok(all.in_order())
    }
}
