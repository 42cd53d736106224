//! The names of an image, from the root downwards.

use std::cmp::Ordering;

use zerocopy::little_endian::U32;

use super::extents::{Claim, Object};
use super::trail::{Mark, Trail};
use super::{Checker, file};
use crate::cim::error::Fault;
use crate::cim::names::NameRef;
use crate::cim::reader::{Budget, Entries, File};
use crate::cim::units::{FileId, RegionOffset};

struct Walk<'a> {
    trail: Trail,
    open: Vec<Open<'a>>,
    /// How many bytes of directories may still be entered: they do not share their names.
    budget: Budget,
}

/// A directory that the walk is in.
struct Open<'a> {
    id: FileId,
    place: RegionOffset,
    entries: Entries<'a>,
    next: usize,
    previous: Option<NameRef<'a>>,
    /// Where the trail was before this directory; `None` for the root.
    mark: Option<Mark>,
}

pub(super) fn check(checker: &mut Checker<'_>) {
    let budget = Budget::new("directories", checker.image.regions().total_len());
    let mut walk = Walk { trail: Trail::default(), open: Vec::new(), budget };
    enter_root(checker, &mut walk);
    while let Some(open) = walk.open.last_mut() {
        let index = open.next;
        let Some(entry) = open.entries.get(index) else {
            if let Some(mark) = open.mark {
                walk.trail.reset(mark);
            }
            walk.open.pop();
            continue;
        };
        open.next = index.saturating_add(1);
        let place = open.place;
        match entry {
            Ok((name, id)) => {
                let previous = open.previous.replace(name);
                let directory = open.id;
                check_name(checker, place, &walk.trail, index, previous, name);
                follow(checker, &mut walk, directory, place, name, id);
            }
            Err(fault) => {
                checker.error(place, Some(&walk.trail), fault);
                checker.complete = false;
            }
        }
    }
}

fn enter_root<'a>(checker: &mut Checker<'a>, walk: &mut Walk<'a>) {
    let root = checker.image.root();
    let Some(file) = reach(checker, &walk.trail, root) else { return };
    if !file.is_directory() {
        let reason = "the root is not a directory".to_owned();
        let place = checker.image.header().filesystem;
        checker.error(place, None, Fault::Malformed { what: Object::Filesystem.name(), reason });
    }
    enter(checker, walk, &file, None);
}

/// Checks a name on its own and against the one before it in the same table.
pub(super) fn check_name(
    checker: &mut Checker<'_>,
    place: RegionOffset,
    trail: &Trail,
    index: usize,
    previous: Option<NameRef<'_>>,
    name: NameRef<'_>,
) {
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    if let Err(error) = name.check() {
        checker.error(place, Some(trail), Fault::BadName { index, reason: error.to_string() });
    }
    match previous.map(|previous| previous.disk_cmp(name, checker.image.upcase())) {
        Some(Ordering::Greater) => checker.error(place, Some(trail), Fault::Unsorted { index }),
        Some(Ordering::Equal) => checker.error(place, Some(trail), Fault::DuplicateName { index }),
        Some(Ordering::Less) | None => {}
    }
}

/// Goes where a name leads.
fn follow<'a>(
    checker: &mut Checker<'a>,
    walk: &mut Walk<'a>,
    directory: FileId,
    place: RegionOffset,
    name: NameRef<'a>,
    id: U32,
) {
    let mark = walk.trail.push(name);
    checker.report.seen.names = checker.report.seen.names.saturating_add(1);
    let entered = match FileId::from_raw(id.get()) {
        Some(id) => {
            checker.names.push((id, directory));
            follow_id(checker, walk, id, place, mark)
        }
        None => {
            checker.error(place, Some(&walk.trail), Fault::ZeroFileId);
            checker.complete = false;
            false
        }
    };
    if !entered {
        walk.trail.reset(mark);
    }
}

/// Goes to a file; returns whether it is a directory that was entered.
fn follow_id<'a>(
    checker: &mut Checker<'a>,
    walk: &mut Walk<'a>,
    id: FileId,
    place: RegionOffset,
    mark: Mark,
) -> bool {
    let too_long = walk.trail.is_too_long();
    if too_long {
        let units = walk.trail.units();
        checker.error(place, Some(&walk.trail), Fault::PathTooLong { units });
    }
    if checker.ids.is_reached(id) {
        // Whatever is wrong with the file itself was said when it was reached first.
        if checker.image.file(id).is_ok_and(|file| file.is_directory()) {
            checker.error(place, Some(&walk.trail), Fault::Cycle { id: id.raw() });
        }
        return false;
    }
    let Some(file) = reach(checker, &walk.trail, id) else { return false };
    if too_long && file.is_directory() {
        checker.complete = false;
        return false;
    }
    enter(checker, walk, &file, Some(mark))
}

/// Checks a file that is reached for the first time; `None` where it cannot be followed further.
fn reach(checker: &mut Checker<'_>, trail: &Trail, id: FileId) -> Option<File> {
    if !checker.ids.reach(id) {
        // A file table that cannot be read was reported as such.
        if id.table() >= checker.image.tables().len() || checker.ids.knows_table(id) {
            let place = checker.image.filesystem().tables;
            checker.error(place, Some(trail), Fault::NoSuchFile { id: id.raw() });
        }
        checker.complete = false;
        return None;
    }
    checker.report.seen.files = checker.report.seen.files.saturating_add(1);
    match checker.image.file(id) {
        Ok(file) => {
            file::check(checker, &file, trail);
            Some(file)
        }
        Err(error) => {
            checker.refused(error, Some(trail));
            checker.complete = false;
            None
        }
    }
}

/// Enters a directory that has names; returns whether there was one to enter.
fn enter<'a>(checker: &mut Checker<'a>, walk: &mut Walk<'a>, file: &File, mark: Option<Mark>) -> bool {
    let place = file.data.offset;
    if !file.is_directory() {
        return false;
    }
    if file.unknown.is_some() {
        checker.complete = false;
        return false;
    }
    if file.data.len.get() == 0 {
        return false;
    }
    let len = file.data.len.get();
    let entries = match checker.claim(Object::Directory, place, len, Some(&walk.trail)) {
        Claim::New(bytes) | Claim::Known(bytes) => open_table(checker, walk, place, len, bytes),
        Claim::Unusable => None,
    };
    let Some(entries) = entries else {
        checker.complete = false;
        return false;
    };
    walk.open.push(Open { id: file.id, place, entries, next: 0, previous: None, mark });
    true
}

fn open_table<'a>(
    checker: &mut Checker<'a>,
    walk: &mut Walk<'a>,
    place: RegionOffset,
    len: u64,
    bytes: &'a [u8],
) -> Option<Entries<'a>> {
    let said_before = walk.budget.is_broken();
    if let Err(fault) = walk.budget.spend(len) {
        if !said_before {
            checker.error(place, Some(&walk.trail), fault);
        }
        return None;
    }
    if let Ok(found) = Entries::stated_len(bytes)
        && found != len
    {
        let fault = Fault::Mismatch { field: "the length of a directory", expected: len, found };
        checker.error(place, Some(&walk.trail), fault);
    }
    match Entries::parse(bytes) {
        Ok(entries) => Some(entries),
        // A table that is longer than its stream was reported as such.
        Err(Fault::Short { what: "the link table", need, .. }) if need != len => None,
        Err(fault) => {
            checker.error(place, Some(&walk.trail), fault);
            None
        }
    }
}
