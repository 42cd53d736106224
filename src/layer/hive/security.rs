//! Security descriptors: that of a root that nobody described, and how keys share them.

use std::collections::HashMap;

use super::format::NIL;

/// Returns the descriptor that a created hive gives its root: full control for the system and administrators, read
/// access for everyone and restricted code, inherited by subkeys; owned by administrators.
pub fn default_security() -> &'static [u8] {
    &DEFAULT
}

/// Header of 20 bytes, DACL of 92, owner and group of 16 each.
#[rustfmt::skip]
const DEFAULT: [u8; 144] = [
    // Revision 1; self-relative with a DACL; owner at 112, group at 128, no SACL, DACL at 20.
    1, 0, 0x04, 0x80, 112, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
    // ACL of revision 2, 92 bytes, four entries.
    2, 0, 92, 0, 4, 0, 0, 0,
    // Allow, inherited by containers: full control for the system.
    0, 2, 20, 0, 0x3F, 0x00, 0x0F, 0x00, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
    // Full control for administrators.
    0, 2, 24, 0, 0x3F, 0x00, 0x0F, 0x00, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0,
    // Read for everyone.
    0, 2, 20, 0, 0x19, 0x00, 0x02, 0x00, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
    // Read for restricted code.
    0, 2, 20, 0, 0x19, 0x00, 0x02, 0x00, 1, 1, 0, 0, 0, 0, 0, 5, 12, 0, 0, 0,
    // Owner and group: administrators.
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0,
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0,
];

/// The distinct descriptors of a hive to write, in the order of their first use.
#[derive(Default)]
pub(super) struct Descriptors<'s> {
    entries: Vec<Descriptor<'s>>,
    by_bytes: HashMap<&'s [u8], usize>,
    /// Address and length; spares hashing a descriptor once for each of the keys that share it.
    by_place: HashMap<(usize, usize), usize>,
}

/// A descriptor of a hive to write.
pub(super) struct Descriptor<'s> {
    pub(super) bytes: &'s [u8],
    /// The cell, once it is laid out.
    pub(super) cell: u32,
    /// The number of keys that use it.
    pub(super) users: u32,
}

impl<'s> Descriptors<'s> {
    /// Counts one more use of a descriptor. Returns its number, and whether it is new.
    pub(super) fn count(&mut self, bytes: &'s [u8]) -> (usize, bool) {
        let index = self.find(bytes).unwrap_or(self.entries.len());
        let is_new = index == self.entries.len();
        if is_new {
            self.by_bytes.insert(bytes, index);
            self.entries.push(Descriptor { bytes, cell: NIL, users: 0 });
        }
        self.by_place.insert(place(bytes), index);
        if let Some(entry) = self.entries.get_mut(index) {
            entry.users = entry.users.saturating_add(1);
        }
        (index, is_new)
    }

    /// Returns the number of a descriptor.
    pub(super) fn find(&self, bytes: &'s [u8]) -> Option<usize> {
        self.by_place.get(&place(bytes)).or_else(|| self.by_bytes.get(bytes)).copied()
    }

    /// Notes where a descriptor is.
    pub(super) fn set_cell(&mut self, index: usize, cell: u32) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.cell = cell;
        }
    }

    /// Returns a descriptor.
    pub(super) fn get(&self, index: usize) -> Option<&Descriptor<'s>> {
        self.entries.get(index)
    }

    /// Returns the cells before and after a descriptor in the ring that all of them form.
    pub(super) fn neighbours(&self, index: usize) -> (u32, u32) {
        let cell = |entry: Option<&Descriptor<'_>>| entry.map_or(NIL, |entry| entry.cell);
        let before = index.checked_sub(1).and_then(|before| self.entries.get(before));
        let after = index.checked_add(1).and_then(|after| self.entries.get(after));
        (cell(before.or(self.entries.last())), cell(after.or(self.entries.first())))
    }
}

fn place(bytes: &[u8]) -> (usize, usize) {
    (bytes.as_ptr().addr(), bytes.len())
}
