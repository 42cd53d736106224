//! The bytes of a stream.

use super::{File, Image, Regions};
use crate::cim::error::{CimError, Fault};
use crate::cim::format::{PeImage, Stream, StreamKind};
use crate::cim::units::StreamLen;

/// Zeros that sparse streams read as.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// The bytes of a stream, ready to be read in any order.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    len: u64,
    source: Source<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    Plain(&'a [u8]),
    Zeros,
    /// The descriptor, and the expanded data.
    PeImage(PeImage<'a>, &'a [u8]),
}

/// A run of bytes that lies in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a>(&'a [u8]);

impl<'a> Chunk<'a> {
    /// Returns the bytes.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl Image {
    /// Opens the data of a file, like [`data`](Self::data).
    pub fn file_data(&self, file: &File) -> Result<Data<'_>, CimError> {
        self.require_known(file)?;
        self.data(file.data)
    }

    /// Opens a stream's data. Everything is checked here: reading cannot fail.
    pub fn data(&self, stream: Stream) -> Result<Data<'_>, CimError> {
        match stream.kind {
            StreamKind::Unknown(kind) => Err(self.unknown_stream(stream, kind)),
            _ => self.regions.data(stream),
        }
    }
}

impl Regions {
    /// Opens a stream's data. Everything is checked here: reading cannot fail.
    pub fn data(&self, stream: Stream) -> Result<Data<'_>, CimError> {
        let len = stream.len.get();
        let source = match stream.kind {
            StreamKind::Data => Source::Plain(self.object("stream data", stream.offset, len)?),
            StreamKind::Sparse => Source::Zeros,
            StreamKind::LinkTable => Source::Plain(&[]),
            StreamKind::PeImage => self.pe_image(stream)?,
            StreamKind::Unknown(kind) => return Err(self.corrupt(stream.offset, Fault::StreamType(kind))),
        };
        let len = if stream.is_directory() { 0 } else { len };
        Ok(Data { len, source })
    }

    /// Opens the data of an executable of `len` bytes by a description that lies elsewhere.
    pub(in crate::cim) fn expanded<'a>(
        &'a self,
        len: StreamLen,
        image: PeImage<'a>,
    ) -> Result<Data<'a>, CimError> {
        image.check(len).map_err(|fault| self.corrupt(image.data, fault))?;
        let data = self.object("the data of a PE image", image.data, image.data_len)?;
        Ok(Data { len: len.get(), source: Source::PeImage(image, data) })
    }

    fn pe_image(&self, stream: Stream) -> Result<Source<'_>, CimError> {
        let what = "the PE image object";
        let tail = self.tail(what, stream.offset)?;
        let image = PeImage::parse(tail).map_err(|fault| self.corrupt(stream.offset, fault))?;
        image.check(stream.len).map_err(|fault| self.corrupt(stream.offset, fault))?;
        let data = self.object("the data of a PE image", image.data, image.data_len)?;
        Ok(Source::PeImage(image, data))
    }
}

impl<'a> Data<'a> {
    /// Returns the length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether no byte was written: all of them are zeros.
    pub fn is_sparse(&self) -> bool {
        matches!(self.source, Source::Zeros)
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the run of bytes that begins at `offset`, as long as it lies in one piece and at most `max` long.
    /// Empty at the end, and only there.
    pub fn chunk(&self, offset: u64, max: usize) -> Chunk<'a> {
        let left = self.len.saturating_sub(offset);
        let (bytes, at, run) = match &self.source {
            _ if left == 0 => return Chunk(&[]),
            Source::Plain(bytes) => (*bytes, offset, left),
            Source::Zeros => (&ZEROS[..], 0, left.min(65_536)),
            Source::PeImage(image, bytes) => match image.run(offset, StreamLen::from_bits(self.len)) {
                Some(run) => (*bytes, run.at, run.len),
                None => return Chunk(&[]),
            },
        };
        let max = max.min(usize::try_from(run).unwrap_or(usize::MAX));
        let tail = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        Chunk(&tail[..max.min(tail.len())])
    }

    /// Fills `buffer` from `offset` on and returns how much there was.
    pub fn read_at(&self, buffer: &mut [u8], mut offset: u64) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            let chunk = self.chunk(offset, buffer.len() - filled).bytes();
            if chunk.is_empty() {
                break;
            }
            buffer[filled..filled + chunk.len()].copy_from_slice(chunk);
            filled += chunk.len();
            offset = offset.saturating_add(u64::try_from(chunk.len()).expect("a usize fits a u64"));
        }
        filled
    }

    /// Yields all bytes in order, in pieces of at most `max`.
    pub fn chunks(self, max: usize) -> impl Iterator<Item = Chunk<'a>> {
        let mut offset = 0u64;
        std::iter::from_fn(move || {
            let chunk = self.chunk(offset, max);
            offset = offset.saturating_add(u64::try_from(chunk.0.len()).expect("a usize fits a u64"));
            (!chunk.0.is_empty()).then_some(chunk)
        })
    }
}
