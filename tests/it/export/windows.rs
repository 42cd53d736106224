//! Layers of Windows, entry by entry.

use cimsnap::cim::{Metadata, Writer, WriterOptions};
use cimsnap::layer::export::{EntryError, ExportError};
use cimsnap::layer::hive::Layer;
use cimsnap::layer::import::LayerOs;

use super::{Images, differences, entries, layer, try_layer};
use crate::import::tars::Tar;
use crate::import::{Stack, registry};
use crate::support::{cat, image_name, memory, mkdir, path, put};

/// Exports what the second layer changed, checks that the export makes the same change, and lists it.
fn change(lower: Tar, upper: Tar) -> Vec<String> {
    let stack = Stack::of(LayerOs::Windows, [lower, upper]);
    let mut images = Images::new(stack.directory.clone(), LayerOs::Windows);
    let (base, top) = (images.open("1.cim"), images.open("2.cim"));
    let layer = layer(Some(&base), &top, LayerOs::Windows);
    assert_eq!(differences(&top, &images.lay(&layer, Some("1.cim"), "again.cim")), Vec::<String>::new());
    entries(&layer)
}

#[test]
fn streams_follow_their_owners_and_whiteouts_come_first() {
    let lower = Tar::new().dir("Files").file("Files/a", "").file("Files/b", "").file("Files/c", "");
    let upper = Tar::new()
        .file("Files/b", "new")
        .file("Files/b:two", "2")
        .file("Files/b:one", "1")
        .dir("Files/d")
        .file("Files/d:on a directory", "")
        .file("Files/d/x", "")
        .whiteout("Files/.wh.c");
    let expected = [
        "5 Files",
        "0 Files/.wh.c",
        "0 Files/b",
        "0 Files/b:one",
        "0 Files/b:two",
        "5 Files/d",
        "0 Files/d:on a directory",
        "0 Files/d/x",
    ];
    assert_eq!(change(lower, upper), expected);
}

#[test]
fn a_name_that_changes_its_case_goes_first() {
    let lower = Tar::new().file("Files/name", "1").file("Files/Dir/x", "").file("Files/z", "");
    let upper = Tar::new()
        .whiteout("Files/.wh.name")
        .whiteout("Files/.wh.Dir")
        .file("Files/NAME", "1")
        .file("Files/dir/x", "");
    let expected =
        ["5 Files", "0 Files/.wh.Dir", "0 Files/.wh.name", "0 Files/NAME", "5 Files/dir", "0 Files/dir/x"];
    assert_eq!(change(lower, upper), expected);
}

#[test]
fn directories_at_the_top_come_in_their_order() {
    let upper = Tar::new().file("UtilityVM/Files/x", "").file("Hives/System_Delta", "").file("Files/a", "");
    let expected =
        ["5 Files", "0 Files/a", "5 Hives", "0 Hives/System_Delta", "5 UtilityVM", "5 UtilityVM/Files"];
    let found = change(Tar::new(), upper);
    assert_eq!(found[..6], expected);
    assert_eq!(found[6..], ["0 UtilityVM/Files/x"]);
}

#[test]
fn merged_hives_and_the_layout_are_made_by_imports_alone() {
    let base = registry::stack([registry::base()]);
    let whole = layer(None, &base.image(), LayerOs::Windows);
    let names = entries(&whole);
    assert!(names.contains(&"5 Files/Windows/System32/config".to_owned()));
    assert!(!names.iter().any(|name| name.contains("Hives") || name.contains("layout")), "{names:?}");
    let mut again = Stack::new(LayerOs::Windows);
    again.import_bytes(whole).unwrap();
    again.commit_whole().unwrap();
    let before = again.image();
    assert_eq!(differences(&base.image(), &before), Vec::<String>::new());

    let top = registry::stack([registry::base(), registry::delta("System", "key", "value")]);
    let change = layer(Some(&base.image()), &top.image(), LayerOs::Windows);
    assert_eq!(entries(&change), ["5 Hives", "0 Hives/System_Delta"]);
    again.import_bytes(change).unwrap();
    again.commit_whole().unwrap();
    assert_eq!(differences(&top.image(), &again.image()), Vec::<String>::new());
    assert_ne!(differences(&before, &again.image()), Vec::<String>::new());
}

#[test]
fn what_a_layer_cannot_say_is_named() {
    let refusal = |edit: &dyn Fn(&mut Writer)| {
        let directory = memory();
        let (base, top) = (image_name("base.cim"), image_name("top.cim"));
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let mut writer = Writer::create(directory.clone(), &base, options).unwrap();
        ["Files", "Hives", "UtilityVM", "UtilityVM/Files"].into_iter().for_each(|at| mkdir(&mut writer, at));
        put(&mut writer, "Hives/a", b"");
        put(&mut writer, "Files/a", b"");
        writer.commit().unwrap();
        let mut writer = Writer::fork(directory.clone(), &base, &top, options).unwrap();
        edit(&mut writer);
        writer.commit().unwrap();
        let images = Images::new(directory, LayerOs::Windows);
        let (base, top) = (images.open("base.cim"), images.open("top.cim"));
        match try_layer(Some(&base), &top, LayerOs::Windows).unwrap_err() {
            ExportError::Entry { source, .. } => source,
            other => panic!("{other}"),
        }
    };
    let error = refusal(&|writer| writer.delete(&path("Hives/a")).unwrap());
    assert!(matches!(error, EntryError::DeletedOutside), "{error}");
    let error = refusal(&|writer| put(writer, "else", b""));
    assert!(matches!(error, EntryError::Outside), "{error}");
    let error = refusal(&|writer| writer.link(&path("UtilityVM/Files/a"), &path("Files/a")).unwrap());
    assert!(matches!(error, EntryError::LinkAcross { .. }), "{error}");
    let error = refusal(&|writer| {
        let reparse = [&0x9000_001Au32.to_le_bytes()[..], &[2, 0, 0, 0, 1, 2]].concat();
        let metadata = Metadata { reparse: &reparse, ..Metadata::default() };
        writer.create_file(&path("Files/cloud"), &metadata, 0).unwrap().finish().unwrap();
    });
    assert!(matches!(error, EntryError::Reparse(0x9000_001A)), "{error}");
    let error = refusal(&|writer| {
        let metadata = Metadata { eas: b"\0\0\0\0\0\x01\0\0E\0", ..Metadata::default() };
        writer.create_file(&path("Files/ea"), &metadata, 0).unwrap().finish().unwrap();
    });
    assert!(matches!(error, EntryError::Ea(_)), "{error}");
}

/// Exports an image over a parent, or over nothing, lays the layer there, and compares the registries.
fn registry_again(base: Option<Stack>, top: &Stack) -> (Vec<String>, Stack) {
    let layer = layer(base.as_ref().map(Stack::image).as_ref(), &top.image(), LayerOs::Windows);
    let mut again = base.unwrap_or_else(|| Stack::new(LayerOs::Windows));
    again.import_bytes(layer.clone()).unwrap();
    again.commit_whole().unwrap();
    for (_, stem) in registry::HIVES {
        let hive = format!("Hives/{stem}_BASE");
        assert_eq!(cat(&again.image(), &hive), cat(&top.image(), &hive), "{hive}");
    }
    (entries(&layer), again)
}

fn many_layers() -> [Tar; 4] {
    let gone = registry::delta_of("Software", "base", |key| key.layer = Layer::TOMBSTONE);
    [registry::base(), registry::delta("System", "one", "1"), gone, registry::delta("System", "two", "2")]
}

#[test]
fn changes_of_many_layers_to_a_hive_become_one() {
    let top = registry::stack(many_layers());
    let (entries, again) = registry_again(Some(registry::stack([registry::base()])), &top);
    assert_eq!(entries, ["5 Hives", "0 Hives/Software_Delta", "0 Hives/System_Delta"]);
    // The change of the system hive is another one than the last layer had.
    let changed = differences(&top.image(), &again.image());
    assert!(changed.len() == 1 && changed[0].starts_with("/Hives/System_Delta: "), "{changed:?}");

    // The parent has the very changes of the image, laid over others.
    let sam = |key| registry::delta("Sam", key, "1");
    let base = registry::stack([registry::base(), sam("other"), sam("key")]);
    let (entries, _) = registry_again(Some(base), &registry::stack([registry::base(), sam("key")]));
    assert_eq!(entries, ["5 Hives", "0 Hives/Sam_Delta"]);
}

#[test]
fn a_lowest_layer_has_its_registry_where_windows_has_it() {
    let top = registry::stack(many_layers());
    let (entries, again) = registry_again(None, &top);
    assert!(!entries.iter().any(|entry| entry.contains("Hives")), "{entries:?}");
    let live = |stack: &Stack| cat(&stack.image(), "Files/Windows/System32/config/SYSTEM").unwrap();
    assert_eq!(live(&again), cat(&top.image(), "Hives/SYSTEM_BASE").unwrap());
    assert_ne!(live(&top), live(&again));
    let sam = |stack: &Stack| cat(&stack.image(), "Files/Windows/System32/config/SAM").unwrap();
    assert_eq!(sam(&top), sam(&again));
}
