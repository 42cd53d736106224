//! Object-id files: what lies where in a region.

use super::digests::{self, Job};
use super::extents::{Claim, Object};
use super::{Checker, Severity};
use crate::cim::error::{Fault, Place};
use crate::cim::files;
use crate::cim::format::{DigestKind, ObjectIdEntry, ObjectIdHeader, Version};
use crate::cim::reader::Region;
use crate::cim::units::RegionOffset;

pub(super) fn check(checker: &mut Checker<'_>, deep: bool) {
    let image = checker.image;
    let files = image.header().sets().flat_map(|set| (0..set.count).map(move |index| (set.guid, index)));
    let names: Vec<String> = files.map(|(guid, index)| files::object_ids(guid, index)).collect();
    let mut jobs = Vec::new();
    for (number, (region, name)) in image.regions().iter().zip(names).enumerate() {
        let Ok(number) = u16::try_from(number) else { break };
        let bytes = match image.containing_directory().open(&name) {
            Ok(bytes) => bytes,
            // Without, later writers find no duplicates here; nothing is lost.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                error_in(checker, &name, Fault::Unreadable { reason: error.to_string() });
                continue;
            }
        };
        match ObjectIdHeader::parse(bytes.as_slice()) {
            Ok((version, header, entries)) => {
                check_header(checker, &name, region, version, header);
                check_order(checker, &name, entries);
                let kind = DigestKind::recognize(entries, region.bytes()).unwrap_or(DigestKind::Blake3);
                let known = entries.iter().filter_map(|entry| check_entry(checker, number, entry, kind));
                // Kept only when they are needed: they are as many as there are files.
                if deep { jobs.extend(known) } else { known.for_each(drop) }
            }
            Err(fault) => error_in(checker, &name, fault),
        }
    }
    if deep {
        digests::check(checker, jobs);
    }
}

fn error_in(checker: &mut Checker<'_>, name: &str, fault: Fault) {
    checker.find(Severity::Error, Place { file: name.to_owned(), offset: 0 }, None, fault);
}

fn check_header(
    checker: &mut Checker<'_>,
    name: &str,
    region: &Region,
    version: Version,
    header: ObjectIdHeader,
) {
    if version.known().is_none() {
        let (expected, found) = (u64::from(Version::WRITTEN.major), u64::from(version.major));
        error_in(checker, name, Fault::Mismatch { field: "the major version", expected, found });
    }
    if header.kind != region.kind() {
        let (expected, found) = (u64::from(region.kind().0), u64::from(header.kind.0));
        error_in(checker, name, Fault::Mismatch { field: "the region type", expected, found });
    }
}

fn check_order(checker: &mut Checker<'_>, name: &str, entries: &[ObjectIdEntry]) {
    if let Some(index) = entries.windows(2).position(|pair| pair[0].key() > pair[1].key()) {
        let reason = format!("entry {} is out of order", index.saturating_add(1));
        error_in(checker, name, Fault::Malformed { what: "the object-id table", reason });
    }
}

/// Checks where an entry's object lies; returns it, the first time, for its digest to be compared.
fn check_entry<'a>(
    checker: &mut Checker<'a>,
    region: u16,
    entry: &ObjectIdEntry,
    kind: DigestKind,
) -> Option<Job<'a>> {
    checker.report.seen.objects = checker.report.seen.objects.saturating_add(1);
    let Some(offset) = RegionOffset::new(region, entry.offset.get()) else {
        let place = RegionOffset::new(region, 0).unwrap_or_default();
        let have = 0;
        let fault = Fault::Short { what: Object::Listed.name(), need: entry.offset.get(), have };
        checker.error(place, None, fault);
        return None;
    };
    match checker.claim(Object::Listed, offset, entry.len.get(), None) {
        Claim::New(bytes) => Some(Job { offset, bytes, digest: entry.digest, kind }),
        Claim::Known(_) | Claim::Unusable => None,
    }
}
