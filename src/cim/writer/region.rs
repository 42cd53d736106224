//! One region file under construction: appended to, and cut back when what was appended turns out to be there.

use std::path::PathBuf;

use zerocopy::IntoBytes;

use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::format::{Guid, RegionHeader, RegionType};
use crate::cim::io::{Directory, OutputFile};

/// Bytes are handed to the operating system in pieces of this size.
const BUFFER: usize = 1 << 20;

/// How many bytes may be dirty before the operating system is asked to write them out, so that the sync at the end
/// has little left to do.
const WRITEBACK: u64 = 8 << 20;

#[derive(Debug)]
pub(super) struct RegionWriter {
    path: PathBuf,
    file: Box<dyn OutputFile>,
    kind: RegionType,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    flushed: u64,
    /// Up to where write-back was asked for; `None` where nobody waits for the disk.
    written_back: Option<u64>,
    /// Objects that can be shared, in the order in which they were written.
    objects: super::dedup::OwnObjects,
}

impl RegionWriter {
    pub(super) fn create(
        directory: &dyn Directory,
        set: Guid,
        header: RegionHeader,
        sync: bool,
    ) -> Result<Self, CimError> {
        let name = files::part(&files::region(set, header.index));
        let path = directory.path().join(&name);
        let file = directory.create(&name).map_err(|error| CimError::io("create", &path, error))?;
        let mut buffer = Vec::with_capacity(BUFFER);
        buffer.extend_from_slice(header.to_raw().as_bytes());
        let written_back = sync.then_some(0);
        Ok(Self {
            path,
            file,
            kind: header.kind,
            buffer,
            flushed: 0,
            written_back,
            objects: Default::default(),
        })
    }

    pub(super) fn kind(&self) -> RegionType {
        self.kind
    }

    pub(super) fn objects(&mut self) -> &mut super::dedup::OwnObjects {
        &mut self.objects
    }

    /// Returns where the next byte goes.
    pub(super) fn end(&self) -> u64 {
        self.flushed.saturating_add(len(&self.buffer))
    }

    /// Pads with zeros to the region's alignment and returns where the next object begins.
    pub(super) fn align(&mut self) -> Result<u64, CimError> {
        let end = self.end();
        let start = end.next_multiple_of(self.kind.alignment());
        self.zeros(start.saturating_sub(end))?;
        Ok(start)
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        if self.buffer.len().saturating_add(bytes.len()) <= BUFFER {
            self.buffer.extend_from_slice(bytes);
            return Ok(());
        }
        self.flush()?;
        // Whole pieces need no copy.
        let (direct, rest) = bytes.split_at(bytes.len() - bytes.len() % BUFFER);
        self.write_out(direct)?;
        self.buffer.extend_from_slice(rest);
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

    /// Hands everything to the operating system and, with `sync`, to the disk.
    pub(super) fn finish(&mut self, sync: bool) -> Result<(), CimError> {
        self.flush()?;
        self.set_len(self.flushed)?;
        if sync {
            self.file.sync().map_err(|error| CimError::io("sync", &self.path, error))?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), CimError> {
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
