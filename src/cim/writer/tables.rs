//! File tables while an image is edited: a table is copied from the parent when one of its records changes.

use std::sync::Arc;

use zerocopy::{FromZeros, IntoBytes};

use super::set::SetWriter;
use crate::cim::error::{CimError, InvalidInput};
use crate::cim::format::{FileTable, RawFileRecord, RegionType};
use crate::cim::reader::Image;
use crate::cim::units::{FileId, RegionOffset};

#[derive(Debug)]
pub(super) struct FileTables {
    base: Option<Arc<Image>>,
    /// The tables that differ from the parent's; `None` where they do not.
    touched: Vec<Option<Vec<RawFileRecord>>>,
    /// The highest id in use, or that was in use.
    last: u32,
    /// Ids that were given back, to be used again.
    free: Vec<FileId>,
}

impl FileTables {
    pub(super) fn new(base: Option<Arc<Image>>) -> Result<Self, CimError> {
        let Some(image) = &base else {
            return Ok(Self { base, touched: Vec::new(), last: 0, free: Vec::new() });
        };
        let count = image.tables().len();
        let in_last = match count.checked_sub(1) {
            Some(index) => image.table(index)?.map_or(0, |(table, _)| u32::from(table.count)),
            None => 0,
        };
        let before = image.file_id_limit().saturating_sub(FileId::PER_TABLE);
        let last = before.saturating_add(in_last);
        Ok(Self { base, touched: vec![None; count], last, free: Vec::new() })
    }

    /// Returns a record.
    pub(super) fn get(&self, id: FileId) -> Result<RawFileRecord, CimError> {
        match (self.touched.get(id.table()), &self.base) {
            (Some(Some(table)), _) => {
                Ok(table.get(id.slot()).copied().unwrap_or_else(RawFileRecord::new_zeroed))
            }
            (_, Some(base)) => Ok(base.record(id)?.1),
            (_, None) => Ok(RawFileRecord::new_zeroed()),
        }
    }

    /// Changes a record.
    pub(super) fn set(&mut self, id: FileId, record: RawFileRecord) -> Result<(), CimError> {
        let slot = id.slot();
        let table = self.table_mut(id.table())?;
        if table.len() <= slot {
            table.resize(slot + 1, RawFileRecord::new_zeroed());
        }
        table[slot] = record;
        Ok(())
    }

    /// Finds an id for a new file.
    pub(super) fn allocate(&mut self) -> Result<FileId, CimError> {
        if let Some(id) = self.free.pop() {
            return Ok(id);
        }
        let next = self.last.checked_add(1).and_then(FileId::from_raw);
        let id = next.ok_or(InvalidInput::Full { what: "files" })?;
        self.last = id.raw();
        Ok(id)
    }

    /// Clears a record and takes its id back.
    pub(super) fn release(&mut self, id: FileId) -> Result<(), CimError> {
        self.set(id, RawFileRecord::new_zeroed())?;
        self.free.push(id);
        Ok(())
    }

    /// Writes the changed tables and a new directory of all; returns where it lies and how many it counts.
    pub(super) fn write(&self, set: &mut SetWriter) -> Result<(RegionOffset, u32), CimError> {
        let inherited = self.base.as_deref().map_or(&[][..], Image::tables);
        let mut directory = Vec::with_capacity(self.touched.len());
        for (index, touched) in self.touched.iter().enumerate() {
            let entry = match touched {
                Some(table) => Self::write_table(table, set)?.to_raw(),
                None => inherited.get(index).copied().unwrap_or_default(),
            };
            directory.push(entry);
        }
        let count = u32::try_from(directory.len()).expect("ids of 32 bits fill fewer tables");
        let offset = set.append(RegionType::METADATA, directory.as_slice().as_bytes())?;
        Ok((offset, count))
    }

    fn write_table(table: &[RawFileRecord], set: &mut SetWriter) -> Result<FileTable, CimError> {
        let count = u16::try_from(table.len()).expect("a table holds at most 1024 records");
        Ok(FileTable::new(set.append(RegionType::METADATA, table.as_bytes())?, count))
    }

    fn table_mut(&mut self, index: usize) -> Result<&mut Vec<RawFileRecord>, CimError> {
        if self.touched.len() <= index {
            self.touched.resize(index + 1, None);
        }
        let loaded = match &self.touched[index] {
            Some(_) => None,
            None => Some(self.load(index)?),
        };
        let slot = &mut self.touched[index];
        Ok(match loaded {
            Some(table) => slot.insert(table),
            None => slot.get_or_insert_default(),
        })
    }

    fn load(&self, index: usize) -> Result<Vec<RawFileRecord>, CimError> {
        let inherited = match &self.base {
            Some(base) => base.table(index)?,
            None => None,
        };
        let Some((table, bytes)) = inherited else { return Ok(Vec::new()) };
        Ok((0..usize::from(table.count)).filter_map(|slot| table.record(bytes, slot)).collect())
    }
}
