//! Faults of names, directories and links.

use super::support::{Patch, only, path, put, set};
use crate::cim::check::Severity;
use crate::cim::{Fault, Metadata, files};

/// Where the file id of entry `index` lies in a link table.
fn value(index: usize) -> std::ops::Range<usize> {
    8 + 4 * index..12 + 4 * index
}

/// Where the units of entry `index` lie in the link table of a directory.
fn name(table: &[u8], index: usize) -> usize {
    let count = u32::from_le_bytes(table[4..8].try_into().unwrap()) as usize;
    let at = 8 + 4 * count + 4 * index;
    u32::from_le_bytes(table[at..at + 4].try_into().unwrap()) as usize + 2
}

#[test]
fn a_table_must_be_as_long_as_its_stream() {
    let mut patch = Patch::sample();
    let table = patch.table("b");
    let len = table.len() as u64;
    for found in [len - 1, len + 1] {
        let table = patch.table("b");
        table[0] = u8::try_from(found).unwrap();
        let findings = patch.check();
        let field = "the length of a directory";
        assert_eq!(findings[0].fault, Fault::Mismatch { field, expected: len, found });
        assert_eq!(findings[0].path.as_deref(), Some("/b"));
        let rest = findings.len() - 1;
        assert_eq!(rest, if found < len { 1 } else { 0 }, "the last name is cut: {findings:#?}");
    }
}

#[test]
fn names_outside_of_their_table_are_reported() {
    let mut patch = Patch::sample();
    let table = patch.table("b");
    table[8 + 12..8 + 16].fill(0xFF);
    let fault = Fault::Short { what: "the length of a name", need: 2, have: 0 };
    assert_eq!(only(patch.check()).fault, fault);
}

#[test]
fn names_must_be_valid() {
    let mut patch = Patch::sample();
    let table = patch.table("b");
    let at = name(table, 0);
    table[at] = b'?';
    let finding = only(patch.check());
    let Fault::BadName { index: 0, reason } = finding.fault else { panic!("{finding:?}") };
    assert_eq!(reason, "name \"?as\" holds the unit 0x003f, which Windows forbids");
    assert_eq!(finding.path.as_deref(), Some("/b"));
}

#[test]
fn names_must_be_sorted_and_there_once() {
    let mut patch = Patch::sample();
    let table = patch.table("b");
    let at = name(table, 0);
    table[at] = b'z';
    assert_eq!(only(patch.check()).fault, Fault::Unsorted { index: 1 });

    let mut patch = Patch::written(|writer| {
        put(writer, "aa", &Metadata::default(), b"");
        put(writer, "ab", &Metadata::default(), b"");
    });
    let table = patch.table("");
    let at = name(table, 1);
    table[at + 2] = b'a';
    assert_eq!(only(patch.check()).fault, Fault::DuplicateName { index: 1 });
}

#[test]
fn names_that_differ_in_case_may_be_neighbours() {
    let mut patch = Patch::written(|writer| {
        put(writer, "aa", &Metadata::default(), b"");
        put(writer, "ab", &Metadata::default(), b"");
    });
    let table = patch.table("");
    let at = name(table, 0);
    table[at..at + 4].copy_from_slice(&[b'A', 0, b'B', 0]);
    assert_eq!(patch.check(), []);
}

#[test]
fn names_must_lead_to_a_file() {
    let mut patch = Patch::sample();
    let range = value(0);
    patch.table("b")[range.clone()].fill(0);
    let finding = only(patch.check());
    assert_eq!((finding.fault, finding.path.as_deref()), (Fault::ZeroFileId, Some("/b/eas")));
    patch.table("b")[range].copy_from_slice(&500u32.to_le_bytes());
    assert_eq!(only(patch.check()).fault, Fault::NoSuchFile { id: 500 });
}

#[test]
fn a_free_record_that_is_reached_is_reported() {
    let mut patch = Patch::sample();
    let id = patch.file("plain").id.raw();
    patch.record("plain")[88..92].fill(0);
    let finding = only(patch.check());
    assert_eq!((finding.fault, finding.path.as_deref()), (Fault::FreeRecord { id }, Some("/plain")));
}

#[test]
fn a_directory_has_one_name() {
    let mut patch = Patch::sample();
    let (a, c) = (patch.file("a").id.raw(), patch.file("c").id.raw());
    // `b/eas` leads back to the root, and then nothing leads to the file.
    let eas = patch.file("b/eas").id.raw();
    let root = patch.image().root().raw();
    patch.table("b")[value(0)].copy_from_slice(&root.to_le_bytes());
    let findings = patch.check();
    assert_eq!(findings[0].fault, Fault::Cycle { id: root });
    assert_eq!(findings[1].fault, Fault::Orphan { id: eas });
    assert_eq!(findings.len(), 2);
    // In place of `c`, `a` is there a second time.
    let mut patch = Patch::sample();
    let table = patch.table("");
    let ids: Vec<u32> =
        (0..3).map(|index| u32::from_le_bytes(table[value(index)].try_into().unwrap())).collect();
    assert_eq!((ids[0], ids[2]), (a, c));
    table[value(2)].copy_from_slice(&a.to_le_bytes());
    let faults: Vec<_> = patch.check().into_iter().map(|finding| finding.fault).collect();
    assert_eq!(faults, [Fault::Cycle { id: a }, Fault::Orphan { id: c }]);
}

#[test]
fn a_record_that_no_name_leads_to_is_an_orphan() {
    let mut patch = Patch::sample();
    let id = patch.file("c").id.raw();
    // A directory less: `c` is no longer counted in a table that is otherwise the same.
    let mut other = Patch::written(|writer| {
        writer.create_directory(&path("c"), &Metadata::directory()).unwrap();
    });
    let orphan = other.file("c").id.raw();
    other.record("")[40..56].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(only(other.check()).fault, Fault::Orphan { id: orphan });
    // A parent that is a directory, but another one.
    let parent = patch.file("b").id.raw();
    patch.record("c")[88..92].copy_from_slice(&parent.to_le_bytes());
    assert_eq!(only(patch.check()).fault, Fault::Parent { id, parent });
}

#[test]
fn the_parent_of_the_root_is_the_root_itself() {
    let mut patch = Patch::sample();
    patch.record("")[88..92].fill(0);
    let finding = only(patch.check());
    assert_eq!(finding.severity, Severity::Note);
    assert_eq!(finding.fault, Fault::Mismatch { field: "the parent of the root", expected: 1, found: 0 });
}

#[test]
fn stored_links_are_compared_with_the_names() {
    let links = files::links(set());
    let (id, missing) = {
        let patch = Patch::sample();
        (patch.file("a/file").id.raw(), patch.file("plain").id.raw())
    };
    let stored = |entries: &[(u32, u32)]| {
        let mut patch = Patch::sample();
        let file = patch.named(&links);
        file.truncate(24);
        file[16] = u8::try_from(entries.len()).unwrap();
        for (file_id, directory) in entries {
            file.extend_from_slice(&file_id.to_le_bytes());
            file.extend_from_slice(&directory.to_le_bytes());
        }
        patch.check().into_iter().map(|finding| finding.fault.to_string()).collect::<Vec<_>>()
    };
    let (a, b) = (Patch::sample().file("a").id.raw(), Patch::sample().file("b").id.raw());
    assert!(stored(&[(id, a), (id, b)]).is_empty());
    assert_eq!(stored(&[]), [Fault::Links { id, stored: 0, found: 2 }.to_string()]);
    assert_eq!(stored(&[(id, a)]), [Fault::Links { id, stored: 1, found: 2 }.to_string()]);
    let no_link = format!("a stored link does not parse: file {missing} does not have several names");
    assert_eq!(stored(&[(id, a), (id, b), (missing, 1), (missing, 1)]), [no_link]);
    let unsorted = "a stored link does not parse: it is out of order";
    assert_eq!(stored(&[(id, b), (id, a)]), [unsorted]);
    let elsewhere =
        format!("a stored link does not parse: file {id} does not have as many names in directory 1");
    assert_eq!(stored(&[(id, 1), (id, b)]), [elsewhere]);
}

#[test]
fn stored_links_must_have_their_header() {
    let mut patch = Patch::sample();
    patch.named(&files::links(set()))[0] = b'C';
    let finding = only(patch.check());
    assert_eq!(finding.place.file, files::links(set()));
    assert!(matches!(finding.fault, Fault::Malformed { what: "the file of links", .. }));
    patch.files.remove(&files::links(set()));
    assert_eq!(patch.check(), [], "they are not needed");
}

#[test]
fn paths_have_an_end() {
    let deep = |top: &str| {
        (0..100).fold(top.to_owned(), |at, level| format!("{at}/{}", format!("{level:0>3}").repeat(85)))
    };
    let mut patch = Patch::written(|writer| {
        for top in ["p", "q"] {
            let mut at = String::new();
            for name in deep(top).split('/') {
                at = format!("{at}/{name}");
                writer.create_directory(&path(&at), &Metadata::directory()).unwrap();
            }
            writer.create_directory(&path(&format!("{at}/last")), &Metadata::directory()).unwrap();
        }
    });
    assert_eq!(patch.check(), []);
    // What lies deepest in `p` and all of `q` change places.
    let bottom = deep("p");
    let (last, q, above) = (format!("{bottom}/last"), patch.file("q").id, patch.file(&bottom).id);
    let last_id = patch.file(&last).id;
    let root = patch.image().root();
    patch.record(&last)[88..92].copy_from_slice(&root.raw().to_le_bytes());
    patch.record("q")[88..92].copy_from_slice(&above.raw().to_le_bytes());
    patch.table(&bottom)[value(0)].copy_from_slice(&q.raw().to_le_bytes());
    patch.table("")[value(1)].copy_from_slice(&last_id.raw().to_le_bytes());
    let finding = only(patch.check());
    assert!(matches!(finding.fault, Fault::PathTooLong { units: 32_768.. }), "{finding}");
    assert!(finding.path.unwrap().starts_with("..."));
}

#[test]
fn directories_cannot_be_longer_than_their_regions() {
    let mut patch = Patch::written(|writer| {
        for directory in ["a", "b", "c", "d", "e"] {
            writer.create_directory(&path(directory), &Metadata::directory()).unwrap();
        }
        for number in 0..200 {
            let at = format!("a/{}{number:03}", "x".repeat(200));
            writer.create_file(&path(&at), &Metadata::default(), 0).unwrap().finish().unwrap();
        }
    });
    let stream = patch.record("a")[40..56].to_vec();
    for other in ["b", "c", "d", "e"] {
        patch.record(other)[40..56].copy_from_slice(&stream);
    }
    let fault = Fault::Excess { what: "directories" };
    assert_eq!(only(patch.check()).fault, fault);
    let error = patch.image().walk(|_| Ok::<_, crate::cim::CimError>(())).unwrap_err();
    assert_eq!(error.corruption().unwrap().fault, fault, "nor does any other walk go on for ever");
}
