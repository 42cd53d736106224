//! Writes a tar, byte for byte as Go's `archive/tar` does: PAX records only for what a ustar header cannot hold, and
//! nothing that depends on the host or on the time of day.

mod header;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Write;

use tar::EntryType;

use super::error::{EntryError, ExportError};
use crate::cim::wsl::Device;
use crate::layer::pax::{self, MAX_BLOCK, PaxError};

const BLOCK: u64 = 512;

/// Records by their keys, so that they come in one order.
pub(super) type RecordMap = BTreeMap<Vec<u8>, Vec<u8>>;

/// What an entry says of a file, apart from its name and its data.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) kind: EntryType,
    /// Where a link leads.
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) device: Device,
    /// Nanoseconds since 1970.
    pub(super) modified: i128,
    /// What no header has a field for.
    pub(super) records: RecordMap,
    /// The part of that which a file has once, and its other names do not repeat.
    pub(super) once: RecordMap,
}

impl Description {
    /// Describes something that has nothing but a name.
    pub(super) fn bare(kind: EntryType) -> Self {
        Self {
            kind,
            link: Vec::new(),
            mode: 0,
            uid: 0,
            gid: 0,
            device: Device::default(),
            modified: 0,
            records: RecordMap::new(),
            once: RecordMap::new(),
        }
    }

    /// Describes one more name of the file. Programs that unpack layers set owner, mode and times again by it.
    pub(super) fn linked_to(self, target: &[u8]) -> Self {
        let (link, once) = (target.to_vec(), RecordMap::new());
        Self { kind: EntryType::Link, link, once, device: Device::default(), ..self }
    }
}

/// A tar under construction.
pub(super) struct Archive<W> {
    out: W,
    /// Data of the entry that is still to come, and what pads it.
    left: u64,
    padding: u64,
}

impl<W: Write> Archive<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, left: 0, padding: 0 }
    }

    /// Writes an entry that has no data.
    pub(super) fn entry(&mut self, path: &[u8], description: &Description) -> Result<(), ExportError> {
        self.begin(path, description, 0)
    }

    /// Begins an entry with data.
    pub(super) fn begin(
        &mut self,
        path: &[u8],
        description: &Description,
        size: u64,
    ) -> Result<(), ExportError> {
        let named = |error| ExportError::entry(path, error);
        let (header, records) = header::of_entry(path, description, size).map_err(named)?;
        if !records.is_empty() {
            let block = block(&records).map_err(|error| named(error.into()))?;
            let len = u64::try_from(block.len()).unwrap_or(u64::MAX);
            self.write(&header::of_records(path, len))?;
            self.write(&block)?;
            self.pad(padding(len))?;
        }
        (self.left, self.padding) = (size, padding(size));
        self.write(&header)
    }

    /// Appends data to the entry.
    pub(super) fn data(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let left = self.left.checked_sub(len).ok_or(ExportError::Write(excess()))?;
        self.left = left;
        self.write(bytes)
    }

    /// Ends an entry with data.
    pub(super) fn end(&mut self, path: &[u8]) -> Result<(), ExportError> {
        if self.left > 0 {
            return Err(ExportError::entry(path, EntryError::Truncated { missing: self.left }));
        }
        let padding = std::mem::take(&mut self.padding);
        self.pad(padding)
    }

    /// Ends the archive.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        self.pad(2 * BLOCK)?;
        self.out.flush().map_err(ExportError::Write)
    }

    fn pad(&mut self, len: u64) -> Result<(), ExportError> {
        let zeros = [0; 1024];
        let len = usize::try_from(len).unwrap_or(zeros.len());
        self.write(zeros.get(..len).unwrap_or(&zeros))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        self.out.write_all(bytes).map_err(ExportError::Write)
    }
}

fn excess() -> std::io::Error {
    std::io::Error::other("more data than the entry has")
}

fn padding(len: u64) -> u64 {
    len.next_multiple_of(BLOCK) - len
}

fn block(records: &RecordMap) -> Result<Vec<u8>, PaxError> {
    let mut block = Vec::new();
    records.iter().try_for_each(|(key, value)| pax::append(&mut block, key, value))?;
    if block.len() > MAX_BLOCK {
        return Err(PaxError::TooLong { len: block.len(), max: MAX_BLOCK });
    }
    Ok(block)
}
