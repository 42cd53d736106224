//! Faults of what files point to, and of object ids.

use super::support::{Patch, only, path, put, set};
use crate::cim::check::{CheckOptions, Severity};
use crate::cim::{Fault, Metadata, RegionOffset, files};

const DEEP: CheckOptions = CheckOptions { deep: true, max_findings: 100 };

/// Fields of a file record.
const EA_LEN: usize = 2;
const TAG: usize = 4;
const DATA: usize = 40;
const SECURITY: usize = 56;
const EAS: usize = 64;
const REPARSE: usize = 72;
const STREAMS: usize = 80;
const BASE: usize = 92;

fn set_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn every_offset_is_checked() {
    let fields = [
        ("plain", DATA, "stream data"),
        ("a/file", SECURITY, "a security descriptor"),
        ("b/eas", EAS, "a list of extended attributes"),
        ("b/symlink", REPARSE, "reparse data"),
        ("streams", STREAMS, "a table of alternate streams"),
    ];
    for (at, field, what) in fields {
        let mut patch = Patch::sample();
        // Beyond the last region.
        patch.record(at)[field + 6] = 9;
        assert_eq!(only(patch.check()).fault, Fault::NoSuchRegion { what, region: 9, count: 3 }, "{at}");
        // Beyond the end of the region.
        patch.record(at)[field + 6] = 0;
        patch.record(at)[field + 4] = 1;
        let finding = only(patch.check());
        assert!(matches!(finding.fault, Fault::Short { what: found, .. } if found == what), "{finding}");
        assert_eq!(finding.path, Some(format!("/{at}")));
        // In the header.
        set_u64(patch.record(at), field, 8);
        assert_eq!(only(patch.check()).fault, Fault::Null { what });
    }
}

#[test]
fn extended_attributes_of_some_length_lie_somewhere() {
    let mut patch = Patch::sample();
    set_u64(patch.record("b/eas"), EAS, 0);
    assert_eq!(only(patch.check()).fault, Fault::Null { what: "a list of extended attributes" });
    let mut patch = Patch::sample();
    patch.record("b/eas")[EA_LEN] = 0;
    let finding = only(patch.check());
    assert_eq!(finding.severity, Severity::Note);
    assert!(matches!(finding.fault, Fault::Mismatch { expected: 0, .. }));
}

#[test]
fn data_lies_aligned_in_a_region_of_data() {
    let mut patch = Patch::sample();
    let big = patch.file("a/big").data.offset;
    // The same data a few bytes on, where it was not written: only its place is wrong, and what else is there.
    set_u64(patch.record("a/big"), DATA, big.raw() + 8);
    set_u64(patch.record("a/big"), DATA + 8, 35_000);
    patch.files.remove(&files::object_ids(set(), big.region()));
    let fault = Fault::Misaligned { what: "stream data", offset: big.byte() + 8, align: 4096 };
    assert_eq!(only(patch.check()).fault, fault);

    let mut patch = Patch::sample();
    let upcase = patch.image().filesystem().upcase;
    set_u64(patch.record("plain"), DATA, upcase.raw());
    set_u64(patch.record("plain"), DATA + 8, 131_072);
    assert_eq!(only(patch.check()).fault, Fault::WrongRegion { what: "stream data", found: 0 });
}

#[test]
fn metadata_lies_in_a_region_of_metadata() {
    let mut patch = Patch::sample();
    let data = patch.file("plain").data.offset;
    // Read as a descriptor of two bytes.
    patch.tail(data)[..4].copy_from_slice(&[16, 0, 1, 0]);
    patch.files.remove(&files::object_ids(set(), data.region()));
    set_u64(patch.record("plain"), SECURITY, data.raw());
    let findings = patch.check();
    assert!(
        findings.iter().any(|f| f.fault == Fault::WrongRegion { what: "a security descriptor", found: 2 }),
        "{findings:#?}"
    );
}

#[test]
fn a_sparse_stream_points_nowhere() {
    let mut patch = Patch::sample();
    set_u64(patch.record("zeros"), DATA, 64);
    let finding = only(patch.check());
    let fault = Fault::Mismatch { field: "the offset of a sparse stream", expected: 0, found: 64 };
    assert_eq!((finding.severity, finding.fault), (Severity::Note, fault));
}

#[test]
fn unknown_kinds_of_streams_are_reported() {
    let mut patch = Patch::sample();
    patch.record("plain")[DATA + 14] = 7;
    assert_eq!(only(patch.check()).fault, Fault::StreamType(7));
}

#[test]
fn base_regions_exist() {
    let mut patch = Patch::sample();
    patch.record("plain")[BASE] = 3;
    let what = "the base region of a file";
    let finding = only(patch.check());
    assert_eq!(finding.fault, Fault::NoSuchRegion { what, region: 3, count: 3 });
    assert_eq!(finding.severity, Severity::Note, "the meaning of the field is inferred");
}

#[test]
fn the_tag_is_the_one_of_the_buffer() {
    let mut patch = Patch::sample();
    patch.record("b/symlink")[TAG] = 0x0C;
    let fault = Fault::Mismatch { field: "the reparse tag", expected: 0xA000_001D, found: 0xA000_000C };
    assert_eq!(only(patch.check()).fault, fault);
    let mut patch = Patch::sample();
    patch.record("plain")[TAG] = 1;
    let fault = Fault::Mismatch { field: "the reparse tag", expected: 0, found: 1 };
    assert_eq!(only(patch.check()).fault, fault);
}

#[test]
fn metadata_is_parsed() {
    let mut patch = Patch::sample();
    let place = patch.file("a/file").security;
    patch.tail(place)[2] = 9;
    let finding = only(patch.check());
    assert!(matches!(finding.fault, Fault::Malformed { what: "a security descriptor", .. }), "{finding}");
    assert_eq!(finding.path.as_deref(), Some("/a"), "told once, of the first that has it");

    let mut patch = Patch::sample();
    let place = patch.file("b/eas").eas;
    patch.tail(place)[0] = 3;
    let finding = only(patch.check());
    assert!(
        matches!(finding.fault, Fault::Malformed { what: "a list of extended attributes", .. }),
        "{finding}"
    );

    let mut patch = Patch::sample();
    let place = patch.file("b/symlink").reparse;
    // The length of the data: two bytes of the object's own length, the tag, then this.
    patch.tail(place)[6] = 99;
    let finding = only(patch.check());
    assert!(matches!(finding.fault, Fault::Malformed { what: "reparse data", .. }), "{finding}");
    assert_eq!(finding.path.as_deref(), Some("/b/symlink"));
}

#[test]
fn alternate_streams_are_checked_like_data() {
    let mut patch = Patch::sample();
    let table = patch.file("streams").streams;
    // The second value: offset 8 + 16 in the table.
    patch.tail(table)[24 + 14] = 1;
    assert!(matches!(only(patch.check()).fault, Fault::Malformed { what: "an alternate stream", .. }));
    patch.tail(table)[24 + 14] = 9;
    assert_eq!(only(patch.check()).fault, Fault::StreamType(9));
    patch.tail(table)[24 + 14] = 0;
    patch.tail(table)[24 + 6] = 9;
    assert!(matches!(only(patch.check()).fault, Fault::NoSuchRegion { what: "stream data", .. }));
    patch.tail(table)[..4].fill(0);
    assert!(matches!(only(patch.check()).fault, Fault::Short { what: "the link table", .. }));
}

/// An image with an executable: its descriptor lies where a list of extended attributes was written.
fn with_pe_image(mappings: [(u32, u32); 2], len: u64) -> Patch {
    let mut patch = Patch::sample();
    let (descriptor, data) = (patch.file("b/eas").eas, patch.file("a/big").data.offset);
    let bytes = patch.tail(descriptor);
    set_u64(bytes, 0, data.raw());
    set_u64(bytes, 8, len);
    bytes[16..20].copy_from_slice(&0x3000u32.to_le_bytes());
    bytes[20..24].copy_from_slice(&[2, 0, 1, 0]);
    for (mapping, at) in mappings.into_iter().zip([24, 32]) {
        bytes[at..at + 4].copy_from_slice(&mapping.0.to_le_bytes());
        bytes[at + 4..at + 8].copy_from_slice(&mapping.1.to_le_bytes());
    }
    let holder = patch.record("b/eas");
    holder[EA_LEN] = 0;
    set_u64(holder, EAS, 0);
    let file = patch.record("a/big");
    set_u64(file, DATA, descriptor.raw());
    set_u64(file, DATA + 8, 0x1000 | 2 << 48);
    patch.files.remove(&files::object_ids(set(), data.region()));
    patch
}

#[test]
fn expanded_executables_are_checked() {
    assert_eq!(with_pe_image([(0x400, 0xC00), (0x600, 0x1000)], 0x2000).check(), []);
    let unsorted = only(with_pe_image([(0x600, 0x1000), (0x400, 0xC00)], 0x2000).check()).fault;
    assert!(matches!(unsorted, Fault::Malformed { what: "the PE image object", .. }));
    let behind = only(with_pe_image([(0x400, 0xC00), (0x1000, 0xC00)], 0x2000).check());
    assert!(matches!(behind.fault, Fault::Malformed { what: "a PE image object", .. }));
    assert_eq!(behind.severity, Severity::Note, "such a mapping is never used");
    let long = only(with_pe_image([(0x400, 0xC00), (0x600, 0x1000)], 0x20_0000).check()).fault;
    assert!(matches!(long, Fault::Short { what: "the data of a PE image", .. }));
    let short = only(with_pe_image([(0x400, 0xC00), (0x600, 0x1000)], 0x1FFF).check()).fault;
    assert_eq!(short, Fault::Short { what: "the data of a PE image", need: 0x2000, have: 0x1FFF });
}

#[test]
fn objects_may_be_the_same_but_not_overlap() {
    let mut patch = Patch::sample();
    let (file, plain) = (patch.file("a/file").data.offset, patch.file("plain").data.offset);
    assert_eq!(plain.byte() - file.byte(), 8);
    // Both files have the same bytes, which no object-id file knows: that is allowed.
    let record = patch.record("plain")[DATA..SECURITY].to_vec();
    patch.record("streams")[DATA..SECURITY].copy_from_slice(&record);
    assert_eq!(patch.check(), []);
    set_u64(patch.record("a/file"), DATA + 8, 12);
    patch.files.remove(&files::object_ids(set(), file.region()));
    let finding = only(patch.check());
    assert_eq!(finding.fault, Fault::Overlap { what: "stream data", other: "stream data" });
    assert_eq!(finding.place.offset, plain.byte());
}

/// Offset of entry `index` in an object-id file.
fn entry(index: usize) -> usize {
    48 + 40 * index
}

#[test]
fn object_ids_agree_with_their_region() {
    let name = files::object_ids(set(), 0);
    let mut patch = Patch::sample();
    patch.named(&name)[34] = 2;
    let finding = only(patch.check());
    assert_eq!(finding.place.file, name);
    assert_eq!(finding.fault, Fault::Mismatch { field: "the region type", expected: 0, found: 2 });
    let mut patch = Patch::sample();
    patch.named(&name)[0] = b'x';
    assert_eq!(only(patch.check()).fault, Fault::Magic);
    patch.files.remove(&name);
    assert_eq!(patch.check(), [], "they are not needed");
}

#[test]
fn object_ids_are_sorted_and_lie_in_their_region() {
    let small = Patch::sample().file("plain").data.offset.region();
    let name = files::object_ids(set(), small);
    let mut patch = Patch::sample();
    let ids = patch.named(&name);
    let (first, second) = (ids[entry(0)..entry(1)].to_vec(), ids[entry(1)..entry(2)].to_vec());
    ids[entry(0)..entry(1)].copy_from_slice(&second);
    ids[entry(1)..entry(2)].copy_from_slice(&first);
    assert!(matches!(only(patch.check()).fault, Fault::Malformed { what: "the object-id table", .. }));

    let mut patch = Patch::sample();
    patch.named(&name)[entry(0) + 32 + 4] = 1;
    assert!(matches!(only(patch.check()).fault, Fault::Short { what: "a listed object", .. }));
    patch.named(&name)[entry(0) + 32 + 7] = 1;
    assert!(matches!(only(patch.check()).fault, Fault::Short { what: "a listed object", .. }));

    let mut patch = Patch::sample();
    patch.named(&name)[entry(0) + 32] += 4;
    let findings = patch.check();
    assert!(
        findings.iter().any(|f| matches!(f.fault, Fault::Misaligned { what: "a listed object", .. })),
        "{findings:#?}"
    );

    let mut patch = Patch::sample();
    let ids = patch.named(&name);
    let last = ids.len() - 40;
    ids[last] += 1;
    assert!(matches!(only(patch.check()).fault, Fault::Overlap { .. }));
}

#[test]
fn a_deep_check_reads_every_object() {
    let mut patch = Patch::sample();
    let place = patch.file("a/big").data.offset;
    patch.tail(place)[5000] ^= 1;
    assert_eq!(patch.check(), [], "data is read by a deep check only");
    let finding = only(patch.check_with(DEEP));
    assert_eq!((finding.fault, finding.place.offset), (Fault::Digest, place.byte()));
    let small = patch.file("plain").data.offset;
    patch.tail(small)[0] ^= 1;
    let faults: Vec<_> = patch.check_with(DEEP).into_iter().map(|finding| finding.fault).collect();
    assert_eq!(faults, [Fault::Digest, Fault::Digest]);
}

#[test]
fn digests_of_another_writer_are_only_noted() {
    let mut patch = Patch::written(|writer| {
        for number in 0..30u32 {
            put(
                writer,
                &number.to_string(),
                &Metadata::default(),
                &number.to_le_bytes().map(|byte| byte + 1),
            );
        }
    });
    let region = patch.file("7").data.offset.region();
    let ids = patch.named(&files::object_ids(set(), region));
    let count = (ids.len() - 48) / 40;
    for index in 0..count {
        // Sorted, and not one of them right.
        ids[entry(index) + 8] = u8::try_from(index).unwrap();
        ids[entry(index) + 9] ^= 0xFF;
    }
    let finding = only(patch.check_with(DEEP));
    assert_eq!((finding.severity, finding.fault), (Severity::Note, Fault::ForeignDigests));
}

#[test]
fn many_pieces_are_compared_on_several_threads() {
    let large = vec![0x5A; 5 << 20];
    let mut patch = Patch::written(|writer| {
        put(writer, "large", &Metadata::default(), &large);
        put(writer, "larger", &Metadata::default(), &[&large[..], b"."].concat());
    });
    let place: RegionOffset = patch.image().find(&path("larger")).unwrap().unwrap().data.offset;
    assert_eq!(patch.check_with(DEEP), []);
    patch.tail(place)[1 << 20] = 0;
    assert_eq!(only(patch.check_with(DEEP)).place.offset, place.byte());
}
