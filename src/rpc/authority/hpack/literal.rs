//! Fields that are written in full.

use super::{Field, integer};

/// What begins a field that is new to both tables and enters none.
const NOT_INDEXED: u8 = 0x00;
/// The same, and nobody on the way may index it.
const NEVER_INDEXED: u8 = 0x10;

/// Appends a field in full, so that it can be read without a table (sections 6.2.2 and 6.2.3).
pub(in super::super) fn write_literal(field: &Field<'_>, out: &mut Vec<u8>) {
    out.push(if field.secret { NEVER_INDEXED } else { NOT_INDEXED });
    for text in [&field.name, &field.value] {
        integer::write(0, 7, text.len(), out);
        out.extend_from_slice(text);
    }
}
