//! Faults of what lies in front: headers, region sets, tables.

use super::support::{Patch, image_name, only, set};
use crate::cim::check::{CheckOptions, Severity, check_in};
use crate::cim::{ErrorKind, Fault, files};

#[test]
fn headers_that_lie_are_named_with_their_file() {
    let region = files::region(set(), 0);
    let cases: [(&str, usize, u8, Fault); 7] = [
        ("a.cim", 0, b'C', Fault::Magic),
        ("a.cim", 12, 1, Fault::FileType { expected: 0, found: 1 }),
        ("a.cim", 8, 71, Fault::HeaderLength { expected: 72, found: 71 }),
        (&region, 0, b'C', Fault::Magic),
        (&region, 12, 0, Fault::FileType { expected: 1, found: 0 }),
        (&region, 8, 41, Fault::HeaderLength { expected: 40, found: 41 }),
        (&region, 34, 9, Fault::RegionType(9)),
    ];
    for (file, at, byte, fault) in cases {
        let mut patch = Patch::sample();
        patch.named(file)[at] = byte;
        let finding = only(patch.check_files());
        assert_eq!((finding.place.file.as_str(), finding.fault), (file, fault));
    }
}

#[test]
fn every_missing_or_cut_region_is_reported() {
    let mut patch = Patch::sample();
    patch.files.remove(&files::region(set(), 1));
    patch.region(2).truncate(33);
    let findings = patch.check_files();
    let faults: Vec<_> = findings.into_iter().map(|finding| (finding.place.file, finding.fault)).collect();
    let short = Fault::Short { what: "the header", need: 40, have: 33 };
    assert_eq!(faults, [(files::region(set(), 1), Fault::Missing), (files::region(set(), 2), short)]);
}

#[test]
fn more_regions_than_can_be_told_apart_are_not_looked_for() {
    let mut patch = Patch::sample();
    let own = patch.named("a.cim")[32..56].to_vec();
    let header = patch.named("a.cim");
    header[70] = 2;
    for _ in 0..2 {
        header.extend_from_slice(&own);
    }
    header[48..50].fill(0xFF);
    header[88..90].fill(0xFF);
    assert_eq!(only(patch.check_files()).fault, Fault::TooManyRegions { found: 0xFFFF * 2 + 3 });
}

#[test]
fn what_is_no_fault_is_an_error() {
    let mut patch = Patch::sample();
    patch.named("a.cim")[16] = 4;
    let error = check_in(patch.directory(), &image_name(), CheckOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    patch.files.remove("a.cim");
    let error = check_in(patch.directory(), &image_name(), CheckOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ImageNotFound);
}

#[test]
fn a_set_that_is_listed_twice_is_reported() {
    let mut patch = Patch::sample();
    // Listed as its own parent: the regions are counted twice, and all offsets still lead into the first ones.
    let own = patch.named("a.cim")[32..56].to_vec();
    patch.named("a.cim")[70] = 1;
    patch.named("a.cim").extend_from_slice(&own);
    let Fault::Malformed { what, reason } = only(patch.check_files()).fault else { panic!() };
    assert_eq!((what, reason), ("the list of region sets", format!("{} is listed twice", set())));
}

#[test]
fn a_filesystem_object_that_lies_is_reported() {
    let mut patch = Patch::sample();
    let place = patch.image().header().filesystem;
    patch.tail(place)[16..20].fill(0xFF);
    assert_eq!(only(patch.check_files()).fault, Fault::TooManyTables { found: u32::MAX });
    patch.tail(place)[16..20].copy_from_slice(&1u32.to_le_bytes());
    patch.tail(place)[20..24].fill(0);
    assert_eq!(only(patch.check_files()).fault, Fault::ZeroFileId);
    // The record of a file as the root: then nothing has a name.
    let file = patch_root(&mut patch, place);
    assert!(matches!(file, Fault::Malformed { what: "the filesystem object", .. }), "{file:?}");
}

fn patch_root(patch: &mut Patch, place: crate::cim::RegionOffset) -> Fault {
    patch.tail(place)[20..24].copy_from_slice(&1u32.to_le_bytes());
    let file = patch.file("plain").id.raw();
    patch.tail(place)[20..24].copy_from_slice(&file.to_le_bytes());
    patch.check_files().swap_remove(0).fault
}

#[test]
fn an_upcase_table_must_be_its_own_upper_case() {
    let mut patch = Patch::sample();
    let place = patch.image().filesystem().upcase;
    // Z, which z has as its upper case, becomes Q.
    patch.tail(place)[0x5A * 2] = b'Q';
    let Fault::Malformed { what, reason } = only(patch.check()).fault else { panic!() };
    assert_eq!(what, "the upcase table");
    assert_eq!(reason, "0x007a has the upper case 0x005a, whose own upper case is 0x0051");
}

#[test]
fn file_tables_must_be_where_they_are_said_to_be() {
    let mut patch = Patch::sample();
    let place = patch.image().filesystem().tables;
    let entry = patch.tail(place)[..16].to_vec();
    let cases = [
        (8, 2000u16, Fault::Mismatch { field: "a file table's count", expected: 1024, found: 2000 }),
        (10, 0, Fault::Mismatch { field: "a file table's entry size", expected: 96, found: 0 }),
        (6, 77, Fault::NoSuchRegion { what: "a file table", region: 77, count: 3 }),
    ];
    for (at, value, fault) in cases {
        patch.tail(place)[at..at + 2].copy_from_slice(&value.to_le_bytes());
        assert_eq!(only(patch.check()).fault, fault);
        patch.tail(place)[..16].copy_from_slice(&entry);
    }
}

#[test]
fn inner_file_tables_are_whole_and_may_be_shared() {
    let mut patch = Patch::written(|writer| {
        for number in 0..1100 {
            writer
                .create_directory(
                    &super::support::path(&format!("d{number}")),
                    &crate::cim::Metadata::directory(),
                )
                .unwrap();
        }
    });
    assert_eq!(patch.check(), []);
    let place = patch.image().filesystem().tables;
    patch.tail(place)[8..10].copy_from_slice(&1023u16.to_le_bytes());
    let findings = patch.check();
    let field = "the count of an inner file table";
    assert_eq!(findings[0].fault, Fault::Mismatch { field, expected: 1024, found: 1023 });
    assert_eq!(findings[0].severity, Severity::Note);
    assert!(matches!(findings[1].fault, Fault::NoSuchFile { id: 1024 }));

    // Three tables, of which the last two hold nothing but empty directories in the root.
    let mut patch = Patch::written(|writer| {
        for number in 0..3071 {
            let at = super::support::path(&format!("d{number}"));
            writer.create_directory(&at, &crate::cim::Metadata::directory()).unwrap();
        }
    });
    let place = patch.image().filesystem().tables;
    let second = patch.tail(place)[16..32].to_vec();
    patch.tail(place)[32..48].copy_from_slice(&second);
    assert_eq!(patch.check(), []);
}
