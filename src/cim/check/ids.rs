//! Which file ids an image has, and which of them were reached.

use crate::cim::units::FileId;

/// A bit for each file id whose record lies in a file table that can be read.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// For each table, the number of its first bit and of its records; `None` for one that cannot be read.
    tables: Vec<Option<(usize, u16)>>,
    total: usize,
    reached: Vec<u64>,
}

impl Ids {
    /// Adds the next file table, with the number of records that really lie there.
    pub(super) fn push_table(&mut self, records: Option<u16>) {
        self.tables.push(records.map(|count| (self.total, count)));
        self.total = self.total.saturating_add(usize::from(records.unwrap_or(0)));
        self.reached.resize(self.total.div_ceil(64), 0);
    }

    /// Returns whether the file table of a file can be read, be it too short for the file.
    pub(super) fn knows_table(&self, id: FileId) -> bool {
        matches!(self.tables.get(id.table()), Some(Some(_)))
    }

    /// Marks a file as reached; returns whether it was not so before.
    pub(super) fn reach(&mut self, id: FileId) -> bool {
        let Some((word, mask)) = self.bit(id) else { return false };
        let Some(word) = self.reached.get_mut(word) else { return false };
        let first = *word & mask == 0;
        *word |= mask;
        first
    }

    /// Returns whether a file was reached.
    pub(super) fn is_reached(&self, id: FileId) -> bool {
        let word = |(word, mask): (usize, u64)| self.reached.get(word).is_some_and(|word| word & mask != 0);
        self.bit(id).is_some_and(word)
    }

    /// Yields all ids whose records can be read.
    pub(super) fn iter(&self) -> impl Iterator<Item = FileId> {
        let tables = self.tables.iter().enumerate().filter_map(|(at, table)| Some((at, (*table)?.1)));
        tables.flat_map(|(table, count)| (0..count).filter_map(move |slot| id(table, slot)))
    }

    fn bit(&self, id: FileId) -> Option<(usize, u64)> {
        let (start, count) = (*self.tables.get(id.table())?)?;
        if id.slot() >= usize::from(count) {
            return None;
        }
        let bit = start.checked_add(id.slot())?;
        Some((bit / 64, 1 << (bit % 64)))
    }
}

fn id(table: usize, slot: u16) -> Option<FileId> {
    let first = u32::try_from(table).ok()?.checked_mul(FileId::PER_TABLE)?;
    FileId::from_raw(first.checked_add(u32::from(slot))?.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_tables_that_cannot_be_read_have_no_bit() {
        let mut ids = Ids::default();
        ids.push_table(Some(1024));
        ids.push_table(None);
        ids.push_table(Some(3));
        let id = |raw| FileId::from_raw(raw).unwrap();
        assert!(ids.knows_table(id(2052)) && !ids.knows_table(id(1025)) && !ids.knows_table(id(4000)));
        assert!(!ids.reach(id(2052)) && !ids.reach(id(1025)));
        assert!(ids.reach(id(2051)) && !ids.reach(id(2051)) && !ids.reach(id(2000)));
        assert!(ids.is_reached(id(2051)) && !ids.is_reached(id(2050)));
        assert_eq!(ids.iter().count(), 1027);
        assert_eq!(ids.iter().last(), Some(id(2051)));
    }
}
