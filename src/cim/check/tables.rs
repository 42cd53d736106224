//! The filesystem object, the upcase table and the file tables.

use zerocopy::IntoBytes;

use super::extents::{Claim, Object};
use super::{Checker, size};
use crate::cim::error::Fault;
use crate::cim::format::{FileTable, RawFileTable, RawFilesystem};
use crate::cim::names::upcase::{UPCASE_LEN, Upcase, standard};
use crate::cim::units::{FileId, RegionOffset};

pub(super) fn check(checker: &mut Checker<'_>) {
    let image = checker.image;
    let filesystem = *image.filesystem();
    checker.claim(Object::Filesystem, image.header().filesystem, size::<RawFilesystem>(), None);
    checker.claim(Object::Upcase, filesystem.upcase, size::<[u16; UPCASE_LEN]>(), None);
    if let Some(fault) = upcase_fault(image.upcase()) {
        checker.error(filesystem.upcase, None, fault);
    }
    let len = u64::from(filesystem.table_count).saturating_mul(size::<RawFileTable>());
    checker.claim(Object::TableDirectory, filesystem.tables, len, None);
    let last = image.tables().len().saturating_sub(1);
    for (index, &raw) in image.tables().iter().enumerate() {
        let place = entry_place(filesystem.tables, index);
        let records = check_table(checker, place, raw, index == last);
        if records.is_none() {
            checker.complete = false;
        }
        checker.ids.push_table(records);
    }
}

/// An upper-case letter must be its own upper case: look-ups compare names of which one is folded already.
fn upcase_fault(upcase: Upcase<'_>) -> Option<Fault> {
    if upcase.table().as_bytes() == standard().table().as_bytes() {
        return None;
    }
    let unit = (0..=u16::MAX).find(|&unit| {
        let upper = upcase.unit(unit);
        upcase.unit(upper) != upper
    })?;
    let (upper, further) = (upcase.unit(unit), upcase.unit(upcase.unit(unit)));
    let reason =
        format!("{unit:#06x} has the upper case {upper:#06x}, whose own upper case is {further:#06x}");
    Some(Fault::Malformed { what: "the upcase table", reason })
}

/// Checks a file table and returns how many records can be read; `None` where that is unknown.
fn check_table(checker: &mut Checker<'_>, place: RegionOffset, raw: RawFileTable, last: bool) -> Option<u16> {
    let table = match FileTable::try_from(raw) {
        Ok(table) => table,
        Err(fault) => {
            checker.error(place, None, fault);
            return None;
        }
    };
    if !last && u32::from(table.count) != FileId::PER_TABLE {
        let (expected, found) = (u64::from(FileId::PER_TABLE), u64::from(table.count));
        checker.note(
            place,
            None,
            Fault::Mismatch { field: "the count of an inner file table", expected, found },
        );
    }
    // Tables with the same bytes may be stored once: records of like files are the same in version 1.
    match checker.claim(Object::Table, table.offset, table.len(), None) {
        Claim::New(_) | Claim::Known(_) => match checker.tables.spend(table.len()) {
            Ok(()) => Some(table.count),
            Err(fault) => {
                checker.error(place, None, fault);
                None
            }
        },
        Claim::Unusable => None,
    }
}

/// Names the entry of the file table directory itself.
fn entry_place(directory: RegionOffset, index: usize) -> RegionOffset {
    let index = u64::try_from(index).expect("a usize fits a u64");
    let byte = directory.byte().saturating_add(index.saturating_mul(size::<RawFileTable>()));
    RegionOffset::new(directory.region(), byte).unwrap_or(directory)
}
