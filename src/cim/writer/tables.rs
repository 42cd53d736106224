//! File tables while an image is edited: a table is copied from the parent when one of its records changes.
//!
//! A copied table has records as this library writes them. Those that came from version 1 do not state the directory of
//! their first name; it is found by a walk over the parent and filled in. So a record of a copied table is free if and
//! only if its parent is 0. Tables that are not copied keep the size of their records.

use std::sync::Arc;

use zerocopy::little_endian::U32;
use zerocopy::{FromZeros, IntoBytes};

use super::set::SetWriter;
use crate::cim::error::{CimError, InvalidInput, Unsupported};
use crate::cim::format::{FileTable, RawFileRecord, RegionType};
use crate::cim::reader::{Feature, Image};
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
            (_, Some(base)) => Ok(base.record(id)?.raw),
            (_, None) => Ok(RawFileRecord::new_zeroed()),
        }
    }

    /// Returns whether a record belongs to no file. A record that the parent has without a parent's id is taken for a
    /// file's: only a walk could tell.
    pub(super) fn is_free(&self, id: FileId) -> Result<bool, CimError> {
        match (self.touched.get(id.table()), &self.base) {
            (Some(Some(table)), _) => Ok(table.get(id.slot()).is_none_or(|record| record.parent.get() == 0)),
            (_, Some(base)) => Ok(base.record(id)?.is_free()),
            (_, None) => Ok(true),
        }
    }

    /// Changes a record. One that was read before its table was copied may lack the parent that copying has filled in.
    pub(super) fn set(&mut self, id: FileId, record: RawFileRecord) -> Result<(), CimError> {
        let slot = id.slot();
        let table = self.table_mut(id.table())?;
        if table.len() <= slot {
            table.resize(slot + 1, RawFileRecord::new_zeroed());
        }
        let is_free = record == RawFileRecord::new_zeroed();
        let parent = if is_free || record.parent.get() != 0 { record.parent } else { table[slot].parent };
        table[slot] = RawFileRecord { parent, ..record };
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
        let (Some((table, bytes)), Some(base)) = (inherited, &self.base) else { return Ok(Vec::new()) };
        let major = base.table_major(table);
        let records = (0..usize::from(table.count)).map_while(|slot| table.record(bytes, slot, major));
        let records = records.map(|(record, tail)| self.require_no_tail(record, tail));
        let mut records = records.collect::<Result<Vec<_>, _>>()?;
        if !table.has_parents(major) {
            let parents = base.found_parents()?;
            let first = u32::try_from(index).unwrap_or(u32::MAX).saturating_mul(FileId::PER_TABLE);
            for (record, number) in records.iter_mut().zip(1u32..) {
                let id = FileId::from_raw(first.saturating_add(number));
                let parent = id.and_then(|id| parents.get(&id));
                record.parent = U32::new(parent.map_or(0, |parent| parent.raw()));
            }
        }
        Ok(records)
    }

    /// Refuses to copy a record that is longer than what is known of it, and not zero there.
    fn require_no_tail(&self, record: RawFileRecord, tail: &[u8]) -> Result<RawFileRecord, CimError> {
        if tail.iter().all(|&byte| byte == 0) {
            return Ok(record);
        }
        let file = self.base.as_deref().map(|base| base.name().to_string()).unwrap_or_default();
        Err(Unsupported::Feature { file, feature: Feature::Tail }.into())
    }
}
