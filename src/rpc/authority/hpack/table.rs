//! What an index stands for (section 2.3).

use std::collections::VecDeque;

use super::HpackError;
use super::static_table::STATIC_TABLE;

/// What an entry counts for beside its name and value (section 4.1).
const ENTRY: usize = 32;

/// The table that each side may count on as long as nobody speaks of its size. Our server never does.
const GRANTED: usize = 4096;

/// Both tables: the one that never changes, and the one into which headers go.
#[derive(Debug)]
pub(super) struct Table {
    /// The newest entry first.
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    size: usize,
    capacity: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, capacity: GRANTED }
    }
}

impl Table {
    /// Looks up an index. Those of the static table come first.
    pub(super) fn get(&self, index: usize) -> Result<(&[u8], &[u8]), HpackError> {
        let place = index.checked_sub(1).ok_or(HpackError::Index(index))?;
        if let Some(found) = STATIC_TABLE.get(place) {
            return Ok(*found);
        }
        let (name, value) = self.entries.get(place - STATIC_TABLE.len()).ok_or(HpackError::Index(index))?;
        Ok((name, value))
    }

    /// Adds an entry, for which the oldest ones go. One that is larger than the table empties it.
    pub(super) fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        let size = size_of_entry(&name, &value);
        self.shrink_to(self.capacity.saturating_sub(size));
        if size <= self.capacity {
            self.size += size;
            self.entries.push_front((name, value));
        }
    }

    /// Changes how much goes into the table.
    pub(super) fn resize(&mut self, capacity: usize) -> Result<(), HpackError> {
        if capacity > GRANTED {
            return Err(HpackError::TableSize(capacity));
        }
        self.capacity = capacity;
        self.shrink_to(capacity);
        Ok(())
    }

    fn shrink_to(&mut self, most: usize) {
        while self.size > most {
            let Some((name, value)) = self.entries.pop_back() else { return };
            self.size -= size_of_entry(&name, &value);
        }
    }

    /// Returns how much is in the table that changes.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

fn size_of_entry(name: &[u8], value: &[u8]) -> usize {
    name.len() + value.len() + ENTRY
}
