//! What a file record points to.

use zerocopy::FromBytes;
use zerocopy::little_endian::{U16, U32};

use super::extents::{Claim, Object};
use super::trail::Trail;
use super::tree::check_name;
use super::{Checker, metadata, pe, size};
use crate::cim::error::Fault;
use crate::cim::format::{Stream, StreamKind};
use crate::cim::reader::{Feature, File, Streams};
use crate::cim::units::RegionOffset;

/// Checks a file, but not the names that it holds if it is a directory.
pub(super) fn check(checker: &mut Checker<'_>, file: &File, trail: &Trail) {
    let record = checker.image.record(file.id).map_or(RegionOffset::NULL, |record| record.place);
    if let Some(feature) = file.unknown {
        return checker.note(record, Some(trail), Fault::Unknown(feature));
    }
    let (region, count) = (file.base_region, checker.image.regions().len());
    if usize::from(region) >= count {
        let fault = Fault::NoSuchRegion { what: "the base region of a file", region, count };
        checker.note(record, Some(trail), fault);
    }
    if !file.is_directory() {
        check_stream(checker, file.data, record, trail);
    }
    if let Some(bytes) = counted(checker, Object::Security, file.security, trail) {
        report(checker, file.security, trail, metadata::security_fault(bytes));
    }
    check_eas(checker, file, record, trail);
    check_reparse(checker, file, record, trail);
    check_streams(checker, file, trail);
}

fn report(checker: &mut Checker<'_>, place: RegionOffset, trail: &Trail, fault: Option<Fault>) {
    if let Some(fault) = fault {
        checker.error(place, Some(trail), fault);
    }
}

/// Checks a stream that holds data.
fn check_stream(checker: &mut Checker<'_>, stream: Stream, holder: RegionOffset, trail: &Trail) {
    let Stream { offset, len, kind } = stream;
    match kind {
        StreamKind::Data => drop(checker.claim(Object::Data, offset, len.get(), Some(trail))),
        StreamKind::Sparse if !offset.is_null() => {
            let fault =
                Fault::Mismatch { field: "the offset of a sparse stream", expected: 0, found: offset.raw() };
            checker.note(holder, Some(trail), fault);
        }
        StreamKind::PeImage => pe::check(checker, stream, trail),
        StreamKind::Unknown(kind) if checker.image.is_experimental() => {
            checker.note(holder, Some(trail), Fault::Unknown(Feature::Stream(kind)));
        }
        StreamKind::Unknown(kind) => checker.error(holder, Some(trail), Fault::StreamType(kind)),
        StreamKind::Sparse | StreamKind::LinkTable => {}
    }
}

/// Checks the place of an object that begins with its length; returns what follows, the first time.
fn counted<'a>(
    checker: &mut Checker<'a>,
    object: Object,
    offset: RegionOffset,
    trail: &Trail,
) -> Option<&'a [u8]> {
    if offset.is_null() {
        return None;
    }
    let front = match checker.image.regions().object(object.name(), offset, size::<U16>()) {
        Ok(front) => front,
        Err(error) => {
            checker.refused(error, Some(trail));
            return None;
        }
    };
    let len = U16::read_from_bytes(front).expect("the object has the size that was asked for");
    let whole = size::<U16>().saturating_add(u64::from(len.get()));
    match checker.claim(object, offset, whole, Some(trail)) {
        Claim::New(bytes) => bytes.get(size_of::<U16>()..),
        Claim::Known(_) | Claim::Unusable => None,
    }
}

fn check_eas(checker: &mut Checker<'_>, file: &File, record: RegionOffset, trail: &Trail) {
    if file.ea_len == 0 {
        if !file.eas.is_null() {
            let fault = Fault::Mismatch {
                field: "the offset of extended attributes of no length",
                expected: 0,
                found: file.eas.raw(),
            };
            checker.note(record, Some(trail), fault);
        }
        return;
    }
    if let Claim::New(bytes) = checker.claim(Object::Eas, file.eas, u64::from(file.ea_len), Some(trail)) {
        report(checker, file.eas, trail, metadata::ea_fault(bytes));
    }
}

fn check_reparse(checker: &mut Checker<'_>, file: &File, record: RegionOffset, trail: &Trail) {
    if let Some(bytes) = counted(checker, Object::Reparse, file.reparse, trail) {
        report(checker, file.reparse, trail, metadata::reparse_fault(bytes));
    }
    // Also of a buffer that another file has shown to be right: this record has a tag of its own.
    let tag = match checker.image.reparse(file) {
        Ok(None) => 0,
        Ok(Some(bytes)) => match U32::ref_from_prefix(bytes) {
            Ok((tag, _)) => tag.get(),
            Err(_) => return,
        },
        Err(_) => return,
    };
    if tag != file.reparse_tag {
        let (expected, found) = (u64::from(tag), u64::from(file.reparse_tag));
        checker.error(record, Some(trail), Fault::Mismatch { field: "the reparse tag", expected, found });
    }
}

fn check_streams(checker: &mut Checker<'_>, file: &File, trail: &Trail) {
    if file.streams.is_null() {
        return;
    }
    let place = file.streams;
    let tail = match checker.image.regions().tail(Object::Streams.name(), place) {
        Ok(tail) => tail,
        Err(error) => return checker.refused(error, Some(trail)),
    };
    let parsed = Streams::stated_len(tail).and_then(|len| Ok((len, Streams::parse(tail)?)));
    let (len, streams) = match parsed {
        Ok(parsed) => parsed,
        Err(fault) => return checker.error(place, Some(trail), fault),
    };
    let Claim::New(_) = checker.claim(Object::Streams, place, len, Some(trail)) else { return };
    let mut previous = None;
    for (index, entry) in streams.iter().enumerate() {
        match entry {
            Ok((name, raw)) => {
                check_name(checker, place, trail, index, previous.replace(name), name);
                check_alternate(checker, raw.into(), place, trail);
            }
            Err(fault) => checker.error(place, Some(trail), fault),
        }
    }
}

fn check_alternate(checker: &mut Checker<'_>, stream: Stream, place: RegionOffset, trail: &Trail) {
    if stream.is_directory() {
        let reason = "it has the type of a directory".to_owned();
        checker.error(place, Some(trail), Fault::Malformed { what: "an alternate stream", reason });
        return;
    }
    check_stream(checker, stream, place, trail);
}
