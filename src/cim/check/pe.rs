//! PE image objects: the descriptor of an expanded executable and its data.

use zerocopy::FromBytes;

use super::Checker;
use super::extents::{Claim, Object};
use super::trail::Trail;
use crate::cim::error::Fault;
use crate::cim::format::{PeImage, RawPeImage, Stream};

pub(super) fn check(checker: &mut Checker<'_>, stream: Stream, trail: &Trail) {
    let place = stream.offset;
    let tail = match checker.image.regions().tail(Object::PeImage.name(), place) {
        Ok(tail) => tail,
        Err(error) => return checker.refused(error, Some(trail)),
    };
    let mappings = RawPeImage::ref_from_prefix(tail).map_or(0, |(raw, _)| raw.mapping_count.get());
    let len = PeImage::object_len(mappings);
    let Claim::New(bytes) = checker.claim(Object::PeImage, place, len, Some(trail)) else { return };
    let image = match PeImage::parse(bytes) {
        Ok(image) => image,
        Err(fault) => return checker.error(place, Some(trail), fault),
    };
    if let Err(fault) = image.check(stream.len) {
        checker.error(place, Some(trail), fault);
    }
    let behind = |offset: u64| offset >= stream.len.get();
    if let Some(found) = image.last_mapping().filter(|&offset| behind(offset)) {
        let reason = format!("it maps offset {found:#x} of a file of {:#x} bytes", stream.len.get());
        checker.note(place, Some(trail), Fault::Malformed { what: Object::PeImage.name(), reason });
    }
    checker.claim(Object::PeData, image.data, image.data_len, Some(trail));
}
