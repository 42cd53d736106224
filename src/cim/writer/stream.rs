//! A file's data on its way into an image.

use std::fmt;
use std::io;

use super::draft::StreamSink;
use crate::cim::error::CimError;

/// The open stream of a file. Dropping it without [`finish`](Self::finish) leaves the image as it was.
#[must_use = "the file is made when the stream is finished"]
pub struct StreamWriter<'w> {
    sink: &'w mut dyn StreamSink,
    finished: bool,
}

impl<'w> StreamWriter<'w> {
    pub(super) fn new(sink: &'w mut dyn StreamSink) -> Self {
        Self { sink, finished: false }
    }

    /// Appends all of `bytes`, or nothing where they would pass the declared size.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        self.sink.append(bytes)
    }

    /// Makes the file.
    pub fn finish(mut self) -> Result<(), CimError> {
        self.finished = true;
        self.sink.finish()
    }
}

impl fmt::Debug for StreamWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamWriter")
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
        if !self.finished {
            // Only a region that cannot be made fails here, and the next write says so again.
            drop(self.sink.abandon());
        }
    }
}
