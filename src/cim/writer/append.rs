//! A file that is appended to, in large pieces.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::io::{Directory, OutputFile, WrittenBytes};

/// Small objects are gathered into pieces of this size, which stay in a core's own cache.
const BUFFER: usize = 256 << 10;

/// Pieces of this size and more are handed to the operating system as they come: another copy would cost more than
/// the call.
const DIRECT: usize = 64 << 10;

/// How many bytes may be dirty before the operating system is asked to write them out, so that the sync at the end
/// has little left to do.
const WRITEBACK: u64 = 8 << 20;

/// A file under its unpublished name.
#[derive(Debug)]
pub(super) struct AppendFile {
    path: PathBuf,
    file: Arc<dyn OutputFile>,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    flushed: u64,
    /// Up to where write-back was asked for; `None` where nobody waits for the disk.
    written_back: Option<u64>,
}

impl AppendFile {
    /// Creates a file that is to be published as `name`.
    pub(super) fn create(directory: &dyn Directory, name: &str, sync: bool) -> Result<Self, CimError> {
        let name = files::part(name);
        let path = directory.path().join(&name);
        let file = directory.create(&name).map_err(|error| CimError::io("create", &path, error))?;
        let written_back = sync.then_some(0);
        Ok(Self { path, file, buffer: Vec::with_capacity(BUFFER), flushed: 0, written_back })
    }

    /// Returns where the next byte goes.
    pub(super) fn end(&self) -> u64 {
        self.flushed.saturating_add(len(&self.buffer))
    }

    /// Returns up to where the operating system has the bytes.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// Returns a way to read what [`flushed`](Self::flushed) tells of.
    pub(super) fn reader(&self) -> std::io::Result<Box<dyn WrittenBytes>> {
        self.file.reader()
    }

    /// Says that what was written cannot be read.
    pub(super) fn unreadable(&self, error: std::io::Error) -> CimError {
        CimError::io("read back", &self.path, error)
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        if bytes.len() >= DIRECT {
            self.flush()?;
            return self.write_out(bytes);
        }
        if self.buffer.len().saturating_add(bytes.len()) > BUFFER {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends zeros; many of them as a hole in the file.
    pub(super) fn zeros(&mut self, count: u64) -> Result<(), CimError> {
        match usize::try_from(count) {
            Ok(few) if self.buffer.len().saturating_add(few) <= BUFFER => {
                self.buffer.resize(self.buffer.len() + few, 0);
            }
            _ => {
                self.flush()?;
                // What a cut has left behind the end must not show through the hole.
                self.set_len(self.flushed)?;
                self.flushed = self.flushed.saturating_add(count);
            }
        }
        Ok(())
    }

    /// Forgets everything from `end` on.
    pub(super) fn cut(&mut self, end: u64) {
        match end.checked_sub(self.flushed).and_then(|keep| usize::try_from(keep).ok()) {
            Some(keep) => self.buffer.truncate(keep),
            None => {
                self.buffer.clear();
                self.flushed = end;
            }
        }
    }

    /// Overwrites bytes that were appended before.
    pub(super) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<(), CimError> {
        self.flush()?;
        self.file.write_at(bytes, offset).map_err(|error| CimError::io("write", &self.path, error))
    }

    /// Hands everything to the operating system.
    pub(super) fn finish(&mut self) -> Result<(), CimError> {
        self.flush()?;
        self.set_len(self.flushed)
    }

    /// Returns the file, which is to be synced.
    pub(super) fn output(&self) -> Arc<dyn OutputFile> {
        self.file.clone()
    }

    /// Hands what is gathered to the operating system.
    pub(super) fn flush(&mut self) -> Result<(), CimError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.write_out(&buffer);
        buffer.clear();
        self.buffer = buffer;
        result
    }

    fn write_out(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let failed = |error| CimError::io("write", &self.path, error);
        self.file.write_at(bytes, self.flushed).map_err(failed)?;
        self.flushed = self.flushed.saturating_add(len(bytes));
        if let Some(from) = self.written_back
            && self.flushed.saturating_sub(from) >= WRITEBACK
        {
            self.file.start_writeback(from, self.flushed - from).map_err(failed)?;
            self.written_back = Some(self.flushed);
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> Result<(), CimError> {
        self.file.set_len(len).map_err(|error| CimError::io("set the length of", &self.path, error))
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a usize fits a u64")
}
