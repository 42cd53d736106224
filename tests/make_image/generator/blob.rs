//! The blob of a layer: compressed on its way to the disk, and digested on both sides of that.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

/// How the layers of an image are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Compression {
    /// As almost all are.
    #[default]
    Gzip,
    /// As more and more are.
    Zstd,
    /// As tars.
    Plain,
}

const ZSTD_LEVEL: i32 = 3;

impl Compression {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
        }
    }

    fn encoder(self, out: Digesting) -> io::Result<Encoder> {
        Ok(match self {
            Self::Gzip => Encoder::Gzip(GzEncoder::new(out, flate2::Compression::default())),
            Self::Zstd => Encoder::Zstd(zstd::Encoder::new(out, ZSTD_LEVEL)?),
            Self::Plain => Encoder::Plain(out),
        })
    }
}

enum Encoder {
    Gzip(GzEncoder<Digesting>),
    Zstd(zstd::Encoder<'static, Digesting>),
    Plain(Digesting),
}

/// A file that is digested while it is written.
struct Digesting {
    file: BufWriter<File>,
    hash: Sha256,
    len: u64,
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The blob of a layer under construction; what is written to it is the tar.
pub(super) struct BlobWriter {
    directory: PathBuf,
    encoder: Encoder,
    hash: Sha256,
    len: u64,
}

/// The blob of a layer.
pub(super) struct Blob {
    pub(super) digest: String,
    pub(super) len: u64,
    pub(super) diff_id: String,
    pub(super) tar_len: u64,
}

impl BlobWriter {
    pub(super) fn create(directory: &Path, compression: Compression) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 18, File::create(directory.join(UNNAMED))?);
        let encoder = compression.encoder(Digesting { file, hash: Sha256::new(), len: 0 })?;
        Ok(Self { directory: directory.to_owned(), encoder, hash: Sha256::new(), len: 0 })
    }

    /// Gives the blob the name that follows from its bytes.
    pub(super) fn finish(self) -> io::Result<Blob> {
        let mut out = match self.encoder {
            Encoder::Gzip(encoder) => encoder.finish()?,
            Encoder::Zstd(encoder) => encoder.finish()?,
            Encoder::Plain(out) => out,
        };
        out.flush()?;
        let digest = hex(out.hash);
        std::fs::rename(self.directory.join(UNNAMED), self.directory.join(&digest))?;
        Ok(Blob { digest, len: out.len, diff_id: hex(self.hash), tar_len: self.len })
    }
}

const UNNAMED: &str = "unnamed.part";

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.encoder {
            Encoder::Gzip(encoder) => encoder.write_all(bytes)?,
            Encoder::Zstd(encoder) => encoder.write_all(bytes)?,
            Encoder::Plain(out) => out.write_all(bytes)?,
        }
        self.hash.update(bytes);
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the digest of bytes as digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}
