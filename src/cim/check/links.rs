//! How names and files agree: no file without a name, parents that hold their children, links as they are stored.

use zerocopy::IntoBytes;

use super::{Checker, Severity};
use crate::cim::error::{Fault, Place};
use crate::cim::files;
use crate::cim::format::{LinkEntry, RawLinksHeader};
use crate::cim::reader::Record;
use crate::cim::units::FileId;

pub(super) fn check(checker: &mut Checker<'_>) {
    checker.names.sort_unstable();
    let ids = std::mem::take(&mut checker.ids);
    for id in ids.iter() {
        check_record(checker, id, ids.is_reached(id));
    }
    checker.ids = ids;
    check_stored(checker);
}

/// Checks a record against the names that lead to it.
fn check_record(checker: &mut Checker<'_>, id: FileId, reached: bool) {
    let Ok(record) = checker.image.record(id) else { return };
    let root = checker.image.root();
    if !record.has_parent {
        // Without a parent's id, a record that no name leads to may be left over from a deleted file.
        if !reached && checker.complete && !is_zero(&record) {
            checker.note(record.place, None, Fault::Orphan { id: id.raw() });
        }
        return;
    }
    let (place, parent) = (record.place, FileId::from_raw(record.raw.parent.get()));
    if id == root {
        if parent != Some(root) {
            let (expected, found) = (u64::from(root.raw()), u64::from(record.raw.parent.get()));
            checker.note(place, None, Fault::Mismatch { field: "the parent of the root", expected, found });
        }
        return;
    }
    // A free record that a name leads to was reported when it was reached.
    let Some(parent) = parent else { return };
    if !reached {
        if checker.complete {
            checker.error(place, None, Fault::Orphan { id: id.raw() });
        }
        return;
    }
    if checker.names.binary_search(&(id, parent)).is_err() && checker.complete {
        checker.error(place, None, Fault::Parent { id: id.raw(), parent: parent.raw() });
    }
}

fn is_zero(record: &Record<'_>) -> bool {
    record.raw.as_bytes().iter().chain(record.tail).all(|&byte| byte == 0)
}

/// Checks the links that lie beside the image, if there are any.
fn check_stored(checker: &mut Checker<'_>) {
    let image = checker.image;
    let name = files::links(image.header().own.guid);
    let bytes = match image.containing_directory().open(&name) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => {
            let fault = Fault::Unreadable { reason: error.to_string() };
            return checker.find(Severity::Error, Place { file: name, offset: 0 }, None, fault);
        }
    };
    let entries = match RawLinksHeader::parse(bytes.as_slice()) {
        Ok(entries) => entries,
        Err(fault) => return checker.find(Severity::Error, Place { file: name, offset: 0 }, None, fault),
    };
    if let Some(index) = entries.windows(2).position(|pair| key(&pair[0]) > key(&pair[1])) {
        let reason = "it is out of order".to_owned();
        let place = entry_place(&name, index.saturating_add(1));
        return checker.find(
            Severity::Error,
            place,
            None,
            Fault::Malformed { what: "a stored link", reason },
        );
    }
    if checker.complete {
        compare(checker, &name, entries);
    }
}

fn key(entry: &LinkEntry) -> (u32, u32) {
    (entry.file.get(), entry.directory.get())
}

fn entry_place(name: &str, index: usize) -> Place {
    let index = u64::try_from(index).expect("a usize fits a u64");
    let offset =
        super::size::<RawLinksHeader>().saturating_add(index.saturating_mul(super::size::<LinkEntry>()));
    Place { file: name.to_owned(), offset }
}

/// Compares the stored links with the names that were found; both are sorted by file, then by directory.
fn compare(checker: &mut Checker<'_>, name: &str, entries: &[LinkEntry]) {
    let names = std::mem::take(&mut checker.names);
    let image = checker.image;
    let is_directory = |id| image.file(id).is_ok_and(|file| file.is_directory());
    let mut found = names
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|group| group.len() > 1 && !is_directory(group[0].0))
        .peekable();
    let mut index = 0usize;
    for stored in entries.chunk_by(|a, b| a.file == b.file) {
        let place = entry_place(name, index);
        index = index.saturating_add(stored.len());
        let file = stored[0].file.get();
        while let Some(group) = found.next_if(|group| group[0].0.raw() < file) {
            let fault = Fault::Links { id: group[0].0.raw(), stored: 0, found: group.len() };
            checker.find(Severity::Error, place.clone(), None, fault);
        }
        let group = found.next_if(|group| group[0].0.raw() == file).unwrap_or_default();
        if let Some(fault) = group_fault(file, stored, group) {
            checker.find(Severity::Error, place, None, fault);
        }
    }
    for group in found {
        let fault = Fault::Links { id: group[0].0.raw(), stored: 0, found: group.len() };
        checker.find(Severity::Error, entry_place(name, index), None, fault);
    }
    checker.names = names;
}

fn group_fault(file: u32, stored: &[LinkEntry], found: &[(FileId, FileId)]) -> Option<Fault> {
    if found.is_empty() {
        let reason = format!("file {file} does not have several names");
        return Some(Fault::Malformed { what: "a stored link", reason });
    }
    if stored.len() != found.len() {
        return Some(Fault::Links { id: file, stored: stored.len(), found: found.len() });
    }
    let wrong = stored.iter().zip(found).find(|(stored, found)| stored.directory.get() != found.1.raw())?;
    let reason = format!("file {file} does not have as many names in directory {}", wrong.0.directory);
    Some(Fault::Malformed { what: "a stored link", reason })
}
