//! The data of a file on its way into the library.

use std::io;

use super::error::failed;
use super::kept::Kept;
use crate::cim::{CimError, ImagePath};
use crate::engine::DataSink;
use crate::sys::cimfs::Stream;

/// Takes the data of a file or stream.
///
/// The library has made the file already. So one that is dropped half-way cannot be undone, and its layer cannot be
/// finished any more.
#[derive(Debug)]
pub struct NativeData<'s> {
    pub(super) stream: Stream<'s>,
    pub(super) path: ImagePath,
    pub(super) size: u64,
    pub(super) kept: Option<&'s mut Kept>,
    pub(super) half_written: &'s mut bool,
}

impl DataSink for NativeData<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        // The library counts in 32 bits.
        for part in bytes.chunks(1 << 30) {
            self.stream.write(part).map_err(failed("write", &self.path))?;
        }
        match &mut self.kept {
            Some(kept) => kept.append(bytes),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<(), CimError> {
        drop(self.stream);
        if let Some(kept) = self.kept {
            kept.set_len(self.size)?;
        }
        *self.half_written = false;
        Ok(())
    }
}

impl io::Write for NativeData<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
