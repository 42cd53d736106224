//! One region file under construction: appended to, and cut back when what was appended turns out to be there.

use zerocopy::IntoBytes;

use super::Placement;
use super::append::AppendFile;
use super::dedup::OwnObjects;
use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::format::{DigestKind, Guid, RegionHeader, RegionType};
use crate::cim::io::Directory;

#[derive(Debug)]
pub(super) struct RegionWriter {
    kind: RegionType,
    file: AppendFile,
    /// Objects that can be shared, in the order in which they were written.
    objects: OwnObjects,
}

impl RegionWriter {
    pub(super) fn create(
        directory: &dyn Directory,
        set: Guid,
        header: RegionHeader,
        ids: DigestKind,
        sync: bool,
    ) -> Result<Self, CimError> {
        let mut file = AppendFile::create(directory, &files::region(set, header.index), sync)?;
        file.append(header.to_raw().as_bytes())?;
        Ok(Self { kind: header.kind, file, objects: OwnObjects::new(ids) })
    }

    pub(super) fn kind(&self) -> RegionType {
        self.kind
    }

    pub(super) fn file(&mut self) -> &mut AppendFile {
        &mut self.file
    }

    pub(super) fn objects(&mut self) -> &mut OwnObjects {
        &mut self.objects
    }

    /// Pads with zeros to the region's alignment and returns where the next object begins.
    pub(super) fn align(&mut self) -> Result<u64, CimError> {
        self.pad(self.kind.alignment())
    }

    /// Hands everything to the operating system. A region of data ends with a whole block.
    pub(super) fn finish(&mut self, placement: Placement) -> Result<(), CimError> {
        self.pad(placement.end_alignment(self.kind))?;
        self.file.finish()
    }

    fn pad(&mut self, alignment: u64) -> Result<u64, CimError> {
        let end = self.file.end();
        let start = end.next_multiple_of(alignment);
        self.file.zeros(start.saturating_sub(end))?;
        Ok(start)
    }
}
