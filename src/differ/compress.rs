//! Blobs as they are stored.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::DifferError;
use crate::layer::stream::{Format, MediaType};

/// What a blob is made of, if nobody says.
const DEFAULT: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// How a blob is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packing {
    pub(super) media_type: String,
    format: Format,
}

impl Packing {
    pub(super) fn new(media_type: &str) -> Result<Self, DifferError> {
        let media_type = if media_type.is_empty() { DEFAULT } else { media_type };
        let known: MediaType =
            media_type.parse().map_err(|_| DifferError::MediaType(media_type.to_owned()))?;
        Ok(Self { media_type: media_type.to_owned(), format: known.format().unwrap_or(Format::Tar) })
    }

    /// Begins to compress.
    pub(super) fn encode<W: Write>(&self, out: W) -> io::Result<Encoder<W>> {
        Ok(match self.format {
            Format::Tar => Encoder::Plain(out),
            Format::Gzip => Encoder::Gzip(GzEncoder::new(out, Compression::default())),
            Format::Zstd => Encoder::Zstd(zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?),
        })
    }
}

/// Compresses what is written to it.
pub(super) enum Encoder<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Writes what is left, and returns what was written to.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}
