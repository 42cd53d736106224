//! A file's data on its way into an image.

use std::io;

use super::Writer;
use crate::cim::error::CimError;

/// The open stream of a file. Dropping it without [`finish`](Self::finish) leaves the image as it was.
#[derive(Debug)]
#[must_use = "the file is made when the stream is finished"]
pub struct StreamWriter<'w> {
    writer: Option<&'w mut Writer>,
}

impl<'w> StreamWriter<'w> {
    pub(super) fn new(writer: &'w mut Writer) -> Self {
        Self { writer: Some(writer) }
    }

    /// Appends all of `bytes`, or nothing where they would pass the declared size.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => unreachable!("only finish takes the writer, and it consumes the stream"),
        }
    }

    /// Makes the file.
    pub fn finish(mut self) -> Result<(), CimError> {
        match self.writer.take() {
            Some(writer) => writer.finish_stream(),
            None => unreachable!("finish consumes the stream"),
        }
    }
}

impl io::Write for StreamWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for StreamWriter<'_> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            // Only a region that cannot be made fails here, and the next write says so again.
            drop(writer.abandon_stream());
        }
    }
}
