//! Layers of Linux, entry by entry.

use cimsnap::cim::reparse::build;
use cimsnap::cim::{CaseRule, Metadata, Writer, WriterOptions};
use cimsnap::layer::export::{EntryError, ExportError};
use cimsnap::layer::import::LayerOs;

use super::{Images, differences, entries, layer, try_layer};
use crate::import::Stack;
use crate::import::tars::Tar;
use crate::support::{image_name, memory, name, path, put};

/// Exports what the second layer changed, checks that the export makes the same change, and lists it.
fn change(lower: Tar, upper: Tar) -> Vec<String> {
    let stack = Stack::of(LayerOs::Linux, [lower, upper]);
    let mut images = Images::new(stack.directory.clone(), LayerOs::Linux);
    let (base, top) = (images.open("1.cim"), images.open("2.cim"));
    let layer = layer(Some(&base), &top, LayerOs::Linux);
    assert_eq!(differences(&top, &images.lay(&layer, Some("1.cim"), "again.cim")), Vec::<String>::new());
    entries(&layer)
}

#[test]
fn what_is_the_same_is_not_there() {
    let tree = || Tar::new().dir("d").file("d/a", "a").link("d/b", "d/a").symlink("s", "d");
    assert!(change(tree(), Tar::new()).is_empty());
    assert!(change(tree(), tree()).is_empty(), "new files, but of the same content");
}

#[test]
fn directories_lead_to_what_changed() {
    let lower = Tar::new().dir("a").dir("a/b").file("a/b/c", "old").file("a/x", "").dir("e").file("e/f", "");
    let found = change(lower, Tar::new().file("a/b/c", "new"));
    assert_eq!(found, ["5 a/", "5 a/b/", "0 a/b/c"]);
}

#[test]
fn hard_links_lead_to_files_of_the_same_layer() {
    let lower = || Tar::new().file("a", "1").link("b", "a").file("c", "2").dir("d");
    let found = change(lower(), Tar::new().whiteout(".wh.b").link("d/new", "a").link("c", "a"));
    assert_eq!(found, ["0 .wh.b", "0 a", "1 c -> a", "5 d/", "1 d/new -> a"]);
    let found = change(lower(), Tar::new().file("a", "other").link("n", "b"));
    assert_eq!(found, ["0 a", "0 b", "1 n -> b"], "b is what is left of the file");
    let found = change(lower(), Tar::new().whiteout(".wh.a").whiteout(".wh.b").file("x", "1"));
    assert_eq!(found, ["0 .wh.a", "0 .wh.b", "0 x"]);
}

#[test]
fn the_first_name_of_a_new_file_carries_the_data() {
    let found =
        change(Tar::new().file("b", "old"), Tar::new().file("z", "data").link("b", "z").link("a", "z"));
    assert_eq!(found, ["0 a", "1 b -> a", "1 z -> a"]);
}

#[test]
fn links_that_part_are_two_files() {
    let lower = Tar::new().file("a", "same").link("b", "a").link("c", "a");
    assert_eq!(change(lower, Tar::new().file("b", "same")), ["0 b"]);
}

#[test]
fn a_directory_that_was_made_anew_starts_empty() {
    let lower = Tar::new().dir("d").dir("d/sub").file("d/sub/x", "").file("d/old", "");
    let found = change(lower, Tar::new().whiteout(".wh.d").dir("d").file("d/new", ""));
    assert_eq!(found, ["5 d/", "0 d/.wh.old", "0 d/.wh.sub", "0 d/new"]);
}

#[test]
fn files_links_and_directories_take_each_others_place() {
    let lower = || Tar::new().dir("d").file("d/x", "").file("f", "").symlink("s", "d");
    let found =
        change(lower(), Tar::new().symlink("d", "s").dir("f").file("f/x", "").whiteout(".wh.s").dir("s"));
    assert_eq!(found, ["2 d -> s", "5 f/", "0 f/x", "5 s/"]);
}

#[test]
fn a_name_that_changes_its_case_goes_and_comes() {
    let lower = Tar::new().file("File", "1").dir("Dir").file("Dir/x", "").file("y", "");
    let upper = Tar::new().whiteout(".wh.File").whiteout(".wh.Dir").file("file", "1").file("dir/x", "");
    assert_eq!(change(lower, upper), ["0 .wh.Dir", "0 .wh.File", "5 dir/", "0 dir/x", "0 file"]);
}

#[test]
fn the_root_is_there_if_it_changed() {
    assert_eq!(change(Tar::new(), Tar::new().dir("./")), ["5 ./"]);
}

fn writer(directory: &std::sync::Arc<dyn cimsnap::cim::io::Directory>, at: &str) -> Writer {
    let options = WriterOptions { case: CaseRule::Distinguish, sync: false, ..WriterOptions::DEFAULT };
    Writer::create(directory.clone(), &image_name(at), options).unwrap()
}

fn put_reparse(writer: &mut Writer, at: &str, reparse: &[u8]) {
    let metadata = Metadata { reparse, ..Metadata::default() };
    writer.create_file(&path(at), &metadata, 0).unwrap().finish().unwrap();
}

#[test]
fn sockets_are_left_out_but_hide_what_was_there() {
    let directory = memory();
    let mut base = writer(&directory, "base.cim");
    put(&mut base, "a", b"file");
    put_reparse(&mut base, "old", &build::af_unix());
    base.commit().unwrap();
    let mut top = writer(&directory, "top.cim");
    ["a", "b", "old"].into_iter().for_each(|at| put_reparse(&mut top, at, &build::af_unix()));
    top.commit().unwrap();
    let images = Images::new(directory, LayerOs::Linux);
    let (base, top) = (images.open("base.cim"), images.open("top.cim"));
    let (layer, summary) = try_layer(Some(&base), &top, LayerOs::Linux).unwrap();
    assert_eq!(entries(&layer), ["0 .wh.a"]);
    assert_eq!((summary.sockets, summary.whiteouts, summary.files), (2, 1, 0));
}

#[test]
fn what_a_layer_cannot_say_is_named() {
    let refusal = |fill: &dyn Fn(&mut Writer)| {
        let directory = memory();
        let mut writer = writer(&directory, "a.cim");
        fill(&mut writer);
        writer.commit().unwrap();
        let image = Images::new(directory, LayerOs::Linux).open("a.cim");
        match try_layer(None, &image, LayerOs::Linux).unwrap_err() {
            ExportError::Entry { path, source } => (path, source),
            other => panic!("{other}"),
        }
    };
    let (at, error) = refusal(&|writer| put(writer, ".wh.a", b""));
    assert!(at == ".wh.a" && matches!(error, EntryError::WhiteoutName), "{at}: {error}");
    let (at, error) = refusal(&|writer| put_reparse(writer, "l", &build::symlink(b"C:\\x").unwrap()));
    assert!(at == "l" && matches!(error, EntryError::Reparse(0xA000_000C)), "{at}: {error}");
    let (at, error) = refusal(&|writer| {
        put(writer, "s", b"");
        writer.create_stream(&path("s"), &name("side"), 0).unwrap().finish().unwrap();
    });
    assert!(at == "s" && matches!(error, EntryError::Streams), "{at}: {error}");
    // One surrogate of two that stand for the bytes of a letter.
    let (_, error) = refusal(&|writer| {
        let both = cimsnap::cim::ImagePath::from_units(&[0xDCC3, 0xDCA9].map(Into::into)).unwrap();
        writer.create_file(&both, &Metadata::default(), 0).unwrap().finish().unwrap();
    });
    assert!(matches!(error, EntryError::Name), "{error}");
}
